"""Metrics by name, computed by a trainer from the targets and raw outputs of each batch.

A metric that is a mean over samples is a function ``(target, output) -> float`` of a batch. Other
metrics, such as F1, are defined for a whole set only: a `WholeSet` starts a tally, which adds up
the batches and returns the value at the end.
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

ROW_TOLERANCE = 1e-3  # largest distance of a sum of probabilities from 1


class Tally(Protocol):
    """The protocol of a metric over many batches: it adds batches and computes one result.

    Examples
    --------
    >>> class Largest:
    ...     def __init__(self):
    ...         self.value = 0.0
    ...     def add(self, target, output):
    ...         self.value = max(self.value, float(output.max()))
    ...     def result(self):
    ...         return self.value
    ...     def state_dict(self):
    ...         return {"value": self.value}
    ...     def load_state_dict(self, state):
    ...         self.value = state["value"]
    >>> tally: Tally = Largest()
    >>> for batch in ([[1.0, 2.0]], [[5.0, 3.0]]):
    ...     tally.add([0], np.array(batch))
    >>> tally.result()
    5.0
    """

    def add(self, target: Any, output: Any) -> None:
        """Add a batch."""

    def result(self) -> float:
        """Return the value for all batches so far."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state as arrays and plain values, for a checkpoint."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state_dict` returned."""


class WholeSet:
    """A metric that is defined for a whole set of samples only.

    Parameters
    ----------
    start : callable
        Returns an empty `Tally`.

    Examples
    --------
    >>> _, metric = get("f1")
    >>> tally = metric.start()
    >>> for labels in ([0, 1], [1, 1]):
    ...     tally.add(np.array(labels), np.array([[0.0, 2.0], [0.0, 2.0]]))
    >>> round(tally.result(), 3)
    0.429
    """

    def __init__(self, start: Callable[[], Tally]) -> None:
        self.start = start


Metric = Callable[[Any, Any], float] | WholeSet


def classes_of(target: Any, output: Any) -> Any:
    """Return class numbers as a vector, from class numbers or one row per sample."""
    array = np.asarray(target)
    if array.shape == output.shape:
        array = array[..., 0] > 0.5 if output.shape[-1] == 1 else array.argmax(axis=-1)
    return array.reshape(-1).astype(np.int64) if array.dtype.kind in "biu" else array.reshape(-1)


def predictions(output: Any) -> Any:
    """Return the most probable classes as a vector; a single output is the logit of class 1."""
    chosen = output[..., 0] > 0 if output.shape[-1] == 1 else output.argmax(axis=-1)
    return chosen.reshape(-1).astype(np.int64)


def probabilities(output: Any) -> Any:
    """Return rows of probabilities, float64: the softmax of logits, or unchanged probabilities."""
    table = np.asarray(output, np.float64).reshape(-1, output.shape[-1])
    if table.shape[1] == 1:
        positive = ops.sigmoid(table)
        return np.concatenate([1 - positive, positive], axis=1)
    if table.min() >= 0 and np.all(np.abs(table.sum(axis=1) - 1) < ROW_TOLERANCE):
        return table
    return ops.softmax(table)


class Confusion:
    """Tally of a confusion matrix and a score computed from it."""

    def __init__(self, score: str, average: str) -> None:
        self._score, self._average = score, average
        self._matrix: Any = np.zeros((0, 0), np.int64)

    def add(self, target: Any, output: Any) -> None:
        """Add a batch."""
        counts = confusion_matrix(
            classes_of(target, output), predictions(output), num_classes=max(output.shape[-1], 2)
        )
        self._matrix = counts if not self._matrix.size else self._matrix + counts

    def result(self) -> float:
        """Return the score."""
        return float(from_confusion(self._matrix, self._score, self._average))

    def state_dict(self) -> dict[str, Any]:
        """Return the matrix."""
        return {"matrix": self._matrix.copy()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a matrix."""
        self._matrix = np.array(state["matrix"], np.int64)


class Scores:
    """Tally of all targets and probabilities."""

    def __init__(self, measure: Callable[[Any, Any], float]) -> None:
        self._measure = measure
        self._targets: list[Any] = []
        self._tables: list[Any] = []

    def add(self, target: Any, output: Any) -> None:
        """Add a batch."""
        self._targets.append(classes_of(target, output))
        self._tables.append(probabilities(output))

    def result(self) -> float:
        """Return the metric of all samples."""
        return self._measure(np.concatenate(self._targets), np.concatenate(self._tables))

    def state_dict(self) -> dict[str, Any]:
        """Return targets and probabilities."""
        if not self._targets:
            return {}
        return {
            "targets": np.concatenate(self._targets),
            "probabilities": np.concatenate(self._tables),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore targets and probabilities."""
        self._targets = [np.array(state["targets"], np.int64)] if state else []
        self._tables = [np.array(state["probabilities"], np.float64)] if state else []


def _accuracy(target: Any, output: Any) -> float:
    return accuracy(classes_of(target, output), predictions(output))


def _top_k(k: int) -> Callable[[Any, Any], float]:
    def top_k(target: Any, output: Any) -> float:
        return top_k_accuracy(classes_of(target, output), output.reshape(-1, output.shape[-1]), k=k)

    return top_k


_AVERAGES = {"": "macro", "_macro": "macro", "_micro": "micro", "_weighted": "weighted"}
_RANKED: dict[str, Callable[[Any, Any], float]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "calibration_error": calibration_error,
}
_OLD_NAMES = {"auc": "roc_auc"}
NAMES = ("accuracy", "top_k_accuracy", "precision", "recall", "f1", *_RANKED)


def get(metric: str | Metric) -> tuple[str, Metric]:
    """Return the name and the function of a metric.

    Parameters
    ----------
    metric : str, callable or WholeSet
        The name of a function of `cnnrs.metrics`: ``"accuracy"``, ``"top_k_accuracy"``,
        ``"precision"``, ``"recall"``, ``"f1"``, ``"roc_auc"``, ``"average_precision"`` or
        ``"calibration_error"``. In ``"top_k_accuracy"`` k is 5; ``"top_3_accuracy"`` sets it to 3.
        ``"precision"``, ``"recall"`` and ``"f1"`` may end in ``_macro`` (the default), ``_micro``
        or ``_weighted``. A function gets the targets and the raw outputs of a batch, and returns
        the mean over its samples.

    Returns
    -------
    name : str
    function : callable or WholeSet

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
        if found := re.fullmatch(r"top_(k|[1-9]\d*)_accuracy", metric):
            return metric, _top_k(5 if found[1] == "k" else int(found[1]))
        if (
            found := re.fullmatch(r"(precision|recall|f1)(|_macro|_micro|_weighted)", metric)
        ) is not None:
            score, average = found[1], _AVERAGES[found[2]]
            return metric, WholeSet(lambda: Confusion(score, average))
        if metric in _RANKED:
            measure = _RANKED[metric]
            return metric, WholeSet(lambda: Scores(measure))
        if metric in _OLD_NAMES:
            raise ArgumentError(f"metrics: expected {_OLD_NAMES[metric]!r}, got {metric!r}")
    raise ArgumentError(
        f"metrics: expected one of {', '.join(map(repr, NAMES))} or a function of target and "
        f"output, got {metric!r}"
    )
