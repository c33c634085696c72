"""The activations beyond `relu`, `sigmoid` and `tanh`: element-wise curves of arrays of any shape, and their gradients.

A gradient takes the output ``y`` where the derivative can be written in it, so that the input need not be kept; else the input ``x``. Its
second argument says which. NaN stays NaN, nothing overflows. ``out`` may be the first argument itself.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, floats, number, output
from cnnrs.errors import ShapeError

_X = ("x",)


def _forward(name: str, parameter: float, x: Any, out: Any) -> Any:
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.curve_forward(name, parameter, data, result)
    return result


def _backward(name: str, parameter: float, grad_output: Any, saved_name: str, saved: Any, out: Any, accumulate: bool) -> Any:
    grad_output, saved = floats(("grad_output", saved_name), grad_output, saved)
    if grad_output.shape != saved.shape:
        raise ShapeError(f"{saved_name}: expected the shape of grad_output {grad_output.shape}, got {saved.shape}")
    result = output(out, saved.shape, saved.dtype, accumulate)
    _core.curve_backward(name, parameter, grad_output, saved, result, accumulate)
    return result


def _gelu_name(approximate: str) -> str:
    return "gelu_tanh" if choice("approximate", approximate, ("none", "tanh")) == "tanh" else "gelu"


def leaky_relu(x: ArrayLike, slope: float = 0.01, *, out: Floats | None = None) -> Any:
    """``x`` above 0, ``slope * x`` below.

    Parameters
    ----------
    x : array_like of any shape
    slope : float, at least 0
        Of the part below 0.
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
    A. Maas, A. Hannun and A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.leaky_relu(np.array([-2.0, 3.0]), 0.5)
    array([-1.,  3.])
    """
    return _forward("leaky_relu", number("slope", slope, 0.0), x, out)


def leaky_relu_backward(
    grad_output: ArrayLike, y: ArrayLike, slope: float = 0.01, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `leaky_relu`: `grad_output`, times `slope` where ``y <= 0``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `leaky_relu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.leaky_relu_backward(np.array([8.0, 8.0]), np.array([-1.0, 3.0]), 0.5)
    array([4., 8.])
    """
    return _backward("leaky_relu", number("slope", slope, 0.0), grad_output, "y", y, out, accumulate)


def elu(x: ArrayLike, alpha: float = 1.0, *, out: Floats | None = None) -> Any:
    """Exponential linear unit: ``x`` above 0, ``alpha * (exp(x) - 1)`` below.

    Parameters
    ----------
    x : array_like of any shape
    alpha : float, at least 0
        Below 0 the curve tends to ``-alpha``.
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
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear Units", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu(np.array([-1000.0, 3.0]), 0.5)
    array([-0.5,  3. ])
    """
    return _forward("elu", number("alpha", alpha, 0.0), x, out)


def elu_backward(grad_output: ArrayLike, y: ArrayLike, alpha: float = 1.0, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `elu`: `grad_output`, times ``y + alpha`` where ``y <= 0``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `elu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu_backward(np.array([8.0, 8.0]), np.array([-0.25, 3.0]), 0.5)
    array([2., 8.])
    """
    return _backward("elu", number("alpha", alpha, 0.0), grad_output, "y", y, out, accumulate)


def selu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Scaled exponential linear unit: `elu` with ``alpha = 1.6733`` times 1.0507, which keep mean 0 and variance 1.

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
    G. Klambauer et al., "Self-Normalizing Neural Networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.selu(np.array([-1000.0, 0.0, 1.0])).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """
    return _forward("selu", 1.0, x, out)


def selu_backward(grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `selu`: `grad_output` times 1.0507, below 0 times ``y + 1.7581``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `selu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.selu_backward(np.array([1.0]), np.array([2.0])).round(4)
    array([1.0507])
    """
    return _backward("selu", 1.0, grad_output, "y", y, out, accumulate)


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
    return _forward(_gelu_name(approximate), 1.0, x, out)


def gelu_backward(
    grad_output: ArrayLike, x: ArrayLike, *, approximate: str = "none", out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `gelu`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `gelu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.gelu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return _backward(_gelu_name(approximate), 1.0, grad_output, "x", x, out, accumulate)


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
    return _forward("silu", 1.0, x, out)


def silu_backward(grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `silu`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `silu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.silu_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return _backward("silu", 1.0, grad_output, "x", x, out, accumulate)


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
    C. Dugas et al., "Incorporating Second-Order Functional Knowledge for Better Option Pricing", NeurIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softplus(np.array([-1000.0, 0.0, 2.0])).round(4)
    array([0.    , 0.6931, 2.1269])
    """
    return _forward("softplus", 1.0, x, out)


def softplus_backward(grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `softplus`: `grad_output` times ``1 - exp(-y)``, which is ``sigmoid(x)``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `softplus`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.softplus_backward(np.array([8.0]), np.log([2.0]))
    array([4.])
    """
    return _backward("softplus", 1.0, grad_output, "y", y, out, accumulate)


def hard_swish(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """``x * hard_sigmoid(x)``, a cheap `silu`.

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
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_swish(np.array([-3.0, 1.5, 4.0]))
    array([-0.   ,  1.125,  4.   ])
    """
    return _forward("hard_swish", 1.0, x, out)


def hard_swish_backward(grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `hard_swish`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `hard_swish`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_swish_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return _backward("hard_swish", 1.0, grad_output, "x", x, out, accumulate)


def hard_sigmoid(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """``(x + 3) / 6`` between 0 and 1, a cheap `sigmoid`.

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
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return _forward("hard_sigmoid", 1.0, x, out)


def hard_sigmoid_backward(grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `hard_sigmoid`: `grad_output` / 6 where ``0 < y < 1``, else 0.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `hard_sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_sigmoid_backward(np.array([6.0, 6.0]), np.array([0.5, 1.0]))
    array([1., 0.])
    """
    return _backward("hard_sigmoid", 1.0, grad_output, "y", y, out, accumulate)


def relu6(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """``min(max(0, x), 6)``.

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
    A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", arXiv:1704.04861.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu6(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    return _forward("relu6", 1.0, x, out)


def relu6_backward(grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False) -> Any:
    """Gradient of `relu6`: `grad_output` where ``0 < y < 6``, else 0.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with ``accumulate=True``. Returns and errors
    are those of `relu6`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu6_backward(np.array([5.0, 5.0]), np.array([2.0, 6.0]))
    array([5., 0.])
    """
    return _backward("relu6", 1.0, grad_output, "y", y, out, accumulate)
