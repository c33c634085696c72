"""One table with every public transform: a small example by hand, what becomes of a box and a mask,
the same bits on any threads.

Whoever adds a transform is told by the first test to add its row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import cnnrs
from cnnrs import augment, ops

FOUR = [[1, 2, 3, 4]]
SPOT = [[0, 0, 0], [0, 130, 0], [0, 0, 0]]


@dataclass
class Row:
    """A transform; an image of one channel (or colours) and what comes out; where a box and the
    image, taken as a mask, end up.

    `box` and `mask` None: they stay as they are. `check` looks at the result where no single
    picture is expected.
    """

    transform: Any
    image: Any = None
    expected: Any = None
    box: Any = None
    mask: Any = None
    check: Any = None


def picture(rows):
    array = np.array(rows, np.uint8)
    return array[None, ..., None] if array.ndim == 2 else array[None]


def colour(*values):
    return [[list(values)]]


def only_greys(result):
    assert (result[..., 0] == result[..., 1]).all()
    assert (result[..., 1] == result[..., 2]).all()


def four_nines(result):
    assert np.sort(result.ravel()).tolist() == [0] * 12 + [9] * 4


def redder_or_less_red(result):
    assert result[0, 0, 0, 0] != 100
    assert result[0, 0, 0, 1:].tolist() == [100, 100]


def bent(result):
    assert not np.array_equal(result, picture(RAMP))
    assert set(np.unique(result)) <= set(np.unique(RAMP)) | {0}


RAMP = np.tile(np.arange(1, 33, dtype=np.uint8), (32, 1)).tolist()
flip = augment.RandomHorizontalFlip(1.0)
shift = augment.RandomTranslate((0, (-1, -1)))
DOUBLED = augment.RandomAffine(0, scale=(2.0, 2.0), interpolation="nearest", center=(0, 0))
WHOLE = augment.RandomResizedCrop(
    (1, 2), (1, 1), ratio=(4, 4)
)  # triangles of weights 3, 3, 1 and 1, 3, 3
TWO_LEVELS = [[10] * 256 + [20] * 256]  # half of the pixels each: as far apart as can be
EQUAL = [[0] * 256 + [255] * 256]

TABLE = {
    "AutoContrast": Row(augment.AutoContrast(), [[10, 20, 30]], [[0, 128, 255]]),
    "CenterCrop": Row(
        augment.CenterCrop((1, 2)), FOUR, [[2, 3]], box=([0, 0, 4, 1], [0, 0, 2, 1]), mask=[[2, 3]]
    ),
    "ColorJitter": Row(
        augment.ColorJitter(brightness=(1.5, 1.5)), colour(100, 20, 200), colour(150, 30, 255)
    ),
    "Compose": Row(
        augment.Compose([flip, shift]),
        FOUR,
        [[3, 2, 1, 0]],
        box=([0, 0, 1, 1], [2, 0, 3, 1]),
        mask=[[3, 2, 1, 0]],
    ),
    "Cutout": Row(augment.Cutout(9), FOUR, [[0, 0, 0, 0]]),
    "ElasticTransform": Row(
        augment.ElasticTransform(40.0, 3.0, interpolation="nearest"),
        RAMP,
        check=bent,
        box="moves",
        mask="moves",
    ),
    "Equalize": Row(augment.Equalize(), TWO_LEVELS, EQUAL),
    "GaussianBlur": Row(
        augment.GaussianBlur(3, 1000.0), [[0, 100, 0]], [[67, 33, 67]]
    ),  # mirrored at the border: 100, 0, 100
    "GaussianNoise": Row(augment.GaussianNoise(0.1, 0.0), [[0, 100, 250]], [[26, 126, 255]]),
    "Grayscale": Row(augment.Grayscale(3), colour(100, 0, 0), colour(30, 30, 30)),
    "Invert": Row(augment.Invert(), FOUR, [[254, 253, 252, 251]]),
    "Lambda": Row(augment.Lambda(lambda images: images + np.uint8(1)), FOUR, [[2, 3, 4, 5]]),
    "Normalize": Row(augment.Normalize(0.2, 0.4), [[0, 51, 255]], [[-0.5, 0.0, 2.0]]),
    "OneOf": Row(
        augment.OneOf([flip]),
        FOUR,
        [[4, 3, 2, 1]],
        box=([0, 0, 1, 1], [3, 0, 4, 1]),
        mask=[[4, 3, 2, 1]],
    ),
    "PCAColor": Row(
        augment.PCAColor(0.2, eigenvalues=(1.0, 0.0, 0.0), eigenvectors=np.eye(3)),
        colour(100, 100, 100),
        check=redder_or_less_red,
    ),
    "Pad": Row(
        augment.Pad((1, 0)),
        [[7, 8]],
        [[0, 7, 8, 0]],
        box=([0, 0, 1, 1], [1, 0, 2, 1]),
        mask=[[0, 7, 8, 0]],
    ),
    "Posterize": Row(augment.Posterize(1), [[127, 128, 200]], [[0, 128, 128]]),
    "RandAugment": Row(
        augment.RandAugment(3), [[[90, 90, 90]] * 2], check=only_greys, box="moves", mask="moves"
    ),
    "RandomAdjustSharpness": Row(
        augment.RandomAdjustSharpness(0.0, p=1.0), SPOT, [[0, 0, 0], [0, 50, 0], [0, 0, 0]]
    ),
    "RandomAffine": Row(
        DOUBLED, FOUR, [[1, 1, 2, 2]], box=([1, 0, 2, 1], [2, 0, 4, 1]), mask=[[1, 1, 2, 2]]
    ),
    "RandomApply": Row(
        augment.RandomApply([flip], 1.0),
        FOUR,
        [[4, 3, 2, 1]],
        box=([0, 0, 1, 1], [3, 0, 4, 1]),
        mask=[[4, 3, 2, 1]],
    ),
    "RandomAutocontrast": Row(augment.RandomAutocontrast(1.0), [[10, 20, 30]], [[0, 128, 255]]),
    "RandomCrop": Row(
        augment.RandomCrop((1, 4), padding=(0, 0)),
        FOUR,
        FOUR,
        box=([0, 0, 3, 1], [0, 0, 3, 1]),
        mask=FOUR,
    ),
    "RandomEqualize": Row(augment.RandomEqualize(1.0), TWO_LEVELS, EQUAL),
    "RandomErasing": Row(
        augment.RandomErasing(1.0, (0.25, 0.25), ratio=(1, 1), value=9),
        [[0] * 4] * 4,
        check=four_nines,
    ),
    "RandomGrayscale": Row(augment.RandomGrayscale(1.0), colour(100, 0, 0), colour(30, 30, 30)),
    "RandomHorizontalFlip": Row(
        flip, FOUR, [[4, 3, 2, 1]], box=([0, 0, 1, 1], [3, 0, 4, 1]), mask=[[4, 3, 2, 1]]
    ),
    "RandomInvert": Row(augment.RandomInvert(1.0), FOUR, [[254, 253, 252, 251]]),
    "RandomPerspective": Row(
        augment.RandomPerspective(0.0, p=1.0),
        FOUR,
        FOUR,
        box=([1, 0, 2, 1], [1, 0, 2, 1]),
        mask=FOUR,
    ),
    "RandomPosterize": Row(augment.RandomPosterize(1, p=1.0), [[127, 128, 200]], [[0, 128, 128]]),
    "RandomResizedCrop": Row(
        WHOLE,
        [[0, 100, 200, 100]],
        [[71, 143]],
        box=([2, 0, 4, 1], [1, 0, 2, 1]),
        mask=[[100, 100]],
    ),
    "RandomRotation": Row(
        augment.RandomRotation((180, 180)),
        FOUR,
        [[4, 3, 2, 1]],
        box=([0, 0, 1, 1], [3, 0, 4, 1]),
        mask=[[4, 3, 2, 1]],
    ),
    "RandomSolarize": Row(augment.RandomSolarize(100, p=1.0), [[50, 150]], [[50, 105]]),
    "RandomTranslate": Row(
        shift, FOUR, [[2, 3, 4, 0]], box=([1, 0, 2, 1], [0, 0, 1, 1]), mask=[[2, 3, 4, 0]]
    ),
    "RandomVerticalFlip": Row(
        augment.RandomVerticalFlip(1.0),
        [[1], [2]],
        [[2], [1]],
        box=([0, 0, 1, 1], [0, 1, 1, 2]),
        mask=[[2], [1]],
    ),
    "Resize": Row(
        augment.Resize((1, 2)),
        [[0, 100, 200, 100]],
        [[71, 143]],
        box=([2, 0, 4, 1], [1, 0, 2, 1]),
        mask=[[100, 100]],
    ),
    "Sharpness": Row(augment.Sharpness(0.0), SPOT, [[0, 0, 0], [0, 50, 0], [0, 0, 0]]),
    "Solarize": Row(augment.Solarize(100), [[50, 150]], [[50, 105]]),
    "ToFloat": Row(augment.ToFloat(), [[0, 51, 255]], [[0.0, 0.2, 1.0]]),
    "TrivialAugment": Row(
        augment.TrivialAugment(), [[[90, 90, 90]] * 2], check=only_greys, box="moves", mask="moves"
    ),
}
MIXING = {"CutMix", "MixUp", "Mosaic"}  # they need a data set, and have tests below
EACH = pytest.mark.parametrize("name", TABLE)


def test_every_public_transform_has_a_row():
    public = {
        name
        for name in augment.__all__
        if isinstance(kind := getattr(augment, name), type) and issubclass(kind, augment.Transform)
    }
    assert public - {"Transform"} == set(TABLE) | MIXING


@EACH
def test_example_by_hand(name):
    row = TABLE[name]
    before = picture(row.image)
    given = before.copy()
    result = row.transform(given)
    np.testing.assert_array_equal(given, before)
    if row.check is not None:
        assert result.shape == before.shape
        for seed in range(20):
            row.check(row.transform(given, seed=seed))
    elif result.dtype == np.uint8:
        np.testing.assert_array_equal(result, picture(row.expected))
    else:
        np.testing.assert_allclose(result[0, :, :, 0], row.expected, atol=1e-6)


@EACH
def test_box_and_mask_go_where_the_pixels_go(name):
    row = TABLE[name]
    image = picture(row.image)
    mask = image[..., 0]
    if (
        row.box == "moves"
    ):  # at random: the outline of what moved lies within the moved box, give or take a pixel
        inside = np.zeros((8, 40, 40), np.uint8)
        inside[:, 10:30, 12:28] = 1
        boxes = [np.array([[12.0, 10, 28, 30]])] * 8
        _, frames, moved = row.transform(
            np.repeat(inside[..., None], 3, axis=-1), boxes=boxes, masks=inside, seed=3
        )
        assert set(np.unique(moved)) <= {0, 1}
        compared = 0
        for frame, plane in zip(frames, moved, strict=True):
            rows, columns = np.nonzero(plane)
            if len(frame) and len(rows):
                compared += 1
                (left, top, right, bottom) = frame[0]
                assert left - 1.5 <= columns.min()
                assert columns.max() + 1 <= right + 1.5
                assert top - 1.5 <= rows.min()
                assert rows.max() + 1 <= bottom + 1.5
        assert compared >= 4
        return
    whole = [0, 0, mask.shape[2], mask.shape[1]]
    before, after = row.box or (whole, whole)
    _, (boxes,), masks = row.transform(image, boxes=[np.array([before], float)], masks=mask)
    np.testing.assert_allclose(boxes, [after], atol=1e-9)
    np.testing.assert_array_equal(masks, mask if row.mask is None else [row.mask])


@EACH
def test_same_bits_on_1_2_and_8_threads(name, rng, thread_count):
    images = rng.integers(0, 256, (48, 33, 41, 3), dtype=np.uint8)
    results = []
    for threads in (1, 2, 8):
        ops.set_num_threads(threads)
        results.append(
            TABLE[name].transform((images / 255).astype(np.float32), seed=2)
        )  # floats: nothing is rounded away
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("kind", sorted(MIXING))
def test_mixing_by_hand_and_on_threads(kind, thread_count):
    """Partners are all alike, so how much of them there is can be read from the pixels, and must be
    what the label says.
    """
    x, y = np.full((64, 16, 16, 3), 200, np.uint8), np.ones(64, np.int64)
    images, labels = np.full((64, 16, 16, 3), 100, np.uint8), np.zeros(64, np.int64)
    results = []
    for threads in (1, 2, 8):
        ops.set_num_threads(threads)
        results.append(getattr(augment, kind)((x, y), num_classes=2)(images, labels=labels, seed=5))
    for mixed, shares in results[1:]:
        np.testing.assert_array_equal(mixed, results[0][0])
        np.testing.assert_array_equal(shares, results[0][1])
    mixed, shares = results[0]
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose((mixed.mean(axis=(1, 2, 3)) - 100) / 100, shares[:, 1], atol=0.005)
    assert len(np.unique(shares[:, 1])) > 10


@pytest.mark.slow
def test_bccd_through_augmentation(data_dir):
    """All 364 images and 4,888 boxes of BCCD: every box follows, stays inside and keeps its label
    and flag.
    """
    cells = cnnrs.data.from_voc(data_dir / "detection" / "bccd")
    assert sum(len(target["boxes"]) for target in cells.targets) == 4888
    pipe = augment.Compose([augment.RandomHorizontalFlip(1.0), augment.Resize((96, 128))])
    seen = 0
    for start in range(0, len(cells), 26):
        indices = np.arange(start, start + 26)
        images = np.zeros((26, 480, 640, 3), np.uint8)
        targets = [cells.targets[i] for i in indices]
        given = {
            name: [target[name] for target in targets] for name in ("labels", "boxes", "difficult")
        }
        small, labels, boxes, difficult = pipe(images, **given, indices=indices)
        assert small.shape == (26, 96, 128, 3)
        for target, names, frames, flags in zip(targets, labels, boxes, difficult, strict=True):
            seen += len(frames)
            assert len(names) == len(frames) == len(flags)
            inside = np.clip(target["boxes"], 0, [640, 480, 640, 480])
            expected = (
                np.stack(
                    [640 - inside[:, 2], inside[:, 1], 640 - inside[:, 0], inside[:, 3]], axis=1
                )
                / 5
            )
            kept = (target["boxes"] == inside).all(axis=1)
            if kept.all():
                np.testing.assert_allclose(frames, expected, atol=1e-4)
                np.testing.assert_array_equal(names, target["labels"])
            assert (frames >= 0).all()
            assert (frames <= [128, 96, 128, 96]).all()
    assert seen > 4870
