"""A fixed scale and shift per channel, and its gradient."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, floats, output
from cnnrs.ops.normalization.arguments import (
    ACTIVATIONS,
    channel_floats,
    expect_shape_of,
    per_channel,
    with_channels,
)


def scale_shift(
    x: ArrayLike,
    scale: ArrayLike,
    shift: ArrayLike,
    *,
    activation: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Compute ``x * scale + shift`` for each channel.

    It is batch normalisation with fixed statistics (`batch_norm_scale_shift`).

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    scale, shift : array_like of shape (channels,)
    activation : {None, "relu"}
        Applied to the output.
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.scale_shift(np.array([[1.0, 2.0]]), [2.0, -1.0], [0.5, 0.5], activation="relu")
    array([[2.5, 0. ]])
    """
    data, factor, addend = channel_floats(("x", "scale", "shift"), (x, scale, shift))
    relu = choice("activation", activation, ACTIVATIONS) == "relu"
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
    """Compute the gradient of `scale_shift` with respect to `x`: ``grad_output * scale``.

    Parameters
    ----------
    grad_output : array_like of shape (n, ..., channels)
    scale : array_like of shape (channels,)
    activation_output : array_like of the shape of `grad_output`, optional
        The output, if a ReLU was fused in.
    out : ndarray of the shape of `grad_output`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `grad_output`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

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
    expect_shape_of("activation_output", y, "grad_output", gradient.shape)
    result = output(out, gradient.shape, gradient.dtype, accumulate)
    _core.scale_shift_backward(gradient, factor, result, y, accumulate)
    return result
