"""Counter-based random numbers (Philox 4x32-10), and dropout.

A value depends only on seed, stream, step and its index in the array. No state is kept: the same
call gives the same bits with any number of threads and in any order of calls.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _core
from cnnrs._arguments import (
    Floats,
    counter,
    empty,
    float_dtype,
    floats,
    in_place,
    is_sequence,
    number,
    output,
    size,
)
from cnnrs.errors import ArgumentError, DTypeError

SEED_BITS = 64
STREAM_BITS = 32
STEP_BITS = 64


def counters(seed: Any, stream: Any, step: Any) -> tuple[int, int, int]:
    """Return seed, stream and step, checked."""
    return (
        counter("seed", seed, SEED_BITS),
        counter("stream", stream, STREAM_BITS),
        counter("step", step, STEP_BITS),
    )


def random_uniform(
    shape: int | tuple[int, ...],
    *,
    seed: int,
    stream: int = 0,
    step: int = 0,
    dtype: DTypeLike = np.float32,
    out: Floats | None = None,
) -> Any:
    """Draw independent uniform numbers from 0 (included) to 1 (excluded).

    Parameters
    ----------
    shape : int or tuple of int
    seed : int from 0 to 2**64 - 1
    stream : int from 0 to 2**32 - 1
    step : int from 0 to 2**64 - 1
        Number of the sequence, for example of the layer and the training step.
    dtype : {float32, float64}
        Dtype of the result without `out`.
    out : ndarray of shape `shape`, optional

    Returns
    -------
    ndarray of shape `shape`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

    Examples
    --------
    >>> from cnnrs import ops
    >>> first = ops.random_uniform(1000, seed=1)
    >>> bool((first == ops.random_uniform(1000, seed=1)).all())
    True
    >>> bool((first == ops.random_uniform(1000, seed=2)).any())
    False
    """
    place = counters(seed, stream, step)
    sizes = tuple(size("shape", item) for item in (shape if is_sequence(shape) else (shape,)))  # type: ignore[union-attr]
    if out is None:
        result = empty("shape", sizes, float_dtype(dtype))
    else:
        if not isinstance(out, np.ndarray) or out.dtype not in (np.float32, np.float64):
            raise DTypeError(
                "out: expected a float32 or float64 array, got "
                f"{getattr(out, 'dtype', type(out).__name__)}"
            )
        result = in_place("out", out, sizes, out.dtype)
    _core.random_uniform(result, *place)
    return result


def dropout(
    x: ArrayLike,
    rate: float,
    *,
    seed: int,
    stream: int = 0,
    step: int = 0,
    out: Floats | None = None,
) -> Any:
    """Set random values to zero and divide the others by ``1 - rate``, which preserves the mean.

    It is its own gradient: the same call (same seed, stream and step) on the output's gradient
    drops the same values.

    Parameters
    ----------
    x : array_like of any shape
    rate : float, at least 0 and less than 1
        Probability of a value to be dropped.
    seed : int from 0 to 2**64 - 1
    stream : int from 0 to 2**32 - 1
    step : int from 0 to 2**64 - 1
        Number of the mask, for example of the layer and the training step.
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
    15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> dropped = ops.dropout(np.ones(1000), 0.5, seed=0)
    >>> sorted(set(dropped.tolist()))
    [0.0, 2.0]
    """
    share = number("rate", rate, 0.0, 1.0)
    if share == 1.0:
        raise ArgumentError("rate: expected less than 1, got 1: nothing would be left to scale up")
    place = counters(seed, stream, step)
    (data,) = floats(("x",), x)
    result = output(out, data.shape, data.dtype)
    _core.dropout(data, result, share, *place)
    return result
