"""Activations made of pieces, `leaky_relu`, `elu`, `selu`, `hard_swish`, `hard_sigmoid`, `relu6`:
of arrays of any shape, with gradients.

A gradient takes the output ``y`` where the derivative can be written in it, so that the input need
not be kept; else the input ``x``. Its second argument says which. NaN stays NaN, nothing overflows.
``out`` may be the first argument itself.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs._arguments import Floats, number
from cnnrs.ops import curve


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
    A. Maas, A. Hannun and A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.leaky_relu(np.array([-2.0, 3.0]), 0.5)
    array([-1.,  3.])
    """
    return curve.forward("leaky_relu", number("slope", slope, 0.0), x, out)


def leaky_relu_backward(
    grad_output: ArrayLike,
    y: ArrayLike,
    slope: float = 0.01,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `leaky_relu`: `grad_output`, times `slope` where ``y <= 0``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `leaky_relu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.leaky_relu_backward(np.array([8.0, 8.0]), np.array([-1.0, 3.0]), 0.5)
    array([4., 8.])
    """
    return curve.backward(
        "leaky_relu", number("slope", slope, 0.0), grad_output, "y", y, out, accumulate
    )


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
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and Accurate Deep Network Learning by
    Exponential Linear Units", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu(np.array([-1000.0, 3.0]), 0.5)
    array([-0.5,  3. ])
    """
    return curve.forward("elu", number("alpha", alpha, 0.0), x, out)


def elu_backward(
    grad_output: ArrayLike,
    y: ArrayLike,
    alpha: float = 1.0,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `elu`: `grad_output`, times ``y + alpha`` where ``y <= 0``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `elu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.elu_backward(np.array([8.0, 8.0]), np.array([-0.25, 3.0]), 0.5)
    array([2., 8.])
    """
    return curve.backward("elu", number("alpha", alpha, 0.0), grad_output, "y", y, out, accumulate)


def selu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Scaled exponential linear unit: `elu` with ``alpha = 1.6733`` times 1.0507, which keep mean 0
    and variance 1.

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
    return curve.forward("selu", 1.0, x, out)


def selu_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `selu`: `grad_output` times 1.0507, below 0 times ``y + 1.7581``.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `selu`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.selu_backward(np.array([1.0]), np.array([2.0])).round(4)
    array([1.0507])
    """
    return curve.backward("selu", 1.0, grad_output, "y", y, out, accumulate)


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
    return curve.forward("hard_swish", 1.0, x, out)


def hard_swish_backward(
    grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `hard_swish`: `grad_output` times the derivative at `x`.

    `x` is the input of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `hard_swish`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_swish_backward(np.array([8.0]), np.array([0.0]))
    array([4.])
    """
    return curve.backward("hard_swish", 1.0, grad_output, "x", x, out, accumulate)


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
    return curve.forward("hard_sigmoid", 1.0, x, out)


def hard_sigmoid_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `hard_sigmoid`: `grad_output` / 6 where ``0 < y < 1``, else 0.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `hard_sigmoid`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hard_sigmoid_backward(np.array([6.0, 6.0]), np.array([0.5, 1.0]))
    array([1., 0.])
    """
    return curve.backward("hard_sigmoid", 1.0, grad_output, "y", y, out, accumulate)


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
    A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications", arXiv:1704.04861.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu6(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    return curve.forward("relu6", 1.0, x, out)


def relu6_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `relu6`: `grad_output` where ``0 < y < 6``, else 0.

    `y` is the output of the forward call; `out` may be `grad_output`, and is added to with
    ``accumulate=True``. Returns and errors are those of `relu6`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu6_backward(np.array([5.0, 5.0]), np.array([2.0, 6.0]))
    array([5., 0.])
    """
    return curve.backward("relu6", 1.0, grad_output, "y", y, out, accumulate)
