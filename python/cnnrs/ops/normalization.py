"""Normalisation by the statistics of a batch, and a fixed scale and shift per channel, with their
gradients.

Inputs are ``(n, ..., channels)``: images ``(n, height, width, channels)`` or rows ``(n,
features)``. ``weight`` and ``bias`` are one value per channel; None stands for ones and zeros. The
variance is the biased one, divided by the number of values, and ``epsilon`` is added to it before
the root. A fused ReLU (``activation="relu"``) costs nothing. Statistics of single samples are in
`cnnrs.ops.sample_normalization`.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, flag, floats, number, output
from cnnrs.errors import DTypeError, ShapeError

_ACTIVATIONS = (None, "relu")


def with_channels(name: str, array: Any) -> int:
    """The number of channels of an array that must have some."""
    if array.ndim < 2 or array.shape[-1] == 0:
        raise ShapeError(
            f"{name}: expected shape (n, ..., channels) with at least one channel, got "
            f"{array.shape}"
        )
    return int(array.shape[-1])


def per_channel(name: str, array: Any, channels: int) -> None:
    """Checks for one value per channel."""
    if array.shape != (channels,):
        raise ShapeError(
            f"{name}: expected one value per channel, shape {(channels,)}, got {array.shape}"
        )


def _channel_floats(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first value with its channels, the others checked to be one value per channel."""
    data, *others = floats(names, *values)
    channels = with_channels(names[0], data)
    for name, array in zip(names[1:], others, strict=True):
        per_channel(name, array, channels)
    return (data, *others)


