"""Draw samples of a data set, and augmented versions of one image."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.data import as_source
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.plot.sheet import Picture, draw_sheet

__all__ = ["augmentations", "samples"]


def samples(
    data: Any,
    path: str | os.PathLike[str],
    *,
    count: int = 16,
    indices: Sequence[int] | None = None,
    columns: int | None = None,
) -> Path:
    """Draw samples of a data set, with class names, boxes or masks, into an image file.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays
        Images of shape (height, width, channels) with 1 or 3 channels.
    path : str or path-like
        The file to write; its suffix chooses the format, such as ``.png``.
    count : int
        Number of samples, spread evenly over the data set.
    indices : sequence of int, optional
        The samples to draw, instead of `count`.
    columns : int, optional
        Pictures side by side; by default the sheet is about square.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ShapeError, ArgumentError
        If there are no samples or they are not images, or for an unknown suffix of `path`.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import cnnrs
    >>> digits = cnnrs.datasets.load("digits")
    >>> samples(digits.test, "digits.png", count=9).name  # doctest: +SKIP
    'digits.png'
    """
    source = as_source(data)
    if len(source) == 0:
        raise ShapeError("data: expected at least one sample, got none")
    if indices is None:
        wanted = (
            np.linspace(0, len(source) - 1, min(_arguments.integer("count", count, 1), len(source)))
            .astype(int)
            .tolist()
        )
    else:
        wanted = [_arguments.integer("indices", index, 0, len(source) - 1) for index in indices]
        if not wanted:
            raise ArgumentError("indices: expected at least one, got none")
    names = tuple(getattr(source, "class_names", ()))
    kind = getattr(source, "target", "labels")
    return draw_sheet([_picture(source[index], kind, names) for index in wanted], path, columns)


def augmentations(
    image: Any,
    transform: Callable[..., Any],
    path: str | os.PathLike[str],
    *,
    boxes: Any = None,
    box_labels: Any = None,
    mask: Any = None,
    keypoints: Any = None,
    class_names: Sequence[str] = (),
    count: int = 15,
    columns: int | None = None,
    seed: int = 0,
) -> Path:
    """Draw one image and its augmented versions in the first epochs into an image file.

    Boxes, mask and key points are augmented and drawn with it.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels), uint8 or float32
    transform : callable
        A transform of `cnnrs.augment`, or a callable with the same arguments.
    path : str or path-like
        The file to write; its suffix chooses the format.
    boxes : array-like of shape (k, 4), optional
        ``xyxy`` in pixels.
    box_labels : array-like of shape (k,), optional
        The class of each box.
    mask : ndarray of shape (height, width), optional
    keypoints : array-like of shape (k, 2), optional
        ``x, y`` in pixels.
    class_names : sequence of str
        The names of the box labels.
    count : int
        Number of epochs.
    columns : int, optional
        Pictures side by side; by default the sheet is about square.
    seed : int
        Seed of the transform.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ShapeError, ArgumentError
        If `image` is not an image, or for an unknown suffix of `path`.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import cnnrs
    >>> image = cnnrs.datasets.load("digits").x_test[0]
    >>> flip = cnnrs.augment.RandomHorizontalFlip()
    >>> augmentations(image, flip, "flips.png").name  # doctest: +SKIP
    'flips.png'
    """
    array = np.asarray(image)
    if array.ndim != 3:
        raise ShapeError(f"image: expected (height, width, channels), got shape {array.shape}")
    given: dict[str, Any] = {}
    if boxes is not None:
        corners = np.asarray(boxes, np.float32).reshape(-1, 4)
        labels = (
            np.zeros(len(corners), np.int64)
            if box_labels is None
            else np.asarray(box_labels, np.int64)
        )
        if labels.shape != (len(corners),):
            raise ShapeError(
                f"box_labels: expected one for each of the {len(corners)} boxes, got shape "
                f"{labels.shape}"
            )
        given |= {"labels": [labels], "boxes": [corners]}
    if mask is not None:
        given["masks"] = np.asarray(mask)[None]
    if keypoints is not None:
        given["keypoints"] = [np.asarray(keypoints, np.float32).reshape(-1, 2)]
    pictures = [_transformed_picture("original", array, given, class_names)]
    for epoch in range(_arguments.integer("count", count, 1)):
        result = transform(
            array[None], **given, indices=np.zeros(1, np.int64), epoch=epoch, seed=seed
        )
        parts = result if isinstance(result, tuple) else (result,)
        others = dict(zip(given, parts[1:], strict=True))
        pictures.append(_transformed_picture(f"epoch {epoch}", parts[0][0], others, class_names))
    return draw_sheet(pictures, path, columns)


def _transformed_picture(
    title: str, image: Any, given: dict[str, Any], class_names: Sequence[str]
) -> Picture:
    first = {name: value[0] for name, value in given.items()}
    names = [_name(label, class_names) for label in first["labels"].tolist()] if class_names else ()
    return Picture(
        image, title, first.get("boxes"), names, first.get("masks"), first.get("keypoints")
    )


def _picture(sample: Any, kind: str, names: Sequence[str]) -> Picture:
    image, target = sample
    if kind == "boxes":
        return Picture(
            image, "", target["boxes"], [_name(label, names) for label in target["labels"].tolist()]
        )
    if kind == "masks":
        return Picture(image, "", mask=target)
    return Picture(image, _name(target, names) if np.ndim(target) == 0 else "")


def _name(label: Any, names: Sequence[str]) -> str:
    """Return the name of a class, or its number if it has no name."""
    return names[label] if isinstance(label, int) and 0 <= label < len(names) else str(label)
