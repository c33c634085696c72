"""Normalisation of each sample by itself: by rows, by groups of channels, across neighbouring
channels; with their gradients.

``weight`` and ``bias`` are one value per channel (the last axis); None stands for ones and zeros.
The variance is the biased one, and ``epsilon`` is added to it before the root.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, _core
from cnnrs._arguments import Floats, floats, integer, number, output
from cnnrs.errors import ShapeError
from cnnrs.ops.normalization import affine, gradient_arguments, gradient_targets, with_channels

_X = ("x",)


def layer_norm(
    x: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: Floats | None = None,
) -> Any:
    """Layer normalisation: every vector along the last axis gets mean 0 and variance 1, then ``*
    weight + bias``.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (n, ...)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.layer_norm(np.array([[1.0, 3.0]]), epsilon=0)[0]
    array([[-1.,  1.]])
    """
    data, scale, shift = affine(x, weight, bias)
    added = number("epsilon", epsilon, 0)
    y = output(out, data.shape, data.dtype)
    mean, variance = np.empty(data.shape[:-1], data.dtype), np.empty(data.shape[:-1], data.dtype)
    _core.layer_norm_forward(data, scale, shift, y, mean, variance, added)
    return y, mean, variance


def layer_norm_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: tuple[Floats | None, Floats | None, Floats | None] | None = None,
    accumulate: bool | tuple[bool, bool, bool] = False,
) -> Any:
    """Gradients of `layer_norm`.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    mean, variance : array_like of shape (n, ...)
        As `layer_norm` returned them.
    weight : array_like of shape (channels,), optional
    epsilon : float
        As in the forward call.
    out : (ndarray of the shape of `x`, ndarray of shape (channels,), the same), optional
        Written to and returned; each may be None, and overlaps no other argument.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`
    grad_weight, grad_bias : ndarray of shape (channels,)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> x = np.array([[1.0, 3.0]])
    >>> _, mean, variance = ops.layer_norm(x)
    >>> ops.layer_norm_backward(np.array([[1.0, 2.0]]), x, mean, variance)[2]
    array([1., 2.])
    """
    gradient, data, scale, _, statistics = gradient_arguments(
        grad_output, x, mean, variance, weight, None
    )
    _statistics(statistics, data.shape[:-1])
    added = number("epsilon", epsilon, 0)
    targets, adds = gradient_targets(data, out, accumulate)
    _core.layer_norm_backward(
        gradient, data, statistics[0], statistics[1], scale, *targets, added, adds
    )
    return targets


def group_norm(
    x: ArrayLike,
    groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: Floats | None = None,
) -> Any:
    """Group normalisation: the channels of each sample, cut into equal groups of neighbours, each
    group with mean 0 and variance 1.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    groups : int
        A divisor of the number of channels.
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (n, groups)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    """Gradients of `group_norm`.

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
        Written to and returned; each may be None. The first may be `grad_output`; otherwise they
        overlap no other argument.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`
    grad_weight, grad_bias : ndarray of shape (channels,)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    _statistics(statistics, shape)
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


def _statistics(statistics: tuple[Any, Any], shape: tuple[int, ...]) -> None:
    for name, array in zip(("mean", "variance"), statistics, strict=True):
        if array.shape != shape:
            raise ShapeError(f"{name}: expected shape {shape}, got {array.shape}")


def local_response_norm(
    x: ArrayLike,
    size: int = 5,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    out: Floats | None = None,
) -> Any:
    """Local response normalisation: ``x / (k + alpha / size * sum(x**2))**beta``, the sum over
    `size` neighbouring channels.

    The window of channel ``c`` goes from ``c - size // 2`` to ``c + (size - 1) // 2``; channels
    that do not exist count as zero. The constants are PyTorch's: AlexNet's paper writes ``alpha *
    sum``, which is `alpha` times `size` here.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    size : int
        Channels of a window.
    alpha, beta : float, at least 0
    k : float, above 0
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet Classification with Deep Convolutional
    Neural Networks", NIPS 2012, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.local_response_norm(np.array([[1.0, 1.0, 1.0]]), 3, alpha=3, beta=1)
    array([[0.33333333, 0.25      , 0.33333333]])
    """
    (data,) = floats(_X, x)
    channels = with_channels("x", data)
    constants = _constants(size, alpha, beta, k)
    y = output(out, data.shape, data.dtype)
    _core.local_response_norm_forward(data, y, channels, constants)
    return y


def local_response_norm_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    size: int = 5,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `local_response_norm`.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    size, alpha, beta, k
        As in the forward call.
    out : ndarray of the shape of `x`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.local_response_norm_backward(np.array([[1.0]]), np.array([[2.0]]), 1, alpha=1, beta=1)  # (k - x**2) / (k + x**2)**2
    array([[-0.12]])
    """
    gradient, data = floats(("grad_output", "x"), grad_output, x)
    channels = with_channels("x", data)
    if gradient.shape != data.shape:
        raise ShapeError(f"grad_output: expected the shape of x {data.shape}, got {gradient.shape}")
    constants = _constants(size, alpha, beta, k)
    result = output(out, data.shape, data.dtype, accumulate)
    _core.local_response_norm_backward(gradient, data, result, channels, constants, accumulate)
    return result


def _constants(size: Any, alpha: Any, beta: Any, k: Any) -> tuple[int, float, float, float]:
    smallest = math.ulp(0.0)
    return (
        _arguments.size("size", size, 1),
        number("alpha", alpha, 0),
        number("beta", beta, 0),
        number("k", k, smallest),
    )
