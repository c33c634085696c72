"""Checks of the plain arguments and file names that the functions of `cnnrs.data` take.

`inside` is the one place that decides whether a name found in an annotation may be opened.
"""

import operator
from collections.abc import Sequence
from pathlib import Path

from cnnrs.errors import ArgumentError, DTypeError, FormatError, ShapeError

__all__ = ["image_size_pair", "inside", "one_of", "whole_number"]

LONGEST_NAME = 2048  # characters
LONGEST_PART = 255  # bytes, what file systems allow between two slashes


def whole_number(name: str, value: object, minimum: int) -> int:
    """Return `value` as an int of at least `minimum`; floats and booleans are refused."""
    if isinstance(value, bool):
        raise DTypeError(f"{name} must be a whole number, got {value!r}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DTypeError(
            f"{name} must be a whole number, got {value!r} of type {type(value).__name__}"
        ) from None
    if number < minimum:
        raise ArgumentError(f"{name} must be at least {minimum}, got {number}")
    return number


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """Return `value` if it is one of the `allowed` words."""
    if value not in allowed:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, allowed))}; got {value!r}")
    return value


def image_size_pair(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return `size` as ``(height, width)``; one number means a square, None stays None."""
    if size is None:
        return None
    pair = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(pair) != 2:
        raise ShapeError(f"size must be one number or (height, width), got {size!r}")
    for value in pair:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise DTypeError(f"size must hold whole numbers, got {size!r}")
    height, width = operator.index(pair[0]), operator.index(pair[1])
    if height < 1 or width < 1:
        raise ShapeError(f"size must be at least 1 by 1, got {size!r}")
    return height, width


def inside(folder: Path, name: str, where: str) -> Path:
    """Return the path of `name` below `folder`, or refuse it if it leads anywhere else, also
    through a symbolic link.

    Parameters
    ----------
    folder : Path
        The data folder; it may itself be a symbolic link.
    name : str
        What the annotation says: relative to `folder`, or absolute but inside it.
    where : str
        The file that holds the name, for the message.
    """
    too_long = len(name) > LONGEST_NAME or any(
        len(part.encode(errors="replace")) > LONGEST_PART for part in name.split("/")
    )
    if not name or "\0" in name or "\\" in name or too_long:
        raise FormatError(f"{where}: {name!r:.80} is not a usable file name")
    try:
        root = folder.resolve()
        target = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # such as a loop of links
        raise FormatError(f"{where}: {name!r} is not a usable file name ({error})") from None
    if target == root or not target.is_relative_to(root):
        raise FormatError(
            f"{where}: {name!r} leads out of the data folder {folder}; files outside it are never "
            "opened"
        )
    return target
