"""Sums over rows, and the check for values that are not finite."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, output
from cnnrs.errors import ShapeError

_NAMES = ("grad_output", "activation_output")


def sum_rows(
    grad_output: ArrayLike,
    *,
    activation_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Sum over all axes but the last: the gradient of a bias that is added to the last axis.

    It is the gradient of the bias of every layer: of a convolution (`conv2d_backward_bias` is
    another name for it), of a dense layer.

    Parameters
    ----------
    grad_output : array_like of shape (..., columns), 2 to 4 dimensions
    activation_output : array_like of the shape of `grad_output`, optional
        The result of the forward call with ``activation="relu"``: values count only where this is
        positive.
    out : ndarray of shape (columns,), optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (columns,)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.sum_rows(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    gradient, mask = floats(_NAMES, grad_output, activation_output)
    shape = gradient.shape
    if not 2 <= len(shape) <= 4 or shape[-1] == 0:
        raise ShapeError(
            "grad_output: expected shape (n, out_height, out_width, filters) or (n, filters), at "
            f"least 1 filter, got {shape}"
        )
    if mask is not None and mask.shape != shape:
        raise ShapeError(
            f"activation_output: expected the output's shape {shape}, got {mask.shape}"
        )
    result = output(out, shape[-1:], gradient.dtype, accumulate)
    _core.sum_rows(gradient, result, accumulate, mask)
    return result


conv2d_backward_bias = sum_rows


def all_finite(x: ArrayLike) -> bool:
    """Return whether no value is NaN or infinite.

    Parameters
    ----------
    x : array_like of any shape

    Returns
    -------
    bool

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.all_finite(np.array([1.0, -2.0])), ops.all_finite(np.array([1.0, np.nan]))
    (True, False)
    """
    (data,) = floats(("x",), x)
    return _core.all_finite(data)
