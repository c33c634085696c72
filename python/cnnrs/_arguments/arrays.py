"""Converts array-like arguments to the arrays that kernels take, and checks arrays to write to.

Kernels take C-contiguous, aligned arrays in native byte order, float32 or float64, all of one dtype
in one call. Arrays that already have this form pass through untouched, in a fraction of a
microsecond. Others are copied, and never written to. Integers, booleans and float16 become float32;
float32 with float64 becomes float64; lists and numbers take the dtype of the arrays in the same
call.
"""

import sys
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnrs._arguments.scalars import MAX_SIZE, flag
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]

_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)
_INT64 = np.dtype(np.int64)
_INT32 = np.dtype(np.int32)
_MAY_BE_NONE = frozenset({"bias", "activation_output"})


def floats(names: tuple[str, ...], *values: Any) -> tuple[Any, ...]:
    """Return the values as float arrays of one dtype, ready for a kernel.

    The arguments named ``bias`` and ``activation_output`` may be None.

    Raises
    ------
    DTypeError
        For object, complex, string or date values, naming the argument.
    ShapeError
        For nested sequences of uneven length.

    Examples
    --------
    >>> (x,) = floats(("x",), [1, 2])
    >>> x.dtype
    dtype('float32')
    """
    dtype = None
    for name, value in zip(names, values, strict=True):
        if type(value) is not np.ndarray:
            if value is None and name in _MAY_BE_NONE:
                continue
            break
        found = value.dtype
        if found is not dtype:
            if dtype is not None or (found is not _FLOAT32 and found is not _FLOAT64):
                break
            dtype = found
        flags = value.flags
        if not (flags.c_contiguous and flags.aligned):
            break
    else:
        return values
    return _convert(names, values)


