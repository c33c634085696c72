"""Sheets of samples: every cell shows its image where it should be, with its boxes and masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

import cnnrs
from cnnrs import plot
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.plot.sheet import displayable


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


class Boxes:
    """One image with one box around its white part."""

    target = "boxes"
    class_names = ("thing",)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        image = np.zeros((40, 40, 3), np.uint8)
        image[10:30, 10:30] = 255
        return image, {
            "boxes": np.array([[10, 10, 30, 30]], np.float32),
            "labels": np.zeros(1, np.int64),
        }


class Masks:
    """One black image whose right half is masked."""

    target = "masks"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        mask = np.zeros((20, 20), np.int32)
        mask[:, 10:] = 1
        return np.zeros((20, 20, 1), np.uint8), mask


def test_every_sample_has_a_cell(tmp_path: Path) -> None:
    images = (
        np.array([[0, 255], [255, 0]], np.uint8)
        .repeat(9, axis=0)
        .repeat(9, axis=1)
        .reshape(1, 18, 18, 1)
        .repeat(6, axis=0)
    )
    one = pixels(plot.samples((images[:1], np.arange(1)), tmp_path / "one.png"))
    six = pixels(plot.samples((images, np.arange(6)), tmp_path / "six.png", columns=3))
    assert six.shape[1] > 2.5 * one.shape[1]
    assert six.shape[0] > 1.5 * one.shape[0]


def test_boxes_frame_what_they_hold(tmp_path: Path) -> None:
    drawn = pixels(plot.samples(Boxes(), tmp_path / "boxes.png"))
    black = (drawn.max(axis=2) < 30).nonzero()
    top, left = black[0].min(), black[1].min()
    scale = (black[1].max() - left + 1) / 40
    colored = (drawn.max(axis=2) - drawn.min(axis=2) > 60).nonzero()  # the frame and the name
    assert abs((colored[0].max() - top) / scale - 30) < 1.5
    assert abs((colored[1].max() - left) / scale - 30) < 1.5
    assert abs((colored[1].min() - left) / scale - 10) < 1.5


def test_masks_color_what_they_cover(tmp_path: Path) -> None:
    drawn = pixels(plot.samples(Masks(), tmp_path / "masks.png"))
    colored = (drawn.max(axis=2) - drawn.min(axis=2) > 40).nonzero()[1]
    black = (drawn.max(axis=2) < 10).nonzero()[1]
    assert abs(black.max() - colored.min()) <= 2
    assert abs(len(black) / len(colored) - 1) < 0.1


def test_augmentations_show_each_epoch(tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    def transform(
        images: Any,
        *,
        labels: Any = None,
        boxes: Any = None,
        masks: Any = None,
        indices: Any,
        epoch: int,
        seed: int,
    ) -> Any:
        seen.append(
            (
                epoch,
                seed,
                indices.tolist(),
                images.shape,
                masks.shape,
                boxes[0].tolist(),
                labels[0].tolist(),
            )
        )
        return images, labels, boxes, masks

    image, _ = Boxes()[0]
    path = plot.augmentations(
        image,
        transform,
        tmp_path / "a.png",
        boxes=[[1, 2, 3, 4]],
        box_labels=[0],
        mask=image[..., 0],
        class_names=("thing",),
        count=3,
        seed=5,
    )
    assert path.is_file()
    assert seen == [
        (epoch, 5, [0], (1, 40, 40, 3), (1, 40, 40), [[1, 2, 3, 4]], [0]) for epoch in range(3)
    ]


def test_floats_are_stretched() -> None:
    assert displayable(np.array([-1.0, 0.0, 1.0]).reshape(1, 3, 1)).tolist() == [[0, 127, 255]]
    assert displayable(np.zeros((1, 1, 3), np.float32)).tolist() == [[[0, 0, 0]]]


def test_bad_input(tmp_path: Path) -> None:
    digits = cnnrs.datasets.load("digits")
    with pytest.raises(ArgumentError, match="indices"):
        plot.samples(digits.test, tmp_path / "a.png", indices=[])
    with pytest.raises(ArgumentError, match="indices: expected at most 359, got 360"):
        plot.samples(digits.test, tmp_path / "a.png", indices=[360])
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        plot.samples((np.zeros((1, 4, 4, 2)), [0]), tmp_path / "a.png")
    with pytest.raises(ShapeError, match="box_labels"):
        plot.augmentations(
            np.zeros((4, 4, 1)),
            lambda x, **_: x,
            tmp_path / "a.png",
            boxes=[[0, 0, 1, 1]],
            box_labels=[0, 1],
        )
    assert list(tmp_path.iterdir()) == []
