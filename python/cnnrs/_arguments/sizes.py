"""Checks sizes: of an axis, of ``(height, width)``, of a shape, and of padding.

Sizes are non-negative integers below 2**31; pairs are ``(height, width)``. What a size means is
checked where it is used.
"""

from collections.abc import Sequence
from typing import Any, SupportsIndex, TypeAlias

from cnnrs._arguments.scalars import MAX_SIZE, bounded, choice
from cnnrs.errors import DTypeError, ShapeError

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]
PairLike: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
PaddingLike: TypeAlias = (
    SupportsIndex | str | Sequence[SupportsIndex] | Sequence[Sequence[SupportsIndex]]
)


def size(name: str, value: Any, minimum: int = 0, maximum: int = MAX_SIZE) -> int:
    """Return a size of an array as an int within bounds; booleans and floats are not integers.

    For a value that is not a size use `integer`.

    Raises
    ------
    DTypeError
        For another type.
    ShapeError
        For a value out of bounds.

    Examples
    --------
    >>> size("input_shape", 0, 1)
    Traceback (most recent call last):
    cnnrs.errors.ShapeError: input_shape: expected at least 1, got 0
    """
    return bounded(name, value, minimum, maximum, ShapeError)


def pair(name: str, value: Any, minimum: int = 1) -> Pair:
    """Return ``(height, width)`` from an integer or two integers.

    Raises
    ------
    DTypeError
        For other types.
    ShapeError
        For another number of integers, or one out of bounds.

    Examples
    --------
    >>> pair("stride", 2), pair("stride", [1, 2])
    ((2, 2), (1, 2))
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
        side = size(name, value, minimum)
        return side, side
    items = tuple(value)
    if len(items) != 2:
        raise ShapeError(f"{name}: expected an integer or a pair (height, width), got {value!r}")
    return size(name, items[0], minimum), size(name, items[1], minimum)


def optional_pair(name: str, value: Any, minimum: int = 1) -> Pair | None:
    """Return None for None; otherwise as `pair`."""
    return None if value is None else pair(name, value, minimum)


def padding(name: str, value: Any) -> int | str | Pair | tuple[Pair, Pair]:
    """Return a padding in the spelling that was given, made of plain ints and tuples.

    The spellings are an integer, ``(height, width)``, ``((top, bottom), (left, right))``,
    ``"same"`` and ``"valid"``. The check is complete: a value that passes is a valid padding for
    every window.

    Raises
    ------
    ArgumentError
        For another name.
    DTypeError
        For another type.
    ShapeError
        For sizes out of bounds, or another nesting.

    Examples
    --------
    >>> padding("padding", [1, 2]), padding("padding", "same")
    ((1, 2), 'same')
    >>> padding("padding", "banana")
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: padding: expected 'same' or 'valid', got 'banana'
    """
    if isinstance(value, str):
        return str(choice(name, value, ("same", "valid")))
    if not is_sequence(value):
        return size(name, value)
    items = tuple(value)
    nested = [is_sequence(item) for item in items]
    if len(items) == 2 and not any(nested):
        return size(name, items[0]), size(name, items[1])
    if len(items) == 2 and all(nested) and len(items[0]) == len(items[1]) == 2:
        vertical, horizontal = tuple(items[0]), tuple(items[1])
        return (
            (size(name, vertical[0]), size(name, vertical[1])),
            (size(name, horizontal[0]), size(name, horizontal[1])),
        )
    forms = "an integer, (height, width), ((top, bottom), (left, right)), 'same' or 'valid'"
    raise ShapeError(f"{name}: expected {forms}, got {value!r}")


def is_sequence(value: Any) -> bool:
    """Return whether the value is a tuple, list or array, and not a string or a number."""
    return (
        hasattr(value, "__len__")
        and hasattr(value, "__iter__")
        and not isinstance(value, str)
        and getattr(value, "ndim", 1) > 0
    )


def shape_of(name: str, value: Any, dimensions: int, axes: str) -> tuple[int, ...]:
    """Return a shape of `dimensions` sizes as a tuple; `axes` names them in the message.

    Raises
    ------
    DTypeError, ShapeError
        For anything else.
    """
    if (
        type(value) is tuple
        and len(value) == dimensions
        and all(type(item) is int and 0 <= item <= MAX_SIZE for item in value)
    ):
        return value
    if not is_sequence(value):
        raise DTypeError(f"{name}: expected {dimensions} sizes {axes}, got {value!r}")
    items = tuple(value)
    if len(items) != dimensions:
        raise ShapeError(f"{name}: expected {dimensions} sizes {axes}, got {value!r}")
    return tuple(size(name, item) for item in items)
