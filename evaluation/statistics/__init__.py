"""From numbers of single answers to metrics: means and their errors, intervals, slices, and two models compared."""