def affine(x: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    """Input, weight and bias; missing ones are ones and zeros."""
    named = {
        name: value
        for name, value in (("x", x), ("weight", weight), ("bias", bias))
        if name == "x" or value is not None
    }
    found = dict(zip(named, _channel_floats(tuple(named), tuple(named.values())), strict=True))
    data = found["x"]
    channels = data.shape[-1]
    ones = found["weight"] if weight is not None else np.ones(channels, data.dtype)
    return data, ones, found["bias"] if bias is not None else np.zeros(channels, data.dtype)


def _same_shape(name: str, array: Any, other: str, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape:
        raise ShapeError(f"{name}: expected the shape of {other} {shape}, got {array.shape}")


def batch_norm(
    x: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Batch normalisation in training: ``(x - mean) / sqrt(variance + epsilon) * weight + bias``,
    with the statistics of this batch.

    Each channel has its mean and variance, taken over all axes but the last.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
        At least two values per channel: of a single one nothing would be left but `bias`.
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    activation : {None, "relu"}
        Applied to the output.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (channels,)
        Of this batch; the variance is divided by the number of values, not by one less.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> y, mean, variance = ops.batch_norm(np.array([[1.0], [3.0]]), epsilon=0)
    >>> y.ravel(), mean, variance
    (array([-1.,  1.]), array([2.]), array([1.]))
    """
    data, scale, shift = affine(x, weight, bias)
    channels = data.shape[-1]
    if data.size <= channels:
        raise ShapeError(
            "x: batch normalisation in training needs more than one value per channel, got shape "
            f"{data.shape}; use a larger batch "
            "(for a last, short one drop it), or freeze the layer"
        )
    added = number("epsilon", epsilon, 0)
    relu = choice("activation", activation, _ACTIVATIONS) == "relu"
    y = output(out, data.shape, data.dtype)
    mean, variance = np.empty(channels, data.dtype), np.empty(channels, data.dtype)
    _core.group_norm_forward(data, scale, shift, y, mean, variance, (1, channels), added, relu)
    return y, mean, variance


def batch_norm_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    input_gradient: bool = True,
    out: tuple[Floats | None, Floats | None, Floats | None] | None = None,
    accumulate: bool | tuple[bool, bool, bool] = False,
) -> Any:
    """Gradients of `batch_norm`, through the statistics too.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    mean, variance : array_like of shape (channels,)
        As `batch_norm` returned them.
    weight, bias : array_like of shape (channels,), optional
        As in the forward call; `bias` matters only with an activation.
    epsilon, activation
        As in the forward call. Where a ReLU cut is worked out again from `x`, which is faster than
        reading the output.
    input_gradient : bool
        Whether the gradient of `x` is needed; without it None is returned in its place.
    out : (ndarray of the shape of `x`, ndarray of shape (channels,), the same), optional
        Written to and returned; each may be None. The first may be `grad_output`; otherwise they
        overlap no other argument.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`, or None
    grad_weight, grad_bias : ndarray of shape (channels,)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> x = np.array([[1.0], [3.0]])
    >>> _, mean, variance = ops.batch_norm(x, epsilon=0)
    >>> grad_x, grad_weight, grad_bias = ops.batch_norm_backward(np.array([[1.0], [2.0]]), x, mean, variance, epsilon=0)
    >>> grad_x.ravel(), grad_weight, grad_bias
    (array([0., 0.]), array([1.]), array([3.]))
    """
    gradient, data, scale, shift, statistics = gradient_arguments(
        grad_output, x, mean, variance, weight, bias
    )
    channels = data.shape[-1]
    per_channel("mean", statistics[0], channels)
    per_channel("variance", statistics[1], channels)
    added = number("epsilon", epsilon, 0)
    relu = choice("activation", activation, _ACTIVATIONS) == "relu"
    targets, adds = gradient_targets(data, out, accumulate, flag("input_gradient", input_gradient))
    _core.group_norm_backward(
        gradient,
        data,
        statistics[0],
        statistics[1],
        scale,
        shift,
        *targets,
        (1, channels),
        added,
        relu,
        adds,
    )
    return targets


def gradient_arguments(
    grad_output: Any, x: Any, mean: Any, variance: Any, weight: Any, bias: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Gradient, input, weight, bias and (mean, variance) as arrays of one dtype; missing weight and
    bias are ones and zeros.
    """
    named = {"grad_output": grad_output, "x": x, "mean": mean, "variance": variance}
    named.update(
        {name: value for name, value in (("weight", weight), ("bias", bias)) if value is not None}
    )
    found = dict(zip(named, floats(tuple(named), *named.values()), strict=True))
    gradient, data = found["grad_output"], found["x"]
    channels = with_channels("x", data)
    _same_shape("grad_output", gradient, "x", data.shape)
    scale = found["weight"] if weight is not None else np.ones(channels, data.dtype)
    shift = found["bias"] if bias is not None else np.zeros(channels, data.dtype)
    per_channel("weight", scale, channels)
    per_channel("bias", shift, channels)
    return gradient, data, scale, shift, (found["mean"], found["variance"])


def gradient_targets(
    x: Any, out: Any, accumulate: Any, input_gradient: bool = True
) -> tuple[tuple[Any, Any, Any], tuple[bool, bool]]:
    """Where the gradients of x, weight and bias go, and whether they are added there: for x, and
    for the other two.
    """
    channels = x.shape[-1:]
    given = _three("out", (None, None, None) if out is None else out)
    adds = _three(
        "accumulate", accumulate if isinstance(accumulate, (tuple, list)) else (accumulate,) * 3
    )
    if adds[1] is not adds[2]:
        raise DTypeError("accumulate: expected the same for the gradients of weight and bias")
    grad_x = output(given[0], x.shape, x.dtype, adds[0], "out[0]") if input_gradient else None
    grad_weight = output(given[1], channels, x.dtype, adds[1], "out[1]")
    return (grad_x, grad_weight, output(given[2], channels, x.dtype, adds[2], "out[2]")), (
        bool(adds[0]),
        bool(adds[1]),
    )


def _three(name: str, value: Any) -> tuple[Any, Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise DTypeError(f"{name}: expected three items, for x, weight and bias, got {value!r:.60}")
    return value[0], value[1], value[2]


def scale_shift(
    x: ArrayLike,
    scale: ArrayLike,
    shift: ArrayLike,
    *,
    activation: str | None = None,
    out: Floats | None = None,
) -> Any:
    """``x * scale + shift``, channel by channel: batch normalisation with statistics that are fixed
    (`batch_norm_scale_shift`).

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    scale, shift : array_like of shape (channels,)
    activation : {None, "relu"}
        Applied to the output.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

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
    >>> ops.scale_shift(np.array([[1.0, 2.0]]), [2.0, -1.0], [0.5, 0.5], activation="relu")
    array([[2.5, 0. ]])
    """
    data, factor, addend = _channel_floats(("x", "scale", "shift"), (x, scale, shift))
    relu = choice("activation", activation, _ACTIVATIONS) == "relu"
    y = output(out, data.shape, data.dtype)
    _core.scale_shift_forward(data, factor, addend, y, relu)
    return y


def scale_shift_backward(
    grad_output: ArrayLike,
    scale: ArrayLike,
    *,
    activation_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `scale_shift` with respect to `x`: ``grad_output * scale``.

    Parameters
    ----------
    grad_output : array_like of shape (n, ..., channels)
    scale : array_like of shape (channels,)
    activation_output : array_like of the shape of `grad_output`, optional
        The output, if a ReLU was fused in.
    out : ndarray of the shape of `grad_output`, optional
        Written to and returned; may be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `grad_output`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.scale_shift_backward(np.array([[1.0, 1.0]]), [2.0, -1.0])
    array([[ 2., -1.]])
    """
    gradient, factor, y = floats(
        ("grad_output", "scale", "activation_output"), grad_output, scale, activation_output
    )
    per_channel("scale", factor, with_channels("grad_output", gradient))
    _same_shape("activation_output", y, "grad_output", gradient.shape)
    result = output(out, gradient.shape, gradient.dtype, accumulate)
    _core.scale_shift_backward(gradient, factor, result, y, accumulate)
    return result


def batch_norm_scale_shift(
    mean: ArrayLike,
    variance: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
) -> Any:
    """What batch normalisation with these statistics multiplies by and adds, per channel; for
    `scale_shift`, or to fold into a convolution.

    Parameters
    ----------
    mean, variance : array_like of shape (channels,)
    weight, bias : array_like of shape (channels,), optional
    epsilon : float

    Returns
    -------
    scale, shift : ndarray of shape (channels,)
        ``weight / sqrt(variance + epsilon)`` and ``bias - mean * scale``, computed in double
        precision.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.batch_norm_scale_shift([2.0], [4.0], epsilon=0)
    (array([0.5]), array([-1.]))
    """
    named = {"mean": mean, "variance": variance}
    named.update(
        {name: value for name, value in (("weight", weight), ("bias", bias)) if value is not None}
    )
    found = dict(zip(named, floats(tuple(named), *named.values()), strict=True))
    center = found["mean"]
    if center.ndim != 1:
        raise ShapeError(f"mean: expected one value per channel, got shape {center.shape}")
    for name, array in found.items():
        per_channel(name, array, center.size)
    spread = found["variance"].astype(np.float64) + number("epsilon", epsilon, 0)
    if not (spread > 0).all():
        raise ShapeError(
            f"variance: expected values above 0 once epsilon is added, got {spread.min()}"
        )
    scale = found.get("weight", 1.0) / np.sqrt(spread)
    shift = found.get("bias", 0.0) - center * scale
    return scale.astype(center.dtype), shift.astype(center.dtype)
