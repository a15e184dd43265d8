"""Scores of predictions against a dataset split, comparisons of scores, and the report of a run.

Reads the predictions of any model and needs neither torch, verl nor vLLM. A file of answers goes through

    inputs/      any format -> `Prediction`s, what cannot be used counted
    evaluate.py  joins them with the samples they answer, by the conventions (conventions.py)
    measures/    what one answer scores on one sample
    statistics/  metrics with errors and intervals, slices, comparisons
    report/      tables, report.html, pictures in wandb
    exports/     COCO results, LabelMe, SVG

Commands: `evaluation.run` and `evaluation.export`; `evaluation.average_precision` of detections; `evaluation.oracle`
and `evaluation.gold`, what the codec and the rewards allow at best.
"""

from evaluation.evaluate import evaluate
from evaluation.prediction import Prediction, read_predictions, write_predictions
from evaluation.report.comparison_tables import comparison_table, comparison_tables
from evaluation.report.curves import Curve, read_curves
from evaluation.report.gallery import Example, gallery
from evaluation.report.page import write_report
from evaluation.report.row import report_rows
from evaluation.statistics.comparison import Comparison, compare, compare_seeds
from evaluation.statistics.scores import Scores

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
