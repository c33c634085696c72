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
    """Base class of all errors that cnnrs raises.

    Examples
    --------
    >>> from cnnrs import errors, layers
    >>> try:
    ...     layers.Dropout(1.5)
    ... except errors.CnnrsError as error:
    ...     print(type(error).__name__)
    ArgumentError
    """


class ShapeError(CnnrsError, ValueError):
    """A rank, a size or a geometry (kernel size, stride, padding, dilation) that does not fit.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.conv2d_output_size(3, 5)
    Traceback (most recent call last):
    cnnrs.errors.ShapeError: kernel_size: 5 is larger than the padded input of 3 + 0 + 0 = 3 pixels
    """


class ArgumentError(CnnrsError, ValueError):
    """A value out of bounds or unknown: a dropout rate of 1.5, ``groups=0``, a wrong name.

    Examples
    --------
    >>> from cnnrs import layers
    >>> layers.Dropout(1.5)
    Traceback (most recent call last):
    cnnrs.errors.ArgumentError: rate: expected at most 1, got 1.5
    """


class DTypeError(CnnrsError, TypeError):
    """An array of an unsupported dtype, or an argument of another type.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.relu(["a", "b"])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cnnrs.errors.DTypeError: x: expected float32 or float64 values ..., got list of dtype <U1
    """


class FormatError(CnnrsError, ValueError):
    """A file that is damaged, truncated, or of another format.

    Examples
    --------
    >>> from cnnrs import data
    >>> data.decode_image(b"no image")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cnnrs.errors.FormatError: image data: expected an image that Pillow can read, got another ...
    """


class NonFiniteError(CnnrsError, ArithmeticError):
    """NaN or infinity where a finite number is needed, such as a loss that diverged.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> model = cnnrs.Sequential((2,), [cnnrs.layers.Dense(2)])
    >>> trainer = cnnrs.Trainer(model, optimizer="sgd")
    >>> x, y = np.array([[np.inf, 1.0], [1.0, 2.0]]), np.array([0, 1])
    >>> trainer.fit(x, y, epochs=1, progress=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cnnrs.errors.NonFiniteError: the loss is nan in epoch 1, step 1 ...
    """
