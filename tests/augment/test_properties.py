"""What must hold of every transform: identity at zero strength, the same bits at any thread count,
alone and in a batch.
"""

import numpy as np
import pytest

from cnnrs import augment, ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

ALL = [
    augment.RandomHorizontalFlip(),
    augment.RandomVerticalFlip(),
    augment.RandomCrop(16, padding=3, padding_mode="reflect"),
    augment.RandomTranslate(0.3),
    augment.RandomResizedCrop(13),
    augment.RandomRotation(45),
    augment.RandomAffine(20, (0.1, 0.2), scale=(0.8, 1.2), shear=10),
    augment.RandomPerspective(0.5, p=0.7),
    augment.ElasticTransform(20.0, 3.0),
    augment.RandomGrayscale(0.5),
    augment.ColorJitter(0.3, 0.3, saturation=0.3, hue=0.1),
    augment.PCAColor(0.3),
    augment.RandomAutocontrast(),
    augment.RandomEqualize(),
    augment.RandomInvert(),
    augment.RandomPosterize(4),
    augment.RandomSolarize(0.5),
    augment.RandomAdjustSharpness(2.0),
    augment.GaussianBlur(5),
    augment.GaussianNoise(),
    augment.RandomErasing(0.8),
    augment.Cutout(6),
    augment.RandAugment(3),
    augment.TrivialAugment(),
    augment.RandomApply([augment.RandomHorizontalFlip(), augment.GaussianBlur(3)]),
    augment.OneOf([augment.Invert(), augment.RandomRotation(30), augment.RandomVerticalFlip(1.0)]),
    augment.Compose(
        [
            augment.RandomCrop(16, padding=4),
            augment.RandomHorizontalFlip(),
            augment.ColorJitter(0.3, 0.3, saturation=0.3, hue=0.1),
        ]
    ),
]
EACH = pytest.mark.parametrize("transform", ALL, ids=lambda transform: type(transform).__name__)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (24, 16, 20, 3), dtype=np.uint8)


@EACH
def test_same_bits_with_1_2_and_8_threads(transform, rng, thread_count):
    images = rng.integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)
    pipe = augment.Compose([transform, augment.ToFloat()])
    results = []
    for threads in (1, 2, 8):
        ops.set_num_threads(threads)
        results.append(pipe(images, seed=5, epoch=2))
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@EACH
def test_a_sample_looks_the_same_in_any_batch_and_otherwise_in_another_epoch(transform, images):
    before = images.copy()
    together = transform(images, epoch=3, seed=1)
    np.testing.assert_array_equal(images, before)
    assert together.dtype == np.uint8
    places = [7, 2, 23]
    np.testing.assert_array_equal(
        transform(images[places], indices=places, epoch=3, seed=1), together[places]
    )
    np.testing.assert_array_equal(
        transform(images[5:6], indices=[5], epoch=3, seed=1)[0], together[5]
    )
    assert not np.array_equal(transform(images, epoch=4, seed=1), together)
    assert not np.array_equal(transform(images, epoch=3, seed=2), together)


@EACH
def test_floats_stay_in_range_and_keep_their_dtype(transform, images):
    result = transform((images / 255).astype(np.float32))
    assert result.dtype == np.float32
    if not isinstance(transform, augment.GaussianNoise):
        assert result.min() >= -1e-6
    assert result.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    "transform",
    [
        augment.RandomHorizontalFlip(0.0),
        augment.RandomCrop((16, 20)),
        augment.RandomTranslate(0),
        augment.RandomResizedCrop((16, 20), scale=(1, 1), ratio=(1.25, 1.25)),
        augment.Resize((16, 20)),
        augment.RandomRotation(0),
        augment.RandomAffine(0),
        augment.RandomPerspective(0.0, p=1.0),
        augment.ElasticTransform(0.0),
        augment.ColorJitter(),
        augment.ColorJitter((1, 1), (1, 1), saturation=(1, 1), hue=(0, 0)),
        augment.PCAColor(0.0),
        augment.Posterize(8),
        augment.Solarize(256),
        augment.Sharpness(1.0),
        augment.GaussianBlur(5, 0.0),
        augment.GaussianNoise(sigma=0.0),
        augment.RandomErasing(0.0),
        augment.RandAugment(0),
        augment.Compose([]),
        augment.Lambda(lambda x: x),
    ],
    ids=repr,
)
def test_zero_strength_is_identity(transform, images):
    np.testing.assert_array_equal(transform(images), images)


def test_involutions_and_four_quarters(images):
    square = images[:, :, :16]
    quarter = augment.RandomRotation((90, 90))
    for pipe in (
        augment.Compose([augment.RandomHorizontalFlip(1.0)] * 2),
        augment.Compose([augment.RandomVerticalFlip(1.0)] * 2),
        augment.Compose([augment.Invert()] * 2),
        augment.Compose([quarter] * 4),
    ):
        np.testing.assert_array_equal(pipe(square), square)
    turned = square
    for _ in range(4):
        turned = quarter(turned)
    np.testing.assert_array_equal(turned, square)
    once = augment.Grayscale(3)(images)
    assert np.abs(augment.Grayscale(3)(once).astype(int) - once).max() <= 1


