"""Element-wise activations of arrays of any shape, and their gradients.

The gradients take the activation's output ``y``, not its input: all three can be written in it.
``out`` may be the first argument itself, here and only here.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, output
from cnnrs.errors import ShapeError

_X = ("x",)
_BACKWARD = ("grad_output", "y")


def _backward(
    kernel: Callable[[Any, Any, Any, bool], None],
    grad_output: Any,
    y: Any,
    out: Any,
    accumulate: bool,
) -> Any:
    grad_output, y = floats(_BACKWARD, grad_output, y)
    if grad_output.shape != y.shape:
        raise ShapeError(f"y: expected the shape of grad_output {grad_output.shape}, got {y.shape}")
    result = output(out, y.shape, y.dtype, accumulate)
    kernel(grad_output, y, result, accumulate)
    return result


def relu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Rectified linear unit, ``max(0, x)``; NaN stays NaN.

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
    V. Nair and G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML
    2010.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.relu_forward(data, result)
    return result


def relu_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `relu`: `grad_output` where ``y > 0``, else 0.

    Parameters
    ----------
    grad_output, y : array_like of one shape
        Gradient of the output, and the output.
    out : ndarray of that shape, optional
        Written to and returned; may be `grad_output`.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `y`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu_backward(np.array([5.0, 5.0, 5.0]), ops.relu(np.array([-2.0, 0.0, 3.0])))
    array([0., 0., 5.])
    """
    return _backward(_core.relu_backward, grad_output, y, out, accumulate)


def sigmoid(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Logistic function, ``1 / (1 + exp(-x))``; never overflows.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

    Returns
    -------
    ndarray of the shape of `x`, values from 0 to 1

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.sigmoid_forward(data, result)
    return result


def sigmoid_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `sigmoid`: ``grad_output * y * (1 - y)``.

    Parameters, returns and errors are those of `relu_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.sigmoid_backward(np.array([8.0]), np.array([0.5]))
    array([2.])
    """
    return _backward(_core.sigmoid_backward, grad_output, y, out, accumulate)


def tanh(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Hyperbolic tangent.

    Parameters
    ----------
    x : array_like of any shape
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; may be `x`.

    Returns
    -------
    ndarray of the shape of `x`, values from -1 to 1

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.tanh(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.,  0.,  1.])
    """
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.tanh_forward(data, result)
    return result


def tanh_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Gradient of `tanh`: ``grad_output * (1 - y**2)``.

    Parameters, returns and errors are those of `relu_backward`.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.tanh_backward(np.array([4.0]), np.array([0.5]))
    array([3.])
    """
    return _backward(_core.tanh_backward, grad_output, y, out, accumulate)
