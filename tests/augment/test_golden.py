"""Every transform beside an example computed by hand, a formula written in NumPy, or Pillow."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageOps

from cnnrs import augment, ops

ROW = np.array([[[[1], [2], [3]]]], np.uint8)


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 12, 17, 3), dtype=np.uint8)


def near(result, expected, levels):
    assert result.dtype == np.uint8
    assert np.abs(result.astype(float) - expected).max() <= levels


def test_s70_shifted_left_by_one_pixel(images):
    """Article S70: as `np.roll` with zeros, and the label is unchanged."""
    shifted, labels = augment.RandomTranslate((0, (-1, -1)))(images, labels=np.arange(5))
    expected = np.roll(images, -1, axis=2)
    expected[:, :, -1] = 0
    np.testing.assert_array_equal(shifted, expected)
    np.testing.assert_array_equal(labels, np.arange(5))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_padding_is_numpys(images, mode):
    how = {"constant_values": 7} if mode == "constant" else {}
    expected = np.pad(images, ((0, 0), (2, 30), (1, 3), (0, 0)), mode=mode, **how)
    np.testing.assert_array_equal(
        augment.Pad((1, 2, 3, 30), fill=7, padding_mode=mode)(images), expected
    )


def test_random_crop_is_a_window_of_the_padded_image(images):
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
    crops = augment.RandomCrop((12, 17), padding=4)(images, seed=3)
    starts = np.floor(ops.augment_uniform(np.arange(5), 2, seed=3) * 9).astype(int)
    np.testing.assert_array_equal(
        crops, [image[t : t + 12, s : s + 17] for image, (t, s) in zip(padded, starts, strict=True)]
    )
    assert len({tuple(start) for start in starts.tolist()}) > 1


def test_center_crop(images):
    np.testing.assert_array_equal(augment.CenterCrop((6, 7))(images), images[:, 3:9, 5:12])
    assert augment.CenterCrop(5)(ROW)[0, :, :, 0].tolist() == [
        [0] * 5,
        [0] * 5,
        [0, 1, 2, 3, 0],
        [0] * 5,
        [0] * 5,
    ]


@pytest.mark.parametrize("size", [(5, 7), (30, 11), (12, 17), (1, 1), (12, 40)])
def test_resize_is_pillows(rng, size):
    for channels in (1, 3):
        image = rng.integers(0, 256, (23, 37, channels), dtype=np.uint8)
        expected = np.asarray(
            Image.fromarray(image.squeeze()).resize(size[::-1], Image.Resampling.BILINEAR)
        ).reshape(*size, channels)
        near(augment.Resize(size)(image[None])[0], expected.astype(float), 1)
    nearest = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.NEAREST))
    np.testing.assert_array_equal(augment.Resize(size, "nearest")(image[None])[0], nearest)


def test_random_resized_crop_is_a_pillow_resize_of_its_window(rng):
    photos = rng.integers(0, 256, (6, 60, 80, 3), dtype=np.uint8)
    result, points = augment.RandomResizedCrop(32)(
        photos, keypoints=np.tile([[0.0, 0.0], [80.0, 60.0]], (6, 1, 1)), seed=2
    )
    for image, out, ((x0, y0), (x1, y1)) in zip(photos, result, points, strict=True):
        width, height = 80 * 32 / (x1 - x0), 60 * 32 / (y1 - y0)
        left, top = -x0 * width / 32, -y0 * height / 32
        box = [round(value) for value in (left, top, left + width, top + height)]
        assert 0.08 * 0.9 < width * height / 4800 <= 1.0
        window = Image.fromarray(image).crop(box)
        near(out, np.asarray(window.resize((32, 32), Image.Resampling.BILINEAR)).astype(float), 1)


def grey(x):
    return x @ [0.2989, 0.587, 0.114]


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.7])
def test_color_formulas(images, factor):
    x, pair = images.astype(float), (factor, factor)
    near(augment.ColorJitter(brightness=pair)(images), np.clip(x * factor, 0, 255), 2)
    mean = grey(x).mean(axis=(1, 2))[:, None, None, None]
    near(
        augment.ColorJitter(contrast=pair)(images),
        np.clip(x * factor + (1 - factor) * mean, 0, 255),
        2,
    )
    near(
        augment.ColorJitter(saturation=pair)(images),
        np.clip(x * factor + (1 - factor) * grey(x)[..., None], 0, 255),
        2,
    )
    near(augment.Grayscale(3)(images), np.repeat(grey(x)[..., None], 3, axis=-1), 1)
    assert augment.Grayscale()(images).shape == (5, 12, 17, 1)


@pytest.mark.parametrize("turn", [-0.5, -0.2, 0.1, 0.45])
def test_hue_is_a_turn_of_the_colour_circle(images, turn):
    images[0, :4] = 0  # greys, which have no hue
    images[0, 4:8] = [10, 250, 250]
    expected = np.empty(images.shape)
    for place in np.ndindex(images.shape[:3]):
        h, s, v = colorsys.rgb_to_hsv(*images[place] / 255)
        expected[place] = np.array(colorsys.hsv_to_rgb((h + turn) % 1, s, v)) * 255
    near(augment.ColorJitter(hue=(turn, turn))(images), expected, 1)


def test_jitter_takes_all_orders():
    x = np.full((200, 1, 2, 3), 200, np.uint8)
    x[:, 0, 1] = 40
    results = augment.ColorJitter((1.5, 1.5), (0.5, 0.5))(
        x
    )  # brighter first is cut off, and darker after it
    assert len(np.unique(results[:, 0, 0, 0])) == 2


def test_pca_color(images):
    floats = np.full((2000, 1, 1, 3), 0.5, np.float32)
    shift = augment.PCAColor(0.1)(floats).reshape(-1, 3).astype(float) - 0.5
    axes = np.array(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    ) * [0.2175, 0.0188, 0.0045]
    np.testing.assert_allclose(np.cov(shift.T), axes @ axes.T * 0.01, rtol=0.15, atol=1e-7)
    assert np.abs(shift.mean(axis=0)).max() < 0.002


@pytest.mark.parametrize(
    ("transform", "pillow", "levels"),
    [
        (augment.AutoContrast(), ImageOps.autocontrast, 1),
        (augment.Equalize(), ImageOps.equalize, 0),
        (augment.Invert(), ImageOps.invert, 0),
        (augment.Posterize(3), lambda image: ImageOps.posterize(image, 3), 0),
        (augment.Solarize(100), lambda image: ImageOps.solarize(image, 100), 0),
    ],
    ids=repr,
)
def test_tones_are_pillows(rng, transform, pillow, levels):
    image = (rng.beta(2, 5, (40, 50, 3)) * 200 + 20).astype(np.uint8)
    near(
        transform(image[None])[0], np.asarray(pillow(Image.fromarray(image))).astype(float), levels
    )


def test_sharpness(images):
    x = images.astype(float)
    around = sum(np.roll(x, (i, j), axis=(1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1))
    smoothed = (around + 4 * x) / 13
    expected = x.copy()
    expected[:, 1:-1, 1:-1] = np.clip(2.5 * x - 1.5 * smoothed, 0, 255)[:, 1:-1, 1:-1]
    near(augment.Sharpness(2.5)(images), expected, 1)


def test_gaussian_blur(images):
    weights = np.exp(-0.5 * (np.arange(-2, 3) / 1.3) ** 2)
    weights /= weights.sum()
    x = np.pad(images.astype(float), ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    x = sum(w * x[:, i : i + 12] for i, w in enumerate(weights))
    near(
        augment.GaussianBlur(5, 1.3)(images),
        sum(w * x[:, :, i : i + 17] for i, w in enumerate(weights)),
        1,
    )


def test_gaussian_noise():
    noise = augment.GaussianNoise(0.1, 0.2, clip=False)(np.zeros((2, 200, 200, 3), np.float32))
    assert abs(noise.mean() - 0.1) < 0.003
    assert abs(noise.std() - 0.2) < 0.003
    assert abs((np.abs(noise - 0.1) < 0.2).mean() - 0.6827) < 0.005
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.01


def test_erasing_and_cutout(images):
    erased = augment.RandomErasing(1.0, value=(9, 8, 7))(images)
    for before, after in zip(images, erased, strict=True):
        changed = (before != after).any(axis=-1)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        inside = after[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (inside == [9, 8, 7]).all()
        assert 0.01 < inside.size / after.size < 0.4
    holes = augment.Cutout((4, 6))(np.ones((500, 10, 10, 1), np.uint8)) == 0
    assert holes.sum(axis=(1, 2, 3)).max() == 24
    assert holes.any(axis=0).all()  # also the corners


def test_rotation_by_a_right_angle_is_rot90(images):
    square = images[:, :, :12]
    for interpolation in ("nearest", "bilinear"):
        turned = augment.RandomRotation((90, 90), interpolation)(square)
        np.testing.assert_array_equal(turned, np.rot90(square, axes=(1, 2)))
    np.testing.assert_array_equal(
        augment.RandomRotation((-90, -90), expand=True)(images), np.rot90(images, -1, axes=(1, 2))
    )


def test_affine_by_hand(images):
    moved = augment.RandomAffine(0, scale=(2.0, 2.0), interpolation="nearest", center=(0, 0))(
        images
    )
    np.testing.assert_array_equal(
        moved, np.repeat(np.repeat(images, 2, axis=1), 2, axis=2)[:, :12, :17]
    )
    sheared = augment.RandomAffine(0, shear=(45.0, 45.0), interpolation="nearest", center=(0, 0))(
        images[:1]
    )
    # x' = x - y tan 45°: a row is shifted left by its number (and half a pixel, which rounds down).
    assert (sheared[0, 3, :10] == images[0, 3, 4:14]).all() or (
        sheared[0, 3, :10] == images[0, 3, 3:13]
    ).all()


def test_perspective_takes_the_corners_inwards(images):
    corners = np.tile([[0.0, 0.0], [17, 0], [17, 12], [0, 12]], (5, 1, 1))
    _, moved = augment.RandomPerspective(0.6, p=1.0)(images, keypoints=corners, seed=4)
    shift = np.abs(moved - corners)
    assert (shift >= 0).all()
    assert (shift[..., 0] <= 0.3 * 17).all()
    assert (shift[..., 1] <= 0.3 * 12).all()
    assert (moved[:, 0] > 0).all()


def test_elastic_reads_from_shifted_places():
    y, x = np.mgrid[:28, :28] + 0.5
    ramp = np.stack([x, y], axis=-1)[None].astype(np.float32)
    seen = augment.ElasticTransform(40.0, 4.0)(ramp)
    shift = (seen - ramp)[0, 8:-8, 8:-8]
    assert 0.1 < np.abs(shift).max() < 20
    assert np.abs(np.diff(shift, axis=0)).max() < 1.0  # smooth
    np.testing.assert_array_equal(augment.ElasticTransform(0.0)(ramp), ramp)


def test_normalize(images):
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.25, 0.3])
    y = augment.Normalize(mean, std)(images)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, (images / 255 - mean) / std, atol=1e-6)
    both = augment.Compose([augment.ToFloat(), augment.Normalize(mean, std)])(images)
    np.testing.assert_allclose(both, y, atol=1e-6)
