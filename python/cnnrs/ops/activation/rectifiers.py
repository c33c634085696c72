"""ReLU and its piecewise linear relatives: arrays of any shape, and their gradients.

A gradient function reads the output ``y``, from which the derivative can be computed, so that the
input need not be kept. NaN stays NaN, and nothing overflows.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core, _renamed
from cnnrs._arguments import Floats, number
from cnnrs.ops.activation.apply import apply, apply_curve, curve_gradient, gradient


@_renamed.keywords(slope="negative_slope")
def leaky_relu(x: ArrayLike, negative_slope: float = 0.01, *, out: Floats | None = None) -> Any:
    """Compute the leaky ReLU: ``x`` above 0, ``negative_slope * x`` below.

    Parameters
    ----------
    x : array_like of any shape
    negative_slope : float, at least 0
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
    A. Maas, A. Hannun and A. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.leaky_relu(np.array([-2.0, 3.0]), 0.5)
    array([-1.,  3.])
    """
    return apply_curve("leaky_relu", number("negative_slope", negative_slope, 0.0), x, out)


@_renamed.keywords(slope="negative_slope")
def leaky_relu_backward(
    grad_output: ArrayLike,
    y: ArrayLike,
    negative_slope: float = 0.01,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `leaky_relu`: `grad_output`, times `negative_slope` where ``y <= 0``.

    Parameters
    ----------
    grad_output, y : array_like of one shape
        Gradient of the output, and the output.
    negative_slope : float, at least 0
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
    >>> ops.leaky_relu_backward(np.array([8.0, 8.0]), np.array([-1.0, 3.0]), 0.5)
    array([4., 8.])
    """
    return curve_gradient(
        "leaky_relu",
        number("negative_slope", negative_slope, 0.0),
        grad_output,
        "y",
        y,
        out,
        accumulate,
    )


def relu(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the rectified linear unit, ``max(0, x)``.

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
    V. Nair and G. Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", ICML
    2010.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return apply(_core.relu_forward, x, out)


def relu_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `relu`: `grad_output` where ``y > 0``, else 0.

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

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu_backward(np.array([5.0, 5.0, 5.0]), ops.relu(np.array([-2.0, 0.0, 3.0])))
    array([0., 0., 5.])
    """
    return gradient(_core.relu_backward, grad_output, y, out, accumulate)


def relu6(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute ``min(max(0, x), 6)``.

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
    A. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications", arXiv:1704.04861.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.relu6(np.array([-1.0, 2.0, 9.0]))
    array([0., 2., 6.])
    """
    return apply_curve("relu6", 1.0, x, out)


def relu6_backward(
    grad_output: ArrayLike, y: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `relu6`: `grad_output` where ``0 < y < 6``, else 0.

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
    >>> ops.relu6_backward(np.array([5.0, 5.0]), np.array([2.0, 6.0]))
    array([5., 0.])
    """
    return curve_gradient("relu6", 1.0, grad_output, "y", y, out, accumulate)
