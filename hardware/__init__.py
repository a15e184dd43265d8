"""What both training stages need of the machine: environment, the CPU platform of verl, checks before a start."""
