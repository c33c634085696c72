"""Sigmoid, tanh and the activations gated by them: arrays of any shape, and their gradients.

A gradient function reads the output ``y`` where the derivative can be computed from it, so that the
input need not be kept; otherwise it reads the input ``x``. NaN stays NaN, and nothing overflows.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice
from cnnrs.ops.activation.apply import apply, apply_curve, curve_gradient, gradient


def _gelu_name(approximate: str) -> str:
    return "gelu_tanh" if choice("approximate", approximate, ("none", "tanh")) == "tanh" else "gelu"


def gelu(x: ArrayLike, *, approximate: str = "none", out: Floats | None = None) -> Any:
    """Compute the Gaussian error linear unit: ``x`` times the normal distribution function of
    ``x``.

    Parameters
    ----------
    x : array_like of any shape
    approximate : {"none", "tanh"}
        Exact, or with ``0.5 * (1 + tanh(0.7979 * (x + 0.044715 * x**3)))`` for the probability.
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
    D. Hendrycks and K. Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    return apply_curve(_gelu_name(approximate), 1.0, x, out)


def gelu_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    *,
    approximate: str = "none",
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `gelu`: `grad_output` times the derivative at `x`.

    Parameters
    ----------
    grad_output, x : array_like of one shape
        Gradient of the output, and the input.
    approximate : {"none", "tanh"}
        As in the forward call.
    out : ndarray of the shape of `x`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.gelu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve_gradient(_gelu_name(approximate), 1.0, grad_output, "x", x, out, accumulate)


def hard_sigmoid(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute ``(x + 3) / 6`` clipped to 0 and 1, a cheap `sigmoid`.

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
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return apply_curve("hard_sigmoid", 1.0, x, out)


def hard_sigmoid_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `hard_sigmoid`: `grad_output` / 6 where ``0 < y < 1``, else 0.

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
    >>> ops.hard_sigmoid_backward(np.array([6.0, 6.0]), np.array([0.5, 1.0]))
    array([1., 0.])
    """
    return curve_gradient("hard_sigmoid", 1.0, grad_output, "y", y, out, accumulate)


def hard_swish(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute ``x * hard_sigmoid(x)``, a cheap `silu`.

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
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_swish(np.array([-3.0, 1.5, 4.0]))
    array([-0.   ,  1.125,  4.   ])
    """
    return apply_curve("hard_swish", 1.0, x, out)


def hard_swish_backward(
    grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `hard_swish`: `grad_output` times the derivative at `x`.

    Parameters
    ----------
    grad_output, x : array_like of one shape
        Gradient of the output, and the input.
    out : ndarray of the shape of `x`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_swish_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve_gradient("hard_swish", 1.0, grad_output, "x", x, out, accumulate)


def sigmoid(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the logistic function, ``1 / (1 + exp(-x))``, without overflow.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`, values from 0 to 1

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return apply(_core.sigmoid_forward, x, out)


def sigmoid_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `sigmoid`: ``grad_output * y * (1 - y)``.

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
    >>> ops.sigmoid_backward(np.array([8.0]), np.array([0.5]))
    array([2.])
    """
    return gradient(_core.sigmoid_backward, grad_output, y, out, accumulate)


def silu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

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
    S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units", Neural Networks 107, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    return apply_curve("silu", 1.0, x, out)


def silu_backward(
    grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `silu`: `grad_output` times the derivative at `x`.

    Parameters
    ----------
    grad_output, x : array_like of one shape
        Gradient of the output, and the input.
    out : ndarray of the shape of `x`, optional
        May be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.silu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve_gradient("silu", 1.0, grad_output, "x", x, out, accumulate)


def tanh(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the hyperbolic tangent.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`, values from -1 to 1

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    return apply(_core.tanh_forward, x, out)


def tanh_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `tanh`: ``grad_output * (1 - y**2)``.

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
    >>> ops.tanh_backward(np.array([4.0]), np.array([0.5]))
    array([3.])
    """
    return gradient(_core.tanh_backward, grad_output, y, out, accumulate)
