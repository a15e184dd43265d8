"""What one answer scores on one sample: overlap, boxes, outlines, vertices, and what is odd about the text itself."""
