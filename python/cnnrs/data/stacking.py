"""Joins samples into batches."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.errors import ShapeError

__all__ = ["Sample", "collate", "same_shape"]

Sample: TypeAlias = tuple[Any, Any]


def collate(
    samples: Sequence[Sample], describe: Callable[[int], str] | None = None, *, stack: bool = True
) -> Sample:
    """Join samples into a batch.

    Parameters
    ----------
    samples : sequence of (x, y)
        At least one.
    describe : callable, optional
        Returns the name of sample `k` for an error message.
    stack : bool
        Whether images of several sizes are an error. Otherwise they are returned as a list, and so
        are targets such as masks.

    Returns
    -------
    x : ndarray of shape (n, height, width, channels), or list of ndarray
        The images.
    y : ndarray or list of dict
        Numbers as an array (integers as int64), arrays stacked, box targets as a list.

    Raises
    ------
    ShapeError
        If the images differ in shape, or there are no samples.

    Examples
    --------
    >>> x, y = collate([(np.zeros((4, 4, 1)), 3), (np.ones((4, 4, 1)), 1)])
    >>> x.shape, y.tolist()
    ((2, 4, 4, 1), [3, 1])
    """
    _arguments.flag("stack", stack)
    if not samples:
        raise ShapeError("samples: expected at least one, got none")
    describe = describe or "sample {}".format
    images = _joined("images", [np.asarray(x) for x, _ in samples], describe, stack)
    targets = [y for _, y in samples]
    if isinstance(targets[0], dict):
        return images, targets
    joined = _joined("targets", [np.asarray(y) for y in targets], describe, stack)
    if isinstance(joined, np.ndarray) and joined.ndim == 1 and joined.dtype.kind in "iu":
        joined = joined.astype(np.int64)
    return images, joined


def _joined(
    what: str, items: list[NDArray[Any]], describe: Callable[[int], str], stack: bool
) -> NDArray[Any] | list[NDArray[Any]]:
    if not stack and len({item.shape for item in items}) > 1:
        return items
    same_shape(what, items, describe)
    return np.stack(items)


def same_shape(
    what: str,
    items: Sequence[NDArray[Any]],
    describe: Callable[[int], str],
    hint: str = "pass size=(height, width) to resize, or mode= for one number of channels",
) -> None:
    """Check that arrays can be stacked; the error names the first that differs.

    Raises
    ------
    ShapeError
        If the arrays differ in shape.
    """
    for position, item in enumerate(items):
        if item.shape != items[0].shape:
            raise ShapeError(
                f"{what}: expected one shape in a batch, got {items[0].shape} for {describe(0)} "
                f"and {item.shape} for {describe(position)}; {hint}"
            )
