"""GSPO with verl: entry point, preflight checks, the CPU platform and the metrics of a step."""
