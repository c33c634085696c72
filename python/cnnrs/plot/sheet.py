"""Draw a grid of images with titles, boxes, masks and key points into one file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["Picture", "check_path", "draw_sheet"]

INCHES = 2.0  # width of a cell
MASK_STRENGTH = 0.45  # how much of the image a mask covers


@dataclass(frozen=True)
class Picture:
    """One cell of a sheet.

    Attributes
    ----------
    image : ndarray of shape (height, width, channels)
        uint8, or float, which is scaled from its own range to 0..255.
    title : str
    boxes : ndarray of shape (k, 4), optional
        ``xyxy`` in pixels.
    box_names : sequence of str
        One name per box, or none.
    mask : ndarray of shape (height, width), optional
        One integer per pixel; pixels with 0 are not coloured.
    keypoints : ndarray of shape (k, 2), optional
        ``x, y`` in pixels.
    """

    image: Any
    title: str = ""
    boxes: Any = None
    box_names: Sequence[str] = ()
    mask: Any = None
    keypoints: Any = None


def draw_sheet(
    pictures: Sequence[Picture], path: str | os.PathLike[str], columns: int | None = None
) -> Path:
    """Draw pictures into an image file, row by row. The grid is about square by default."""
    from matplotlib.figure import Figure

    target = check_path(path)
    across = columns or math.ceil(math.sqrt(len(pictures)))
    down = math.ceil(len(pictures) / across)
    tallest = max(np.shape(picture.image)[0] / np.shape(picture.image)[1] for picture in pictures)
    figure = Figure(
        figsize=(INCHES * across, (INCHES * tallest + 0.3) * down), layout="constrained"
    )
    cells = figure.subplots(down, across, squeeze=False).ravel()
    names = sorted({name for picture in pictures for name in picture.box_names})
    for axes, picture in zip(cells, pictures, strict=False):
        _draw_picture(axes, picture, names)
    for axes in cells:
        axes.set_axis_off()
    figure.savefig(target, dpi=120)
    return target


def check_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return the path of an image file; refuse a suffix that matplotlib cannot write.

    Parameters
    ----------
    path : str or path-like
    name : str
        Name of the argument in the message.

    Returns
    -------
    Path
        The path.

    Raises
    ------
    ArgumentError
        If the suffix is not the one of an image format.

    Examples
    --------
    >>> check_path("sheet.png").name
    'sheet.png'
    """
    from matplotlib.figure import Figure

    target = Path(path)
    known = sorted(Figure().canvas.get_supported_filetypes())
    if target.suffix and target.suffix[1:].lower() not in known:
        raise ArgumentError(
            f"{name}: expected a file name that ends with one of .{', .'.join(known)}, got "
            f"{str(target)!r}"
        )
    return target


def _draw_picture(axes: Any, picture: Picture, names: list[str]) -> None:
    """Draw one image with its mask, boxes and key points; `names` choose the colours of boxes."""
    from matplotlib import colormaps

    colors = colormaps["tab10"]
    image = displayable(picture.image)
    gray = "gray" if image.ndim == 2 else None
    axes.imshow(image, cmap=gray, vmin=0, vmax=255, interpolation="nearest")
    if picture.mask is not None:
        ids = (np.ma.masked_equal(np.asarray(picture.mask), 0) - 1) % 10
        axes.imshow(ids, cmap=colors, vmin=0, vmax=9, alpha=MASK_STRENGTH, interpolation="nearest")
    for k, box in enumerate(() if picture.boxes is None else np.asarray(picture.boxes).tolist()):
        name = picture.box_names[k] if k < len(picture.box_names) else ""
        _draw_box(axes, box, name, colors((names.index(name) if name else 3) % 10))
    if picture.keypoints is not None and len(picture.keypoints):
        points = np.asarray(picture.keypoints)
        axes.plot(points[:, 0] - 0.5, points[:, 1] - 0.5, ".", color=colors(1), markersize=4)
    axes.set_title(picture.title, fontsize=8)
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)


def _draw_box(axes: Any, box: Sequence[float], name: str, color: Any) -> None:
    from matplotlib.patches import Rectangle

    left, top, right, bottom = box
    # On the axes, the centre of a pixel has whole coordinates; its edges are half a pixel away.
    corner, size = (left - 0.5, top - 0.5), (right - left, bottom - top)
    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=color, linewidth=1.2))
    if name:
        label = {"facecolor": color, "pad": 0.6, "linewidth": 0}
        axes.text(left, top, name, fontsize=5, color="white", va="top", bbox=label)


def displayable(image: Any) -> Any:
    """Return an image as uint8, a grey one with two axes.

    Images of other dtypes are scaled so that their smallest value is 0 and their largest 255.
    """
    array = np.asarray(image)
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ShapeError(
            "images: expected (height, width, channels) with 1 or 3 channels, got shape "
            f"{array.shape}"
        )
    if array.dtype != np.uint8:
        low, high = float(np.nanmin(array)), float(np.nanmax(array))
        array = np.nan_to_num(
            (array.astype(np.float64) - low) * (255 / (high - low if high > low else 1))
        ).astype(np.uint8)
    return array[..., 0] if array.shape[2] == 1 else array
