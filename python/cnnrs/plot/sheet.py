"""A sheet of pictures: a grid of images with their titles, boxes and masks, drawn into one file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrs.errors import ShapeError

__all__ = ["Picture", "draw_sheet"]

INCHES = 2.0  # width of a cell
MASK_STRENGTH = 0.45  # how much of the image a mask covers


@dataclass(frozen=True)
class Picture:
    """One cell of a sheet.

    Attributes
    ----------
    image : ndarray of shape (height, width, channels)
        uint8, or float: those are stretched to the range that they have.
    title : str
    boxes : ndarray of shape (k, 4), optional
        ``xyxy`` in pixels.
    box_names : sequence of str
        One for each box, or none.
    mask : ndarray of shape (height, width), optional
        A number for each pixel; 0 is left clear.
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
    """Draw pictures into an image file, row after row; without `columns` the grid is about square."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    across = columns or math.ceil(math.sqrt(len(pictures)))
    down = math.ceil(len(pictures) / across)
    colors = colormaps["tab10"]
    tallest = max(np.shape(picture.image)[0] / np.shape(picture.image)[1] for picture in pictures)
    figure = Figure(
        figsize=(INCHES * across, (INCHES * tallest + 0.3) * down), layout="constrained"
    )
    cells = figure.subplots(down, across, squeeze=False).ravel()
    names = sorted({name for picture in pictures for name in picture.box_names})
    for axes, picture in zip(cells, pictures, strict=False):
        image = displayable(picture.image)
        axes.imshow(
            image,
            cmap="gray" if image.ndim == 2 else None,
            vmin=0,
            vmax=255,
            interpolation="nearest",
        )
        if picture.mask is not None:
            ids = np.ma.masked_equal(np.asarray(picture.mask), 0)
            axes.imshow(
                (ids - 1) % 10,
                cmap=colors,
                vmin=0,
                vmax=9,
                alpha=MASK_STRENGTH,
                interpolation="nearest",
            )
        for k, (left, top, right, bottom) in enumerate(
            () if picture.boxes is None else np.asarray(picture.boxes).tolist()
        ):
            name = picture.box_names[k] if k < len(picture.box_names) else ""
            color = colors((names.index(name) if name else 3) % 10)
            # a pixel's centre has whole coordinates on the axes, its left and top edge half a pixel
            # less
            axes.add_patch(
                Rectangle(
                    (left - 0.5, top - 0.5),
                    right - left,
                    bottom - top,
                    fill=False,
                    edgecolor=color,
                    linewidth=1.2,
                )
            )
            if name:
                axes.text(
                    left,
                    top,
                    name,
                    fontsize=5,
                    color="white",
                    va="top",
                    bbox={"facecolor": color, "pad": 0.6, "linewidth": 0},
                )
        if picture.keypoints is not None and len(picture.keypoints):
            points = np.asarray(picture.keypoints)
            axes.plot(points[:, 0] - 0.5, points[:, 1] - 0.5, ".", color=colors(1), markersize=4)
        axes.set_title(picture.title, fontsize=8)
        axes.set_xlim(-0.5, image.shape[1] - 0.5)
        axes.set_ylim(image.shape[0] - 0.5, -0.5)
    for axes in cells:
        axes.set_axis_off()
    target = Path(path)
    figure.savefig(target, dpi=120)
    return target


def displayable(image: Any) -> Any:
    """An image as uint8, grey ones with two axes; others than uint8 are stretched from their least
    to their greatest value.
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
