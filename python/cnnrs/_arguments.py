"""The one place where arguments are normalised: anything array-like in, what the kernels take out.

Kernels take C-contiguous, aligned arrays in native byte order, float32 or float64, all of one dtype
in one call. Arrays that are already so pass through untouched (the fast path, a fraction of a
microsecond); others are copied, never written to. Integers, booleans and float16 become float32;
float32 beside float64 becomes float64; lists and numbers take the dtype of the arrays beside them.
Sizes are non-negative integers below 2**31; pairs are ``(height, width)``; what a size means is
checked where it is used.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnrs.errors import ArgumentError, DTypeError, ShapeError

Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]
PairLike: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
PaddingLike: TypeAlias = (
    SupportsIndex | str | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]]
)

MAX_SIZE = 2**31 - 1  # elements: the largest size, stride, padding or dilation
_FLOAT32: np.dtype[Any] = np.dtype(np.float32)
_FLOAT64: np.dtype[Any] = np.dtype(np.float64)
_INT64 = np.dtype(np.int64)
_INT32 = np.dtype(np.int32)
_MAY_BE_NONE = frozenset({"bias", "activation_output"})


# --- arrays ---------------------------------------------------------------------------------------
def floats(names: tuple[str, ...], *values: Any) -> tuple[Any, ...]:
    """The values as kernel-ready float arrays of one dtype; ``bias`` and ``activation_output`` may
    be None.

    Raises
    ------
    DTypeError
        For object, complex, string or date values, naming the argument.
    ShapeError
        For nested sequences of uneven length.
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
    strong = None  # the dtype that the arrays ask for
    weak = None  # the dtype that lists and numbers would have alone
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
    """The value as a base-class ndarray of whatever dtype NumPy gives it.

    Raises
    ------
    ShapeError
        For nested sequences of uneven length.
    DTypeError
        For what is no array, or a masked array with masked values.
    """
    # whoever has a masked array has imported their module, which takes 10 ms
    if (
        "numpy.ma" in sys.modules
        and isinstance(value, np.ma.MaskedArray)
        and np.ma.is_masked(value)
    ):
        raise DTypeError(
            f"{name}: masked values have no number to compute with; fill them first, for example "
            f"with {name}.filled(0)"
        )
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name}: the nested sequences have no one shape ({error})") from error
    except TypeError as error:
        raise DTypeError(
            f"{name}: expected an array, got {type(value).__name__} ({error})"
        ) from error


def integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    """The value as a contiguous int64 array; only integer dtypes are taken.

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
    """The value as a contiguous int32 array of indices; only integer dtypes are taken, and nothing
    is wrapped around.

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
    """Checks the number of dimensions; ``axes`` spells them for the message.

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
    """Checks for a batch of images ``(n, height, width, channels)``, of which only ``n`` may be 0.

    Raises
    ------
    ShapeError
        For another rank, or no pixels, or no channels.
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
    """The array to write to: ``out`` itself, checked, or a new one.

    Raises
    ------
    ShapeError, DTypeError
        For another shape or dtype than the result has.
    ArgumentError
        For an ``out`` that is not contiguous or not writeable, or accumulation into nothing.
    """
    if accumulate.__class__ is not bool:
        flag("accumulate", accumulate)
    if out is None:
        if accumulate:
            raise ArgumentError(f"{name}: accumulate=True adds to an array: pass it as {name}=")
        return empty(name, shape, dtype)
    return in_place(name, out, shape, dtype)


