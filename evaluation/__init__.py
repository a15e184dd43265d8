"""Scores of predictions against a dataset split, comparisons of scores, and the report of a run.

Reads the predictions of any model and needs neither torch, verl nor vLLM.
Commands: `evaluation.run`, `evaluation.oracle`, `evaluation.average_precision`.
"""

from evaluation.comparison import Comparison, compare, compare_seeds, comparison_table, comparison_tables
from evaluation.curves import Curve, read_curves
from evaluation.evaluate import evaluate
from evaluation.gallery import Example, gallery
from evaluation.prediction import Prediction, read_predictions, write_predictions
from evaluation.report import write_report
from evaluation.report_row import report_rows
from evaluation.scores import Scores

__all__ = [
    "Comparison",
    "Curve",
    "Example",
    "Prediction",
    "Scores",
    "compare",
    "compare_seeds",
    "comparison_table",
    "comparison_tables",
    "evaluate",
    "gallery",
    "read_curves",
    "read_predictions",
    "report_rows",
    "write_predictions",
    "write_report",
]
