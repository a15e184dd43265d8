"""Sampling with vLLM: the agent loop of training, generation over a dataset, the CPU worker."""
