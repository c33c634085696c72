"""Batch normalisation in training, and its gradients.

The variance is divided by the number of values, and ``epsilon`` is added to it before the root. A
fused ReLU (``activation="relu"``) costs nothing.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, flag, floats, number, output
from cnnrs.errors import ShapeError
from cnnrs.ops.normalization.arguments import (
    ACTIVATIONS,
    affine,
    gradient_arguments,
    gradient_targets,
    per_channel,
)


def batch_norm(
    x: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    activation: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Normalise with the statistics of the batch, as batch normalisation does in training.

    Computes ``(x - mean) / sqrt(variance + epsilon) * weight + bias``.

    Each channel has its mean and variance, taken over all axes but the last.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
        At least two values per channel: a single one would be normalised to `bias`.
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    activation : {None, "relu"}
        Applied to the output.
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (channels,)
        Statistics of this batch; the variance is divided by the number of values, not by one less.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

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
    relu = choice("activation", activation, ACTIVATIONS) == "relu"
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
    """Compute the gradients of `batch_norm`, including the part through the statistics.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    mean, variance : array_like of shape (channels,)
        As `batch_norm` returned them.
    weight, bias : array_like of shape (channels,), optional
        As in the forward call; `bias` matters only with an activation.
    epsilon : float
    activation : {None, "relu"}
        As in the forward call. The mask of a ReLU is recomputed from `x`, which is faster than
        reading the output.
    input_gradient : bool
        Whether the gradient of `x` is needed; without it None is returned in its place.
    out : (ndarray of the shape of `x`, ndarray of shape (channels,), the same), optional
        Each may be None. The first may be `grad_output`.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`, or None
    grad_weight, grad_bias : ndarray of shape (channels,)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> x = np.array([[1.0], [3.0]])
    >>> _, mean, variance = ops.batch_norm(x, epsilon=0)
    >>> grad_output = np.array([[1.0], [2.0]])
    >>> gradients = ops.batch_norm_backward(grad_output, x, mean, variance, epsilon=0)
    >>> grad_x, grad_weight, grad_bias = gradients
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
    relu = choice("activation", activation, ACTIVATIONS) == "relu"
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


def batch_norm_scale_shift(
    mean: ArrayLike,
    variance: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
) -> Any:
    """Compute the scale and shift of batch normalisation with given statistics.

    For `scale_shift`, or to fold into a convolution.

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

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors.

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
