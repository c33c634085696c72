"""Activations without a corner: `gelu`, `silu`, `softplus`, and their gradients; conventions as in
`activation_curves`.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs._arguments import Floats, choice
from cnnrs.ops import curve


def _gelu_name(approximate: str) -> str:
    return "gelu_tanh" if choice("approximate", approximate, ("none", "tanh")) == "tanh" else "gelu"


def gelu(x: ArrayLike, *, approximate: str = "none", out: Floats | None = None) -> Any:
    """Gaussian error linear unit: ``x`` times the probability that a normal number is below it.

    Parameters
    ----------
    x : array_like of any shape
    approximate : {"none", "tanh"}
        Exact, or with ``0.5 * (1 + tanh(0.7979 * (x + 0.044715 * x**3)))`` for the probability.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    return curve.forward(_gelu_name(approximate), 1.0, x, out)


def gelu_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    *,
    approximate: str = "none",
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `gelu`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.gelu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve.backward(_gelu_name(approximate), 1.0, grad_output, "x", x, out, accumulate)


def silu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Sigmoid linear unit, also called swish: ``x * sigmoid(x)``.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    return curve.forward("silu", 1.0, x, out)


def silu_backward(
    grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `silu`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `silu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.silu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve.backward("silu", 1.0, grad_output, "x", x, out, accumulate)


def softplus(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """``log(1 + exp(x))``, a smooth `relu`.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

    Returns
    -------
    ndarray of the shape of `x`, float32 or float64

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    return curve.forward("softplus", 1.0, x, out)


def softplus_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `softplus`: `grad_output` times ``1 - exp(-y)``, which is ``sigmoid(x)``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `softplus`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softplus_backward(np.array([8.0]), np.log([2.0]))
    array([4.])
    """
    return curve.backward("softplus", 1.0, grad_output, "y", y, out, accumulate)