def test_chances_are_what_was_asked():
    x = np.zeros((4000, 1, 2, 1), np.uint8)
    x[:, 0, 1] = 1
    flipped = augment.RandomHorizontalFlip(0.3)(x)[:, 0, 0, 0]
    assert abs(flipped.mean() - 0.3) < 0.03
    both = augment.Compose([augment.RandomHorizontalFlip(0.5), augment.RandomHorizontalFlip(0.5)])(
        x
    )[:, 0, 0, 0]
    assert abs(both.mean() - 0.5) < 0.03  # two transforms of a pipeline draw independently


def test_images_of_many_sizes_and_empty_batches(rng):
    photos = [
        rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((20, 30), (31, 17), (25, 25))
    ]
    assert augment.RandomResizedCrop(8)(photos).shape == (3, 8, 8, 3)
    flipped = augment.RandomHorizontalFlip(1.0)(photos)
    for before, after in zip(photos, flipped, strict=True):
        np.testing.assert_array_equal(after, before[:, ::-1])
    assert augment.Compose([augment.Resize(10), augment.ToFloat()])(
        np.zeros((0, 20, 30, 3), np.uint8)
    ).shape == (0, 10, 15, 3)
    single = augment.RandomResizedCrop(8)(photos[1:2], indices=[1])
    np.testing.assert_array_equal(single[0], augment.RandomResizedCrop(8)(photos)[1])


def test_out_is_written(images):
    out = np.empty(images.shape, np.float32)
    assert augment.ToFloat()(images, out=out) is out
    np.testing.assert_allclose(out, images / 255, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: augment.RandomHorizontalFlip(1.5), ArgumentError, "p"),
        (lambda x: augment.RandomCrop(40)(x), ShapeError, "pad_if_needed"),
        (lambda x: augment.RandomCrop((0, 3)), ShapeError, "size"),
        (lambda x: augment.Pad((1, 2, 3)), ShapeError, "padding"),
        (lambda x: augment.ColorJitter(hue=0.7), ArgumentError, "hue"),
        (
            lambda x: augment.ColorJitter(0.1)(np.zeros((1, 4, 4, 2), np.uint8)),
            ShapeError,
            "channels",
        ),
        (lambda x: augment.GaussianBlur(4), ArgumentError, "kernel_size"),
        (lambda x: augment.RandomResizedCrop(8, scale=(0.5, 0.1)), ArgumentError, "scale"),
        (lambda x: augment.Normalize([0.1, 0.2], 1.0)(x), ShapeError, "channels"),
        (lambda x: augment.Normalize(0.1, 0.0), ArgumentError, "std"),
        (lambda x: augment.Compose([lambda image: image]), DTypeError, "Lambda"),
        (lambda x: augment.RandomApply([augment.Lambda(abs)]), ArgumentError, "Compose"),
        (lambda x: augment.OneOf([]), ArgumentError, "at least one"),
        (lambda x: augment.Lambda(lambda images: images[:1])(x), ShapeError, "expected"),
        (lambda x: augment.Invert()(x[0]), ShapeError, "batch axis"),
        (lambda x: augment.Invert()(x.astype(np.int32)), DTypeError, "uint8"),
        (lambda x: augment.Invert()(x, indices=[1]), ShapeError, "indices"),
        (lambda x: augment.Invert()(x, seed=-1), ArgumentError, "seed"),
        (lambda x: augment.Invert()(x, labels=[1]), ShapeError, "labels"),
        (lambda x: augment.Invert()(x, boxes=[np.zeros((1, 3))] * 24), ShapeError, "boxes"),
        (lambda x: augment.Invert()(x, masks=np.zeros((24, 3, 3), int)), ShapeError, "masks"),
        (lambda x: augment.Invert()(x, masks=np.zeros((24, 16, 20))), DTypeError, "masks"),
        (
            lambda x: augment.Invert()(x, keypoints=[np.full((1, 2), np.nan)] * 24),
            ArgumentError,
            "keypoints",
        ),
        (lambda x: augment.Invert()(x, out=np.empty((1, 2))), DTypeError, "out"),
        (lambda x: augment.Pad(1 << 21), ShapeError, "padding"),
        (lambda x: augment.Resize((1 << 22, 1))(x[:1, :, :, :1]), ShapeError, "picture"),
        (lambda x: augment.Pad(1, fill=(1, 2))(x), ShapeError, "fill"),
    ],
)
def test_bad_inputs_are_answered_with_typed_errors(images, call, error, says):
    with pytest.raises(error, match=says):
        call(images)
