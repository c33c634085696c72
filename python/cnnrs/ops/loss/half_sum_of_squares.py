"""Half the sum of squared differences, and its gradient."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice
from cnnrs._arguments import output as output_array
from cnnrs.ops.loss.arguments import (
    REDUCTIONS,
    compared,
    per_sample,
    reduce,
    sample_gradients,
    samples,
)


def half_sum_of_squares(
    output: ArrayLike, target: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Compute half the sum of squared differences of each sample, ``sum((target - output)**2) /
    2``.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
        The first axis counts samples; a vector is one sample.
    reduction : {"mean", "sum", "none"}
        Over samples; within a sample it is always the half sum.
    out : ndarray of shape (n,), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> round(ops.half_sum_of_squares([0.1] * 10, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), 12)
    0.45
    """
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = compared(output, target)
    count = shape[0] if shape else 1
    result = per_sample(out, reduction, shape, output_.dtype)
    _core.half_sum_of_squares_forward(
        samples(output_, count), samples(target, count), result.reshape(count)
    )
    return result if reduction == "none" else reduce(result, reduction)


def half_sum_of_squares_backward(
    output: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `half_sum_of_squares` with respect to the output.

    It is ``output - target``, scaled as `reduction` says.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `output`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `output`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.half_sum_of_squares_backward(np.array([0.5, 2.0]), np.array([1.0, 0.0]))
    array([-0.5,  2. ])
    """
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = compared(output, target)
    count = shape[0] if shape else 1
    gradients = sample_gradients(grad_output, reduction, shape, output_.dtype)
    result = output_array(out, output_.shape, output_.dtype, accumulate)
    _core.half_sum_of_squares_backward(
        gradients,
        samples(output_, count),
        samples(target, count),
        samples(result, count),
        accumulate,
    )
    return result
