"""Exceptions of cnnrs; all are subclasses of `CnnrsError`.

Each also derives from a built-in class, so that ``except ValueError`` works. A message reads
``name: expected …, got …``, with a way out where there is one. `MemoryError`, `OSError`,
`KeyboardInterrupt`, and the `TypeError` for a missing or unknown argument are not replaced.

Examples
--------
>>> import cnnrs
>>> try:
...     cnnrs.ops.conv2d_output_size(7, 3, stride=0)
... except cnnrs.errors.ShapeError as error:
...     print("refused")
refused
"""

__all__ = [
    "ArgumentError",
    "CnnrsError",
    "DTypeError",
    "FormatError",
    "NonFiniteError",
    "ShapeError",
]


class CnnrsError(Exception):
    """Base class of all errors that cnnrs raises."""


class ShapeError(CnnrsError, ValueError):
    """A rank, a size or a geometry (kernel size, stride, padding, dilation) that does not fit."""


class ArgumentError(CnnrsError, ValueError):
    """A value out of bounds or unknown: a dropout rate of 1.5, ``groups=0``, a wrong name."""


class DTypeError(CnnrsError, TypeError):
    """An array of an unsupported dtype, or an argument of another type."""


class FormatError(CnnrsError, ValueError):
    """A file that is damaged, truncated, or of another format."""


class NonFiniteError(CnnrsError, ArithmeticError):
    """NaN or infinity where a finite number is needed, such as a loss that diverged."""
