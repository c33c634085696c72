"""Photos of several sizes and their targets through a transform."""

import numpy as np
import pytest

from cnnrs import augment
from cnnrs.data import FileSource, Loader, Subset
from cnnrs.errors import ShapeError


class Photos(FileSource):
    """Photos of several sizes; what they show is drawn as boxes, or as masks."""

    sizes = ((20, 30), (31, 17), (25, 25), (40, 22), (18, 33))

    def __init__(self, target="boxes"):
        self.target = target

    def __len__(self):
        return len(self.sizes)

    def read(self, index):
        height, width = self.sizes[index]
        mask = np.zeros((height, width), np.uint8)
        mask[2:12, 3:15] = 200
        boxes = np.array([[3, 2, 15, 12], [0, 0, 2, 2]], np.float32)
        names = {
            "boxes": boxes,
            "labels": np.array([index, 9]),
            "difficult": np.array([index % 2 == 0, index == 3]),
        }
        return np.repeat(mask[..., None], 3, axis=2), {
            "boxes": names,
            "masks": mask,
            "labels": index,
        }[self.target]


@pytest.mark.parametrize("threads", [0, 3])
@pytest.mark.parametrize("target", ["labels", "masks", "boxes"])
def test_photos_of_several_sizes_come_out_as_one(threads, target):
    loader = Loader(
        Photos(target), 5, shuffle=True, transform=augment.Resize((24, 28)), threads=threads
    )
    order = loader.order(0)
    ((x, y),) = loader
    assert (x.shape, x.dtype) == ((5, 24, 28, 3), np.uint8)
    for place, index in enumerate(order):
        height, width = Photos.sizes[index]
        if target == "labels":
            assert y[place] == index
        elif target == "masks":
            assert (
                y[place] != x[place, ..., 0]
            ).mean() < 0.2  # alike but for the border, which is smooth in one
        else:
            np.testing.assert_allclose(
                y[place]["boxes"][0],
                np.array([3, 2, 15, 12]) * ([28 / width, 24 / height] * 2),
                rtol=1e-6,
            )
            assert y[place]["difficult"].tolist() == [index % 2 == 0, index == 3]


def test_photos_of_several_sizes_at_the_end_are_an_error_that_names_the_way_out():
    for transform in (augment.RandomHorizontalFlip(), lambda x, labels, **_: (x, labels)):
        with pytest.raises(
            ShapeError, match=r"after the transform.*\(31, 17, 3\) for sample 1.*Resize"
        ):
            list(Loader(Photos("labels"), 5, transform=transform))
    with pytest.raises(ShapeError, match="size="):
        list(Loader(Photos("labels"), 5))


@pytest.mark.parametrize("threads", [0, 2])
def test_flags_of_dropped_boxes_are_dropped_along(threads):
    # Twelve pixels to the left: the small box at the corner leaves, and a quarter of the other
    # stays.
    pipe = augment.Compose(
        [
            augment.Resize((30, 30)),
            augment.CenterCrop((30, 24)),
            augment.RandomTranslate((0, (-5, -5))),
        ]
    )
    for x, y in Loader(Photos(), 2, transform=pipe, threads=threads):
        assert x.shape[1:] == (30, 24, 3)
        for one in y:
            assert len(one["boxes"]) == len(one["labels"]) == len(one["difficult"]) == 1
            assert one["labels"][0] < 9
            assert one["difficult"].dtype == np.bool_
            assert one["difficult"][0] == (one["labels"][0] % 2 == 0)


def test_mosaic_brings_flags_along():
    mosaic = augment.Mosaic(Photos(), min_visibility=0.01)
    ((_, y),) = Loader(Photos(), 5, transform=augment.Compose([augment.Resize((30, 30)), mosaic]))
    assert sum(len(one["labels"]) for one in y) > 8
    for one in y:
        hard = [label == 9 or label % 2 == 0 for label in one["labels"]]
        assert len(one["difficult"]) == len(one["boxes"]) == len(one["labels"])
        assert (one["difficult"] <= np.array(hard)).all()
        assert (one["difficult"] == hard)[one["labels"] < 9].all()


def test_a_function_that_knows_no_flags():
    def first(images, *, labels, boxes, **_):
        return (
            np.zeros((len(images), 8, 8, 3), np.uint8),
            [one[:1] for one in labels],
            [one[:1] for one in boxes],
        )

    def all_of_them(images, *, labels, boxes, **_):
        return np.zeros((len(images), 8, 8, 3), np.uint8), labels, boxes

    flags = [
        one["difficult"].tolist()
        for _, y in Loader(Photos(), 5, transform=all_of_them)
        for one in y
    ]
    assert flags == [[True, False], [False, False], [True, False], [False, True], [True, False]]
    with pytest.raises(ShapeError, match="difficult="):
        list(Loader(Photos(), 5, transform=first))
    ((_, (one,)),) = Loader(Subset(Photos(), [1]), 5, transform=first)
    assert one["difficult"].tolist() == [False]
