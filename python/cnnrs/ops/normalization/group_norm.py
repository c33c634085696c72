"""Group normalisation, and its gradients."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, integer, number, output
from cnnrs.errors import ShapeError
from cnnrs.ops.normalization.arguments import (
    affine,
    expect_statistics,
    gradient_arguments,
    gradient_targets,
)


def group_norm(
    x: ArrayLike,
    groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: Floats | None = None,
) -> Any:
    """Normalise the channels of each sample in groups.

    The channels are split into equal groups of neighbours. Each group gets mean 0 and variance 1,
    then ``* weight + bias``.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    groups : int
        A divisor of the number of channels.
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (n, groups)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    Y. Wu and K. He, "Group Normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.group_norm(np.array([[1.0, 3.0, 5.0, 9.0]]), 2, epsilon=0)[0]
    array([[-1.,  1., -1.,  1.]])
    """
    data, scale, shift = affine(x, weight, bias)
    parts = _groups(groups, data)
    added = number("epsilon", epsilon, 0)
    y = output(out, data.shape, data.dtype)
    shape = (data.shape[0], parts)
    mean, variance = np.empty(shape, data.dtype), np.empty(shape, data.dtype)
    if data.size:
        _core.group_norm_forward(data, scale, shift, y, mean, variance, shape, added, False)
    return y, mean, variance


def group_norm_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    groups: int,
    weight: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: tuple[Floats | None, Floats | None, Floats | None] | None = None,
    accumulate: bool | tuple[bool, bool, bool] = False,
) -> Any:
    """Compute the gradients of `group_norm`.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    mean, variance : array_like of shape (n, groups)
        As `group_norm` returned them.
    groups : int
    weight : array_like of shape (channels,), optional
    epsilon : float
        As in the forward call.
    out : (ndarray of the shape of `x`, ndarray of shape (channels,), the same), optional
        Each may be None. The first may be `grad_output`.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`
    grad_weight, grad_bias : ndarray of shape (channels,)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> x = np.array([[1.0, 3.0]])
    >>> _, mean, variance = ops.group_norm(x, 1)
    >>> ops.group_norm_backward(np.array([[1.0, 2.0]]), x, mean, variance, 1)[2]
    array([1., 2.])
    """
    gradient, data, scale, shift, statistics = gradient_arguments(
        grad_output, x, mean, variance, weight, None
    )
    parts = _groups(groups, data)
    shape = (data.shape[0], parts)
    expect_statistics(statistics, shape)
    added = number("epsilon", epsilon, 0)
    targets, adds = gradient_targets(data, out, accumulate)
    if data.size:
        _core.group_norm_backward(
            gradient,
            data,
            statistics[0],
            statistics[1],
            scale,
            shift,
            *targets,
            shape,
            added,
            False,
            adds,
        )
    else:
        for target in targets[1:] if not adds[1] else ():
            target.fill(0)
    return targets


def _groups(groups: Any, x: Any) -> int:
    parts = integer("groups", groups, 1)
    if x.shape[-1] % parts:
        raise ShapeError(f"groups: expected a divisor of the {x.shape[-1]} channels, got {parts}")
    if x.size == 0 and x.shape[0]:
        raise ShapeError(f"x: expected at least one position in each sample, got shape {x.shape}")
    return parts
