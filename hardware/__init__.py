"""What both training stages need of the machine and of verl: environment, engine, CPU platform, checks, usable rows."""
