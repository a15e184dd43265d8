"""In which order should the points come? The question, the tables and the plot are in README.md."""
