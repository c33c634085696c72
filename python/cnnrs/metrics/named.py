"""Metrics by name, as a trainer uses them: on the targets and the raw outputs of batch after batch.

Some are means over samples, and a batch's value is enough: a function ``(target, output) ->
float``. Others (F1, AUC) have a value only for a whole set: a `WholeSet` starts a tally, which
takes in the batches and gives the value at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from cnnrs import ops
from cnnrs.errors import ArgumentError
from cnnrs.metrics.calibration import calibration_error
from cnnrs.metrics.classes import accuracy, confusion_matrix, from_confusion, top_k_accuracy
from cnnrs.metrics.ranking import average_precision, roc_auc

__all__ = ["Metric", "Tally", "WholeSet", "get"]

ROW_TOLERANCE = 1e-3  # by which rows of probabilities may miss 1


class Tally(Protocol):
    """What a metric keeps of the batches of a set."""

    def add(self, target: Any, output: Any) -> None:
        """Take in a batch."""

    def result(self) -> float:
        """The value for all batches so far."""

    def state_dict(self) -> dict[str, Any]:
        """Arrays and plain values, for a checkpoint."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""


class WholeSet:
    """A metric that has a value only for a whole set of samples.

    Parameters
    ----------
    start : callable
        Makes an empty `Tally`.
    """

    def __init__(self, start: Callable[[], Tally]) -> None:
        self.start = start


Metric = Callable[[Any, Any], float] | WholeSet


def classes_of(target: Any, output: Any) -> Any:
    """Class numbers from class numbers or one row per sample, as a vector."""
    array = np.asarray(target)
    if array.shape == output.shape:
        array = array[..., 0] > 0.5 if output.shape[-1] == 1 else array.argmax(axis=-1)
    return array.reshape(-1).astype(np.int64) if array.dtype.kind in "biu" else array.reshape(-1)


def predictions(output: Any) -> Any:
    """The most probable classes, as a vector; a single output is a logit of class 1."""
    chosen = output[..., 0] > 0 if output.shape[-1] == 1 else output.argmax(axis=-1)
    return chosen.reshape(-1).astype(np.int64)


def probabilities(output: Any) -> Any:
    """Rows of probabilities, float64: the softmax of logits, or the rows as they are if they are
    probabilities already.
    """
    table = np.asarray(output, np.float64).reshape(-1, output.shape[-1])
    if table.shape[1] == 1:
        positive = ops.sigmoid(table)
        return np.concatenate([1 - positive, positive], axis=1)
    if table.min() >= 0 and np.all(np.abs(table.sum(axis=1) - 1) < ROW_TOLERANCE):
        return table
    return ops.softmax(table)


class Confusion:
    """Tally of a confusion matrix, and a score from it."""

    def __init__(self, score: str, average: str) -> None:
        self._score, self._average = score, average
        self._matrix: Any = np.zeros((0, 0), np.int64)

    def add(self, target: Any, output: Any) -> None:
        """Take in a batch."""
        counts = confusion_matrix(
            classes_of(target, output), predictions(output), max(output.shape[-1], 2)
        )
        self._matrix = counts if not self._matrix.size else self._matrix + counts

    def result(self) -> float:
        """The score."""
        return float(from_confusion(self._matrix, self._score, self._average))

    def state_dict(self) -> dict[str, Any]:
        """The matrix."""
        return {"matrix": self._matrix.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a matrix."""
        self._matrix = np.array(state["matrix"], np.int64)


class Scores:
    """Tally of all probabilities."""

    def __init__(self, measure: Callable[[Any, Any], float]) -> None:
        self._measure = measure
        self._targets: list[Any] = []
        self._tables: list[Any] = []

    def add(self, target: Any, output: Any) -> None:
        """Take in a batch."""
        self._targets.append(classes_of(target, output))
        self._tables.append(probabilities(output))

    def result(self) -> float:
        """The measure of all samples."""
        return self._measure(np.concatenate(self._targets), np.concatenate(self._tables))

    def state_dict(self) -> dict[str, Any]:
        """Targets and probabilities."""
        if not self._targets:
            return {}
        return {
            "targets": np.concatenate(self._targets),
            "probabilities": np.concatenate(self._tables),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over targets and probabilities."""
        self._targets = [np.array(state["targets"], np.int64)] if state else []
        self._tables = [np.array(state["probabilities"], np.float64)] if state else []


def _accuracy(target: Any, output: Any) -> float:
    return accuracy(classes_of(target, output), predictions(output))


def _top_k(k: int) -> Callable[[Any, Any], float]:
    def top_k(target: Any, output: Any) -> float:
        return top_k_accuracy(classes_of(target, output), output.reshape(-1, output.shape[-1]), k)

    return top_k


_AVERAGES = {"": "macro", "_macro": "macro", "_micro": "micro", "_weighted": "weighted"}
_RANKED: dict[str, Callable[[Any, Any], float]] = {
    "auc": roc_auc,
    "average_precision": average_precision,
    "calibration_error": calibration_error,
}
NAMES = ("accuracy", "top_5_accuracy", "precision", "recall", "f1", *_RANKED)


def get(metric: str | Metric) -> tuple[str, Metric]:
    """Name and function of a metric.

    Parameters
    ----------
    metric : str, callable or WholeSet
        ``"accuracy"``; ``"top_5_accuracy"``, with any number in the place of 5; ``"precision"``,
        ``"recall"``, ``"f1"``, which may end in ``_macro`` (as without an end), ``_micro`` or
        ``_weighted``; ``"auc"``, ``"average_precision"``, ``"calibration_error"``. A function of
        yours gets the targets and the raw outputs of a batch, and returns their mean.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> get("accuracy")[1](np.array([1]), np.array([[0.0, 2.0]]))
    1.0
    """
    if callable(metric) or isinstance(metric, WholeSet):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric == "accuracy":
        return metric, _accuracy
    if isinstance(metric, str):
        if found := re.fullmatch(r"top_([1-9]\d*)_accuracy", metric):
            return metric, _top_k(int(found[1]))
        if (
            found := re.fullmatch(r"(precision|recall|f1)(|_macro|_micro|_weighted)", metric)
        ) is not None:
            score, average = found[1], _AVERAGES[found[2]]
            return metric, WholeSet(lambda: Confusion(score, average))
        if metric in _RANKED:
            measure = _RANKED[metric]
            return metric, WholeSet(lambda: Scores(measure))
    raise ArgumentError(
        f"metrics: expected one of {', '.join(map(repr, NAMES))} or a function of target and "
        f"output, got {metric!r}"
    )
