"""The hinge loss over classes (multi-class support vector machine), and its gradient."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, flag, number
from cnnrs._arguments import output as output_array
from cnnrs.errors import ShapeError
from cnnrs.ops.loss.arguments import REDUCTIONS, labelled, per_sample, reduce, sample_gradients


def _class_numbers(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    found, rows, targets = labelled(scores, labels)
    if targets.ndim != 1:
        raise ShapeError(
            f"labels: the hinge takes class indices of shape {found.shape[:-1]}, got probabilities"
        )
    return found, rows, targets


def hinge(
    scores: ArrayLike,
    labels: ArrayLike,
    margin: float = 1.0,
    squared: bool = False,
    *,
    reduction: str = "mean",
    out: Floats | None = None,
) -> Any:
    """Compute the hinge loss: the mean over the classes of ``max(0, margin - right + wrong)``.

    ``right`` is the score of the correct class, ``wrong`` the score of another class.

    Parameters
    ----------
    scores : array_like of shape (..., classes)
    labels : array_like of int of shape (...)
    margin : float, at least 0
        Difference by which the correct score should exceed the others.
    squared : bool
        Whether each term is squared.
    reduction : {"mean", "sum", "none"}
    out : ndarray of shape (...), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (...)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    K. Crammer, Y. Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector
    Machines", JMLR 2, 2001. As in PyTorch, the sum is divided by the number of classes.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.hinge([[1.0, 0.5, -3.0, 1.5]], [0])
    0.5
    """
    choice("reduction", reduction, REDUCTIONS)
    found, rows, targets = _class_numbers(scores, labels)
    result = per_sample(out, reduction, found.shape[:-1], found.dtype)
    _core.hinge_forward(
        rows,
        targets,
        result.reshape(rows.shape[0]),
        number("margin", margin, 0.0),
        flag("squared", squared),
    )
    return result if reduction == "none" else reduce(result, reduction)


def hinge_backward(
    scores: ArrayLike,
    labels: ArrayLike,
    margin: float = 1.0,
    squared: bool = False,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `hinge` with respect to the scores.

    Parameters
    ----------
    scores : array_like of shape (..., classes)
    labels : array_like of int of shape (...)
    margin : float, at least 0
    squared : bool
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (...) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `scores`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (..., classes)

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.hinge_backward(np.array([[1.0, 0.5, -3.0, 1.5]]), [0])
    array([[-0.5 ,  0.25,  0.  ,  0.25]])
    """
    choice("reduction", reduction, REDUCTIONS)
    found, rows, targets = _class_numbers(scores, labels)
    gradients = sample_gradients(grad_output, reduction, found.shape[:-1], found.dtype)
    result = output_array(out, found.shape, found.dtype, accumulate)
    margin, squared = number("margin", margin, 0.0), flag("squared", squared)
    _core.hinge_backward(
        gradients, rows, targets, result.reshape(rows.shape), margin, squared, accumulate
    )
    return result
