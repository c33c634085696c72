"""Boxes, masks, keypoints and labels move with the image."""

import numpy as np
import pytest

from cnnrs import augment

MOVING = [
    augment.RandomHorizontalFlip(),
    augment.RandomVerticalFlip(),
    augment.RandomCrop((40, 44), padding=6),
    augment.CenterCrop(40),
    augment.Pad((1, 2, 3, 4)),
    augment.RandomTranslate(0.2),
    augment.Resize((31, 70)),
    augment.RandomResizedCrop(40, scale=(0.4, 1.0)),
    augment.RandomRotation((90, 90)),
    augment.RandomAffine(0, (0.1, 0.2), scale=(0.7, 1.3)),
    augment.RandomApply([augment.RandomTranslate(5), augment.RandomHorizontalFlip()]),
    augment.Compose(
        [
            augment.Resize((50, 60)),
            augment.RandomCrop(40),
            augment.RandomVerticalFlip(),
            augment.ToFloat(),
        ]
    ),
]


def boxes_of(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        None if len(rows) == 0 else np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    )


def scene(rng, count=16, height=48, width=56):
    masks = np.zeros((count, height, width), np.int64)
    boxes = []
    for mask in masks:
        x, y = rng.integers(0, width - 16), rng.integers(0, height - 16)
        w, h = rng.integers(8, 16, 2)
        mask[y : y + h, x : x + w] = 7
        boxes.append(np.array([[x, y, x + w, y + h]], np.float32))
    return np.repeat((masks * 30).astype(np.uint8)[..., None], 3, axis=-1), masks, boxes


@pytest.mark.parametrize("transform", MOVING, ids=lambda transform: type(transform).__name__)
def test_box_of_the_mask_is_the_box(transform, rng):
    images, masks, boxes = scene(rng)
    labels = [np.array([i]) for i in range(16)]
    moved, names, frames, planes = transform(
        images, labels=labels, boxes=boxes, masks=masks, seed=6
    )
    assert planes.dtype == np.int64
    assert set(np.unique(planes)) <= {0, 7}
    compared = 0
    for i in range(16):
        assert planes[i].shape == moved[i].shape[:2]
        assert len(names[i]) == len(frames[i])
        expected = boxes_of(planes[i])
        if expected is not None and len(frames[i]):
            assert names[i].tolist() == [i]
            assert np.abs(frames[i][0] - expected).max() <= 1.0
            compared += 1
    assert compared >= 8


@pytest.mark.parametrize(
    "transform",
    [
        augment.RandomRotation(40),
        augment.RandomPerspective(0.4, p=1.0),
        augment.ElasticTransform(60.0, 5.0),
    ],
)
def test_keypoints_follow_what_they_mark(transform, rng):
    images = np.zeros((12, 64, 64, 1), np.float32)
    points = rng.uniform(20, 44, (12, 1, 2))
    y, x = np.mgrid[:64, :64] + 0.5
    for image, ((px, py),) in zip(images, points, strict=True):
        image[..., 0] = np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    moved, marks = transform(images, keypoints=points)
    assert np.abs(marks - points).max() > 1
    for image, ((px, py),) in zip(moved[..., 0].astype(float), marks, strict=True):
        centre = np.array([(image * x).sum(), (image * y).sum()]) / image.sum()
        assert np.abs(centre - [px, py]).max() < 0.6


def test_masks_of_turned_boxes_lie_within_the_boxes(rng):
    images, masks, boxes = scene(rng)
    for transform in (
        augment.RandomRotation(30),
        augment.ElasticTransform(80.0, 5.0),
        augment.RandomPerspective(0.4, p=1.0),
    ):
        _, frames, planes = transform(images, boxes=boxes, masks=masks)
        for frame, plane in zip(frames, planes, strict=True):
            expected = boxes_of(plane)
            if expected is not None and len(frame):
                assert np.abs(frame[0] - expected).max() <= 1.5


def test_boxes_by_hand():
    image = np.zeros((1, 10, 20, 3), np.uint8)
    boxes = [np.array([[2.0, 3, 6, 8], [18, 0, 20, 10]])]
    _, frames = augment.RandomHorizontalFlip(1.0)(image, boxes=boxes)
    assert frames[0].tolist() == [[14, 3, 18, 8], [0, 0, 2, 10]]
    _, frames = augment.Resize((20, 20))(image, boxes=boxes)
    assert frames[0].tolist() == [[2, 6, 6, 16], [18, 0, 20, 20]]
    _, frames = augment.CenterCrop((10, 10))(
        image, boxes=boxes
    )  # columns 5 to 14: a quarter of the first is left
    assert frames[0].tolist() == [[0, 3, 1, 8]]


def test_what_is_left_of_a_box_decides():
    image = np.zeros((1, 10, 20, 3), np.uint8)
    boxes, labels = (
        [np.array([[0.0, 0, 10, 10], [0, 2, 4, 4], [12, 3, 12, 3]])],
        [["cat", "dog", "point"]],
    )
    shift = augment.RandomTranslate((0, (-8, -8)))
    _, names, frames = shift(image, labels=labels, boxes=boxes)  # a fifth of the cat
    assert names[0].tolist() == ["cat", "point"]  # a box of no size is kept while it is inside
    assert frames[0].tolist() == [[0, 0, 2, 10], [4, 3, 4, 3]]
    _, names, frames = augment.Compose([shift], min_visibility=0.3)(
        image, labels=labels, boxes=boxes
    )
    assert names[0].tolist() == ["point"]
    _, names, _ = augment.Compose(
        [shift, augment.RandomTranslate((0, (8, 8)))], min_visibility=0.3
    )(image, labels=labels, boxes=boxes)
    assert names[0].tolist() == ["point"]  # what was cut off does not come back


def test_no_boxes_at_all(rng):
    images = np.zeros((2, 8, 8, 1), np.uint8)
    _, frames = augment.RandomRotation(30)(images, boxes=[np.zeros((0, 4)), []])
    assert [frame.shape for frame in frames] == [(0, 4), (0, 4)]


def test_order_of_results(rng):
    images, masks, boxes = scene(rng)
    points = np.zeros((16, 1, 2))
    result = augment.Invert()(
        images, keypoints=points, masks=masks, boxes=boxes, labels=np.arange(16)
    )
    assert [np.shape(part[0]) for part in result] == [(48, 56, 3), (), (1, 4), (48, 56), (1, 2)]
