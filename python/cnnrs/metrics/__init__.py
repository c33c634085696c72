"""Metrics: how good predictions are. Arguments come in scikit-learn's order, the truth first.

Labels are class numbers of shape (n,); scores are anything that grows with the probability of a
class, of shape (n, classes). What has no value, such as the area under a ROC curve where all
samples are of one class, is NaN.
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