def in_place(name: str, array: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> NDArray[Any]:
    """The array itself, checked to be one that a kernel can write to.

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
    """A new uninitialised array.

    Raises
    ------
    ShapeError
        For more elements than an address space holds. `MemoryError` stays itself.
    """
    try:
        return np.empty(shape, dtype)
    except ValueError as error:
        raise ShapeError(
            f"{name}: an array of shape {shape} is too large for any memory"
        ) from error


def float_dtype(value: DTypeLike) -> "np.dtype[Any]":
    """float32 or float64 as a dtype object.

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


# --- sizes ----------------------------------------------------------------------------------------
def integer(name: str, value: Any, minimum: int = 0, maximum: int = MAX_SIZE) -> int:
    """The value as an int within bounds; booleans and floats are not integers.

    Raises
    ------
    DTypeError
        For another type.
    ShapeError
        Out of bounds.
    """
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise DTypeError(f"{name}: expected an integer, got {value!r}")
        try:
            value = value.__index__()
        except TypeError as error:
            raise DTypeError(f"{name}: expected an integer, got {value!r}") from error
    if not minimum <= value <= maximum:
        wanted = f"at least {minimum}" if value < minimum else f"at most {maximum}"
        raise ShapeError(f"{name}: expected {wanted}, got {value}")
    return int(value)


def pair(name: str, value: Any, minimum: int = 1) -> Pair:
    """``(height, width)`` from an integer or two of them.

    Raises
    ------
    DTypeError
        For other types.
    ShapeError
        For another number of integers, or out of bounds.
    """
    if type(value) is int and minimum <= value <= MAX_SIZE:
        return value, value
    if type(value) is tuple and len(value) == 2:
        first, second = value
        if (
            type(first) is type(second) is int
            and minimum <= first <= MAX_SIZE
            and minimum <= second <= MAX_SIZE
        ):
            return value
    if not is_sequence(value):
        size = integer(name, value, minimum)
        return size, size
    items = tuple(value)
    if len(items) != 2:
        raise ShapeError(f"{name}: expected an integer or a pair (height, width), got {value!r}")
    return integer(name, items[0], minimum), integer(name, items[1], minimum)


def is_sequence(value: Any) -> bool:
    """Whether the value can be taken apart: a tuple, list or array, not a string or a number."""
    return (
        hasattr(value, "__len__")
        and hasattr(value, "__iter__")
        and not isinstance(value, str)
        and getattr(value, "ndim", 1) > 0
    )


def shape_of(name: str, value: Any, dimensions: int, axes: str) -> tuple[int, ...]:
    """A shape with that many sizes.

    Raises
    ------
    DTypeError, ShapeError
        For anything else.
    """
    if (
        type(value) is tuple
        and len(value) == dimensions
        and all(type(size) is int and 0 <= size <= MAX_SIZE for size in value)
    ):
        return value
    if not is_sequence(value):
        raise DTypeError(f"{name}: expected {dimensions} sizes {axes}, got {value!r}")
    items = tuple(value)
    if len(items) != dimensions:
        raise ShapeError(f"{name}: expected {dimensions} sizes {axes}, got {value!r}")
    return tuple(integer(name, size) for size in items)


# --- numbers and names ----------------------------------------------------------------------------
def number(name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """A finite real number within bounds, both included.

    Raises
    ------
    DTypeError
        For another type.
    ArgumentError
        For NaN, infinity, or out of bounds.
    """
    if (
        isinstance(value, (bool, np.bool_, str))
        or not hasattr(value, "__float__")
        or getattr(value, "ndim", 0) > 0
    ):
        raise DTypeError(f"{name}: expected a number, got {value!r}")
    try:
        result = float(value)
    except (TypeError, OverflowError) as error:
        raise ArgumentError(f"{name}: expected a finite number, got {value!r}") from error
    if not math.isfinite(result):
        raise ArgumentError(f"{name}: expected a finite number, got {result}")
    if not minimum <= result <= maximum:
        wanted = f"at least {minimum:g}" if result < minimum else f"at most {maximum:g}"
        raise ArgumentError(f"{name}: expected {wanted}, got {result:g}")
    return result


def flag(name: str, value: Any) -> bool:
    """True or False; nothing else stands for them.

    Raises
    ------
    DTypeError
        For anything but a bool.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise DTypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def counter(name: str, value: Any, bits: int) -> int:
    """A non-negative integer below ``2**bits``: a seed, a stream, a step.

    Raises
    ------
    DTypeError, ArgumentError
        For another type; out of bounds.
    """
    try:
        return integer(name, value, 0, 2**bits - 1)
    except ShapeError as error:
        raise ArgumentError(str(error)) from None


def choice(name: str, value: Any, choices: tuple[str | None, ...]) -> Any:
    """One of the names.

    Raises
    ------
    ArgumentError
        For anything else.
    """
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ArgumentError(
            f"{name}: expected {' or '.join(repr(item) for item in choices)}, got {value!r}"
        )
    return value
