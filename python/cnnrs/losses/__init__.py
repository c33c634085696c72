"""Losses: one number that says how wrong the outputs of a batch are, and its gradient.

Every loss is a mean over the samples of the batch, so that the gradient of a batch is the mean of
the gradients of its samples (with class weights or an ignored index: the weighted mean). Targets of
classifiers are class numbers, or one row per sample (one-hot, or probabilities); dense predictions
of shape (n, height, width, classes) take class numbers of shape (n, height, width). Targets that do
not fit are refused with the index at which they stand.
"""

from __future__ import annotations

from cnnrs.errors import ArgumentError
from cnnrs.losses.base import Loss
from cnnrs.losses.classes import CrossEntropy, Focal, KLDivergence, MultiClassHinge
from cnnrs.losses.masks import BinaryCrossEntropy, BinaryFocal, Dice
from cnnrs.losses.values import MAE, MSE, HalfSumOfSquares, Huber, SmoothL1

__all__ = [
    "MAE",
    "MSE",
    "BinaryCrossEntropy",
    "BinaryFocal",
    "CrossEntropy",
    "Dice",
    "Focal",
    "HalfSumOfSquares",
    "Huber",
    "KLDivergence",
    "Loss",
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
    "mae": MAE,
    "mse": MSE,
    "smooth_l1": SmoothL1,
}


def get(loss: str | Loss) -> Loss:
    """The loss of that name; a loss is returned as it is.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> get("mse")
    MSE()
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str) and loss in _CLASSES:
        return _CLASSES[loss]()
    raise ArgumentError(
        f"loss: expected one of {', '.join(map(repr, _CLASSES))} or a Loss, got {loss!r}"
    )
