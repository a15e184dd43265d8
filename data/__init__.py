"""Data: one file per source, one `Sample` schema, tasks, prompt templates, and `python -m data.prepare`.

Why: everything downstream (SFT, RL, evaluation) reads the same parquet rows, whatever the pixels came from.
Imports `polygon` and never torch, verl or vllm.
"""

from data.sample import Sample, rl_row, sft_row
from data.shapes import Shapes
from data.stream import SftRows
from data.task import TASKS, Task, TaskMix

__all__ = ["TASKS", "Sample", "SftRows", "Shapes", "Task", "TaskMix", "rl_row", "sft_row"]
