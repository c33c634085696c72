"""The exceptions that cnnrs raises on purpose; every one is a `CnnrsError`.

Each also derives from the built-in class that a caller would expect, so ``except ValueError`` keeps
working. A message names the argument, what was expected, what came and, where there is one, the way
out. `MemoryError`, `OSError`, `KeyboardInterrupt`, and the `TypeError` for a missing or unknown
argument, stay Python's own.

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
    """Base class of every error that cnnrs raises on purpose."""


class ShapeError(CnnrsError, ValueError):
    """A rank, a size or a geometry (kernel size, stride, padding, dilation, groups) that does not
    fit.
    """


class ArgumentError(CnnrsError, ValueError):
    """Any other argument with a value outside its range: a dropout rate of 1.5, an unknown name."""


class DTypeError(CnnrsError, TypeError):
    """An array of a dtype, or an argument of a type, that cannot be used."""


class FormatError(CnnrsError, ValueError):
    """A file whose content is damaged, truncated, or not what it was said to be."""


class NonFiniteError(CnnrsError, ArithmeticError):
    """NaN or infinity where only finite numbers make sense, such as a loss that diverged."""
