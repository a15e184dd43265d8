"""Sampling with vLLM: the agent loop of training, generation over a dataset, answers about photos, the CPU worker."""