def _convert(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    arrays = [
        None if value is None and name in _MAY_BE_NONE else as_array(name, value)
        for name, value in zip(names, values, strict=True)
    ]
    strong = None  # the common dtype of the arrays
    weak = None  # the common dtype of lists and numbers
    for name, value, array in zip(names, values, arrays, strict=True):
        if array is None:
            continue
        if array.dtype.kind in "biu" or array.dtype == np.float16:
            dtype = _FLOAT32
        elif array.dtype.kind == "f" and array.dtype.itemsize <= 8:
            dtype = _FLOAT32 if array.dtype.itemsize == 4 else _FLOAT64
        else:
            expected = "float32 or float64 values (integers, booleans and float16 are cast)"
            raise DTypeError(f"{name}: expected {expected}, got {_describe(value, array)}")
        if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array__"):
            strong = dtype if strong is None else np.promote_types(strong, dtype)
        else:
            weak = dtype if weak is None else np.promote_types(weak, dtype)
    target = strong if strong is not None else weak
    return tuple(
        None if array is None else np.require(array, dtype=target, requirements=("C", "A"))
        for array in arrays
    )


def as_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return the value as a plain ndarray, with the dtype that NumPy chooses.

    Raises
    ------
    ShapeError
        For nested sequences of uneven length.
    DTypeError
        For a value that is not an array, or a masked array with masked values.
    """
    # numpy.ma takes 10 ms to import; a caller with a masked array has imported it already
    if (
        "numpy.ma" in sys.modules
        and isinstance(value, np.ma.MaskedArray)
        and np.ma.is_masked(value)
    ):
        raise DTypeError(
            f"{name}: expected an array without masked values, got masked ones; fill them first, "
            f"for example with {name}.filled(0)"
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeError(
            f"{name}: expected rows of equal length, got nested sequences of several ({error})"
        ) from error
    except TypeError as error:
        raise DTypeError(
            f"{name}: expected an array, got {type(value).__name__} ({error})"
        ) from error


def integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """Return the value as a contiguous int64 array; only integer dtypes are accepted.

    Raises
    ------
    DTypeError
        For any other dtype: a label of 2.7 has no meaning.
    """
    if (
        type(value) is np.ndarray
        and value.dtype is _INT64
        and value.flags.c_contiguous
        and value.flags.aligned
    ):
        return value
    array = as_array(name, value)
    if array.dtype.kind not in "iu" and not (array.size == 0 and not isinstance(value, np.ndarray)):
        raise DTypeError(f"{name}: expected integers, got {_describe(value, array)}")
    return np.require(array, dtype=_INT64, requirements=("C", "A"))


def indices(name: str, value: ArrayLike) -> NDArray[np.int32]:
    """Return the value as a contiguous int32 array of indices.

    Only integer dtypes are accepted, and values never wrap around.

    Raises
    ------
    DTypeError
        For any other dtype.
    ArgumentError
        For an index that does not fit in 32 bits.
    """
    if (
        type(value) is np.ndarray
        and value.dtype is _INT32
        and value.flags.c_contiguous
        and value.flags.aligned
    ):
        return value
    array = as_array(name, value)
    if array.dtype.kind not in "iu":
        raise DTypeError(f"{name}: expected int32 indices, got {_describe(value, array)}")
    if array.size and (int(array.min()) < 0 or int(array.max()) > MAX_SIZE):
        raise ArgumentError(
            f"{name}: expected indices from 0 to {MAX_SIZE}, got {array.min()} to {array.max()}"
        )
    return np.require(array, dtype=_INT32, requirements=("C", "A"))


def rank(name: str, array: NDArray[Any], dimensions: int, axes: str) -> None:
    """Check the number of dimensions; `axes` names them in the message.

    Raises
    ------
    ShapeError
        For another number of dimensions.
    """
    if array.ndim != dimensions:
        hint = (
            f"; add a batch axis of one with {name}[None]"
            if array.ndim == dimensions - 1 and axes.startswith("(n,")
            else ""
        )
        raise ShapeError(
            f"{name}: expected {dimensions} dimensions {axes}, got shape {array.shape}{hint}"
        )


def images(name: str, array: NDArray[Any]) -> None:
    """Check for a batch of images ``(n, height, width, channels)``; only ``n`` may be 0.

    Raises
    ------
    ShapeError
        For another rank, no pixels, or no channels.
    """
    if array.ndim != 4:
        rank(name, array, 4, "(n, height, width, channels)")
    if 0 in array.shape[1:]:
        raise ShapeError(
            f"{name}: expected a height, width and number of channels of at least 1, got shape "
            f"{array.shape}"
        )


def output(
    out: Any,
    shape: tuple[int, ...],
    dtype: "np.dtype[Any]",
    accumulate: bool = False,
    name: str = "out",
) -> Any:
    """Return the array to write to: `out` after a check, or a new array.

    Raises
    ------
    ShapeError, DTypeError
        If `out` has another shape or dtype than the result.
    ArgumentError
        If `out` is not contiguous or not writeable, or is missing where ``accumulate=True``.
    """
    if accumulate.__class__ is not bool:
        flag("accumulate", accumulate)
    if out is None:
        if accumulate:
            raise ArgumentError(f"{name}: expected an array to accumulate into, got None")
        return empty(name, shape, dtype)
    return in_place(name, out, shape, dtype)


def in_place(name: str, array: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """Return the array after a check that a kernel can write to it.

    Raises
    ------
    ShapeError, DTypeError
        For another shape or dtype.
    ArgumentError
        For an array that is not contiguous, aligned and writeable.
    """
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"{name}: expected a NumPy array to write to, got {type(array).__name__}")
    if array.dtype != dtype:
        raise DTypeError(f"{name}: expected dtype {dtype}, got {array.dtype}")
    if array.shape != shape:
        raise ShapeError(f"{name}: expected shape {shape}, got {array.shape}")
    flags = array.flags
    if not flags.carray:
        fault = (
            "not C-contiguous"
            if not flags.c_contiguous
            else "misaligned"
            if not flags.aligned
            else "read-only"
        )
        raise ArgumentError(
            f"{name}: expected a writeable, aligned, C-contiguous array, got one that is {fault}"
        )
    return array


def empty(name: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """Return a new uninitialised array.

    Raises
    ------
    ShapeError
        For more elements than the address space can hold. `MemoryError` is passed on.
    """
    try:
        return np.empty(shape, dtype)
    except ValueError as error:
        raise ShapeError(
            f"{name}: expected a shape that fits in the address space, got {shape}"
        ) from error


def float_dtype(value: DTypeLike) -> "np.dtype[Any]":
    """Return float32 or float64 as a dtype object.

    Raises
    ------
    DTypeError
        For any other dtype.
    """
    try:
        dtype = np.dtype(value)
    except TypeError as error:
        raise DTypeError(f"dtype: expected float32 or float64, got {value!r}") from error
    if value is None or dtype not in (_FLOAT32, _FLOAT64):
        raise DTypeError(f"dtype: expected float32 or float64, got {value!r}")
    return dtype


def _describe(value: Any, array: NDArray[Any]) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of dtype {array.dtype}"
    return (
        f"{value!r}"[:60] if array.ndim == 0 else f"{type(value).__name__} of dtype {array.dtype}"
    )
