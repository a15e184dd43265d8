"""Models: the tiny Qwen3-VL of the demo, faster vision attention on CPUs, and checkpoint export."""
