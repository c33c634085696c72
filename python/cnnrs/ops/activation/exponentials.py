"""ELU, SELU and softplus, smooth relatives of ReLU: arrays of any shape, and their gradients.

A gradient function reads the output ``y``, from which the derivative can be computed, so that the
input need not be kept. NaN stays NaN, and nothing overflows.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs._arguments import Floats, number
from cnnrs.ops.activation.apply import apply_curve, curve_gradient


def elu(x: ArrayLike, alpha: float = 1.0, *, out: Floats | None = None) -> Any:
    """Compute the exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` below.

    Parameters
    ----------
    x : array_like of any shape
    alpha : float, at least 0
        Below 0 the curve tends to ``-alpha``.
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and Accurate Deep Network Learning by
    Exponential Linear Units", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu(np.array([-1000.0, 3.0]), 0.5)
    array([-0.5,  3. ])
    """
    return apply_curve("elu", number("alpha", alpha, 0.0), x, out)


def elu_backward(
    grad_output: ArrayLike,
    y: ArrayLike,
    alpha: float = 1.0,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `elu`: `grad_output`, times ``y + alpha`` where ``y <= 0``.

    Parameters
    ----------
    grad_output, y : array_like of one shape
        Gradient of the output, and the output.
    alpha : float, at least 0
        As in the forward call.
    out : ndarray of the shape of `y`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `y`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu_backward(np.array([8.0, 8.0]), np.array([-0.25, 3.0]), 0.5)
    array([2., 8.])
    """
    return curve_gradient("elu", number("alpha", alpha, 0.0), grad_output, "y", y, out, accumulate)


def selu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the scaled exponential linear unit: 1.0507 times `elu` with ``alpha = 1.6733``.

    The constants preserve mean 0 and variance 1.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    G. Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.selu(np.array([-1000.0, 0.0, 1.0])).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """
    return apply_curve("selu", 1.0, x, out)


def selu_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `selu`: `grad_output` times 1.0507, or ``y + 1.7581`` below 0.

    Parameters
    ----------
    grad_output, y : array_like of one shape
        Gradient of the output, and the output.
    out : ndarray of the shape of `y`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `y`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.selu_backward(np.array([1.0]), np.array([2.0])).round(4)
    array([1.0507])
    """
    return curve_gradient("selu", 1.0, grad_output, "y", y, out, accumulate)


def softplus(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute ``log(1 + exp(x))``, a smooth `relu`.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing",
    NeurIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softplus(np.array([-1000.0, 0.0, 2.0])).round(4)
    array([0.    , 0.6931, 2.1269])
    """
    return apply_curve("softplus", 1.0, x, out)


def softplus_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `softplus`: `grad_output` times ``sigmoid(x) = 1 - exp(-y)``.

    Parameters
    ----------
    grad_output, y : array_like of one shape
        Gradient of the output, and the output.
    out : ndarray of the shape of `y`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `y`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softplus_backward(np.array([8.0]), np.log([2.0]))
    array([4.])
    """
    return curve_gradient("softplus", 1.0, grad_output, "y", y, out, accumulate)
