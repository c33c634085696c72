"""Checks single values: integers, real numbers, flags and names."""

import math
from typing import Any

import numpy as np

from cnnrs.errors import ArgumentError, CnnrsError, DTypeError

MAX_SIZE = 2**31 - 1  # elements: the largest size, stride, padding or dilation


def bounded(
    name: str, value: Any, minimum: int, maximum: int, error_class: type[CnnrsError]
) -> int:
    """Return the value as an int within bounds; `error_class` is for a value out of them."""
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise DTypeError(f"{name}: expected an integer, got {value!r}")
        try:
            value = value.__index__()
        except TypeError as error:
            raise DTypeError(f"{name}: expected an integer, got {value!r}") from error
    if not minimum <= value <= maximum:
        expected = f"at least {minimum}" if value < minimum else f"at most {maximum}"
        raise error_class(f"{name}: expected {expected}, got {value}")
    return int(value)


def integer(name: str, value: Any, minimum: int = 0, maximum: int = MAX_SIZE) -> int:
    """Return the value as an int within bounds; booleans and floats are not integers.

    For a size of an array use `size`.

    Raises
    ------
    DTypeError
        For another type.
    ArgumentError
        For a value out of bounds.

    Examples
    --------
    >>> integer("epochs", -1)
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: epochs: expected at least 0, got -1
    """
    return bounded(name, value, minimum, maximum, ArgumentError)


def counter(name: str, value: Any, bits: int) -> int:
    """Return the value as a non-negative int below ``2**bits``, such as a seed or a step.

    Raises
    ------
    DTypeError, ArgumentError
        For another type; for a value out of bounds.
    """
    return integer(name, value, 0, 2**bits - 1)


def number(name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf) -> float:
    """Return the value as a finite float within bounds, both included.

    Raises
    ------
    DTypeError
        For another type.
    ArgumentError
        For NaN, infinity, or a value out of bounds.

    Examples
    --------
    >>> number("momentum", 1.5, 0, 1)
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: momentum: expected at most 1, got 1.5
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
        expected = f"at least {minimum:g}" if result < minimum else f"at most {maximum:g}"
        raise ArgumentError(f"{name}: expected {expected}, got {result:g}")
    return result


def positive(name: str, value: Any) -> float:
    """Return the value as a finite float above 0.

    Raises
    ------
    DTypeError, ArgumentError
        For another type; for 0, a negative or a non-finite number.

    Examples
    --------
    >>> positive("delta", 0)
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: delta: expected a number above 0, got 0
    """
    result = number(name, value)
    if result <= 0:
        raise ArgumentError(f"{name}: expected a number above 0, got {result:g}")
    return result


def optional_number(
    name: str, value: Any, minimum: float = -math.inf, maximum: float = math.inf
) -> float | None:
    """Return None for None; otherwise as `number`."""
    return None if value is None else number(name, value, minimum, maximum)


def flag(name: str, value: Any) -> bool:
    """Return the value as a bool; only True and False are accepted.

    Raises
    ------
    DTypeError
        For anything but a bool.

    Examples
    --------
    >>> flag("shuffle", "yes")
    Traceback (most recent call last):
    cnnrs.errors.DTypeError: shuffle: expected True or False, got 'yes'
    """
    if not isinstance(value, (bool, np.bool_)):
        raise DTypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def choice(name: str, value: Any, choices: tuple[str | None, ...]) -> Any:
    """Return the value if it is one of the choices.

    Raises
    ------
    ArgumentError
        For anything else.

    Examples
    --------
    >>> choice("mode", "down", ("min", "max"))
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: mode: expected 'min' or 'max', got 'down'
    """
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ArgumentError(
            f"{name}: expected {' or '.join(repr(item) for item in choices)}, got {value!r}"
        )
    return value
