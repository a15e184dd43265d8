"""What a reader sees: tables on the console, the offline page of a run or of two, pictures in wandb."""
