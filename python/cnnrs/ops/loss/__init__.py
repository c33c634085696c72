"""Losses of a batch, and their gradients."""

from cnnrs.ops.loss.cross_entropy import cross_entropy, cross_entropy_backward, one_hot
from cnnrs.ops.loss.half_sum_of_squares import half_sum_of_squares, half_sum_of_squares_backward
from cnnrs.ops.loss.hinge import hinge, hinge_backward
from cnnrs.ops.loss.pointwise import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    huber,
    huber_backward,
    mean_absolute_error,
    mean_absolute_error_backward,
    mean_squared_error,
    mean_squared_error_backward,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "cross_entropy",
    "cross_entropy_backward",
    "half_sum_of_squares",
    "half_sum_of_squares_backward",
    "hinge",
    "hinge_backward",
    "huber",
    "huber_backward",
    "mean_absolute_error",
    "mean_absolute_error_backward",
    "mean_squared_error",
    "mean_squared_error_backward",
    "one_hot",
]
