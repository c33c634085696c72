"""MixUp, CutMix and Mosaic: partners by index, labels by share, boxes by place."""

import numpy as np
import pytest

from cnnrs import augment
from cnnrs.augment.mixing import Beta
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

N = 12


@pytest.fixture
def data():
    """Image i is of value 10 i, its label is i."""
    return np.arange(N, dtype=np.uint8)[:, None, None, None] * np.full(
        (1, 16, 16, 1), 10, np.uint8
    ), np.arange(N)


@pytest.mark.parametrize("kind", [augment.MixUp, augment.CutMix, augment.Mosaic])
def test_shares_describe_the_image(kind, data):
    x, y = data
    mixed, shares = kind(data, num_classes=N)(x, labels=y, seed=1)
    assert shares.dtype == np.float32
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    means = shares @ (10 * np.arange(N))
    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)), means, atol=0.51)
    assert (np.count_nonzero(shares, axis=1) > 1).sum() > N // 2
    np.testing.assert_array_equal(x[:, 0, 0, 0], 10 * np.arange(N))  # not written to


@pytest.mark.parametrize("kind", [augment.MixUp, augment.CutMix, augment.Mosaic])
def test_a_mix_does_not_depend_on_the_batch(kind, data):
    x, y = data
    pipe = augment.Compose(
        [
            augment.RandomCrop(16, padding=4, fill=200),
            kind(data, num_classes=N),
            augment.GaussianNoise(sigma=0.02),
        ]
    )
    together, shares = pipe(x, labels=y, seed=2, epoch=1)
    alone, alone_shares = pipe(x[[9, 4]], labels=y[[9, 4]], indices=[9, 4], seed=2, epoch=1)
    np.testing.assert_array_equal(alone, together[[9, 4]])
    np.testing.assert_array_equal(alone_shares, shares[[9, 4]])


def test_partners_look_as_they_do_at_their_own_place(data):
    """A partner goes through the transforms before the mix with its own index."""
    x, y = data
    x = x.copy()
    x[:, :, :8] += 3
    flip = augment.RandomHorizontalFlip(0.5)
    flipped = flip(x, seed=3)
    mixed, shares = augment.Compose([flip, augment.MixUp((x, y), num_classes=N)])(
        x, labels=y, seed=3
    )
    np.testing.assert_allclose(
        mixed, np.einsum("nk,khwc->nhwc", shares, flipped.astype(float)), atol=0.51
    )


def test_p_leaves_the_others_alone(data):
    x, y = data
    mixed, shares = augment.CutMix(data, num_classes=N, p=0.0)(x, labels=y)
    np.testing.assert_array_equal(mixed, x)
    np.testing.assert_array_equal(shares, np.eye(N))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_beta_has_its_moments(alpha):
    drawn = Beta(alpha).of((np.arange(100_000) + 0.5) / 100_000)
    assert (np.diff(drawn) >= 0).all()
    assert abs(drawn.mean() - 0.5) < 1e-3
    assert abs(drawn.var() - 1 / (4 * (2 * alpha + 1))) < 1e-3


class Scenes:
    """A source of images with one box each, around a square of its own value."""

    target = "boxes"

    def __len__(self):
        return 6

    def __getitem__(self, index):
        image = np.zeros((32, 32, 1), np.uint8)
        image[10:22, 8:24] = 20 * (index + 1)
        return image, {"boxes": np.array([[8.0, 10, 24, 22]]), "labels": np.array([index])}


def test_mosaic_moves_boxes_to_their_quarters():
    source = Scenes()
    x, y = zip(*(source[i] for i in range(6)), strict=True)
    mosaic = augment.Mosaic(source)
    mixed, labels, boxes = mosaic(
        np.stack(x), labels=[one["labels"] for one in y], boxes=[one["boxes"] for one in y]
    )
    seen = 0
    for image, names, frames in zip(mixed[..., 0], labels, boxes, strict=True):
        assert len(names) == len(frames) >= 1
        for name, (x0, y0, x1, y1) in zip(names, frames.astype(int), strict=True):
            assert (image[y0:y1, x0:x1] == 20 * (name + 1)).all()
            seen += 1
        assert sum((f[2] - f[0]) * (f[3] - f[1]) for f in frames) >= 0.8 * np.count_nonzero(image)
    assert seen > 6


def test_masks_are_cut_with_the_image():
    masks = np.arange(6)[:, None, None] * np.ones((1, 12, 12), np.int64)
    images = (masks * 10)[..., None].astype(np.uint8)
    for kind in (augment.CutMix, augment.Mosaic):
        mixed, planes = kind((images, masks))(images, masks=masks)
        np.testing.assert_array_equal(mixed[..., 0], planes * 10)
        assert max(len(np.unique(plane)) for plane in planes) > 1


def test_bad_inputs(data):
    x, y = data
    for call, error in (
        (lambda: augment.MixUp(data)(x), ArgumentError),
        (lambda: augment.MixUp(data)(x, labels=y), ArgumentError),
        (
            lambda: augment.MixUp(data, num_classes=N)(x, labels=y, boxes=[np.zeros((0, 4))] * N),
            ArgumentError,
        ),
        (lambda: augment.MixUp((x[:, :4], y), num_classes=N)(x, labels=y), ShapeError),
        (lambda: augment.MixUp((x, y[:3])), ShapeError),
        (lambda: augment.MixUp(7), DTypeError),
        (lambda: augment.MixUp(data, alpha=0), ArgumentError),
    ):
        with pytest.raises(error):
            call()
