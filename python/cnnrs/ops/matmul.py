"""Matrix product ``C = A B``, with either factor transposed and a bias and ReLU fused in.

It is its own gradient: the gradient of ``A`` is ``matmul(grad_C, B, transpose_b=True)``, the
gradient of ``B`` is ``matmul(A, grad_C, transpose_a=True)``.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, flag, floats, output, rank

_NAMES = ("a", "b", "bias")


def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    bias: ArrayLike | None = None,
    activation: str | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Multiply two matrices.

    Parameters
    ----------
    a : array_like of shape (m, k), or (k, m) with `transpose_a`
    b : array_like of shape (k, n), or (n, k) with `transpose_b`
    transpose_a, transpose_b : bool
        Whether the factor is stored transposed. No copy is made.
    bias : array_like of shape (n,), optional
        Added to every row.
    activation : {None, "relu"}
        Applied last, after the bias and the accumulation.
    out : ndarray of shape (m, n), optional
    accumulate : bool
        Whether to add to `out` instead of overwriting it.

    Returns
    -------
    ndarray of shape (m, n), float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.matmul(np.array([[1, 2], [3, 4]]), np.array([[1, 0], [0, 2]]), bias=np.array([10, 20]))
    array([[11., 24.],
           [13., 28.]], dtype=float32)
    """
    if not (transpose_a.__class__ is transpose_b.__class__ is bool):
        flag("transpose_a", transpose_a)
        flag("transpose_b", transpose_b)
    left, right, offset = floats(_NAMES, a, b, bias)
    if left.ndim != 2 or right.ndim != 2:
        rank("a", left, 2, "(k, m)" if transpose_a else "(m, k)")
        rank("b", right, 2, "(n, k)" if transpose_b else "(k, n)")
    if offset is not None:
        rank("bias", offset, 1, "(n,)")
    if activation is not None:
        choice("activation", activation, (None, "relu"))
    shape = left.shape[1 if transpose_a else 0], right.shape[0 if transpose_b else 1]
    result = output(out, shape, left.dtype, accumulate)
    _core.matmul(
        left, right, result, transpose_a, transpose_b, offset, activation is not None, accumulate
    )
    return result
