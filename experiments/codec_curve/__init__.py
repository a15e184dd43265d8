"""What the codec alone can reach, by vertices and by tokens: the question, the table and the plot are in README.md."""
