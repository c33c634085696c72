"""Metrics of predictions, with arguments in scikit-learn's order: true labels first.

Labels are class numbers of shape (n,). Scores have the shape (n, classes) and increase with the
probability of a class. A metric that is undefined, such as the area under the ROC curve of samples
of a single class, is NaN. The name of a metric in a trainer is the name of its function.
"""

from __future__ import annotations

from cnnrs.metrics.calibration import Reliability, calibration_error, reliability
from cnnrs.metrics.classes import (
    ClassScores,
    accuracy,
    class_scores,
    confusion_matrix,
    f1,
    precision,
    recall,
    top_k_accuracy,
)
from cnnrs.metrics.intervals import wilson_interval
from cnnrs.metrics.named import Tally, WholeSet, get
from cnnrs.metrics.ranking import average_precision, roc_auc

__all__ = [
    "ClassScores",
    "Reliability",
    "Tally",
    "WholeSet",
    "accuracy",
    "average_precision",
    "calibration_error",
    "class_scores",
    "confusion_matrix",
    "f1",
    "get",
    "precision",
    "recall",
    "reliability",
    "roc_auc",
    "top_k_accuracy",
    "wilson_interval",
]
