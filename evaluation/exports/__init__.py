"""The formats that `evaluation.export` writes."""
