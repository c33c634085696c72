"""Losses: functions of the outputs and targets of a batch, and their gradients.

Every loss is a mean over the samples of the batch, so that the gradient of a batch is the mean of
the gradients of its samples (with class weights or an ignored index, the weighted mean). Targets of
classifiers are class numbers, or one row per sample (one-hot, or probabilities). Dense predictions
of shape (n, height, width, classes) take class numbers of shape (n, height, width). An error for a
wrong target names its index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnrs import _renamed
from cnnrs.errors import ArgumentError
from cnnrs.losses.base import Loss
from cnnrs.losses.classes import CrossEntropy, Focal, KLDivergence, MultiClassHinge
from cnnrs.losses.masks import BinaryCrossEntropy, BinaryFocal, Dice
from cnnrs.losses.values import (
    HalfSumOfSquares,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SmoothL1,
)

__all__ = [
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CrossEntropy",
    "Dice",
    "Focal",
    "HalfSumOfSquares",
    "Huber",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MultiClassHinge",
    "SmoothL1",
    "get",
]

_CLASSES: dict[str, type[Loss]] = {
    "binary_cross_entropy": BinaryCrossEntropy,
    "binary_focal": BinaryFocal,
    "cross_entropy": CrossEntropy,
    "dice": Dice,
    "focal": Focal,
    "half_sum_of_squares": HalfSumOfSquares,
    "hinge": MultiClassHinge,
    "huber": Huber,
    "kl_divergence": KLDivergence,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "smooth_l1": SmoothL1,
}


if not TYPE_CHECKING:
    __getattr__ = _renamed.names(__name__, {"MAE": "MeanAbsoluteError", "MSE": "MeanSquaredError"})


def get(loss: str | Loss) -> Loss:
    """Return the loss of a name with its default settings; a loss is returned unchanged.

    Parameters
    ----------
    loss : str or Loss
        ``"mse"`` and ``"mae"`` are short for ``"mean_squared_error"`` and
        ``"mean_absolute_error"``.

    Returns
    -------
    Loss

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> get("mse")
    MeanSquaredError()
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str) and loss in _CLASSES:
        return _CLASSES[loss]()
    raise ArgumentError(
        f"loss: expected one of {', '.join(map(repr, _CLASSES))} or a Loss, got {loss!r}"
    )
