"""Local response normalisation across channels, and its gradient."""

import math
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _arguments, _core
from cnnrs._arguments import Floats, floats, number, output
from cnnrs.errors import ShapeError
from cnnrs.ops.normalization.arguments import with_channels


def local_response_norm(
    x: ArrayLike,
    size: int = 5,
    *,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
    out: Floats | None = None,
) -> Any:
    """Divide each value by a power of the squares of neighbouring channels.

    Computes ``x / (k + alpha / size * sum(x**2))**beta``, the sum over `size` channels.

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

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

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
    (data,) = floats(("x",), x)
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
    """Compute the gradient of `local_response_norm`.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    size : int
    alpha, beta : float, at least 0
    k : float, above 0
        As in the forward call.
    out : ndarray of the shape of `x`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> grad_output, x = np.array([[1.0]]), np.array([[2.0]])
    >>> ops.local_response_norm_backward(grad_output, x, 1, alpha=1, beta=1)
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
