"""Reading image files: colours, orientation, depth, and what is not a whole image."""

import csv
import hashlib
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnrs.data import decode_image, image_size, read_image, read_mask
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, FormatError, ShapeError

GRADIENT = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)


def odd_files():
    root = os.environ.get("CNNRS_DATA")
    table = Path(root or "/nonexistent") / "images-odd" / "expected_pillow13.csv"
    if not table.is_file():
        reason = "CNNRS_DATA is unset or has no images-odd/expected_pillow13.csv"
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=reason))]
    with open(table, newline="") as file:
        return [pytest.param(table.parent, row, id=row["file"]) for row in csv.DictReader(file)]


SIXTEEN_BITS = {"hopper_16bit.pgm", "16bit.cropped.tif"}


@pytest.mark.parametrize(("folder", "row"), odd_files())
def test_odd_files_give_what_is_written_down_or_an_error_that_names_them(folder, row):
    path = folder / row["file"]
    if row["pillow_result"] != "ok":
        with pytest.raises(FormatError, match=row["file"]):
            read_image(path)
        return
    image = read_image(path)
    width, height = map(int, row["size_after_exif_transpose"].split("x"))
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    assert image_size(path) == (height, width)
    if row["file"] in SIXTEEN_BITS:
        with Image.open(path) as file:
            values = np.asarray(file).astype(np.int64)
        assert values.max() > 255
        assert np.array_equal(image, np.repeat((values // 256)[..., np.newaxis], 3, axis=2))
    else:
        mean = [float(value) for value in row["mean_rgb_after_convert_RGB"].split()]
        assert np.allclose(image.mean(axis=(0, 1)), mean, atol=1.0)
        if row["format"] not in ("JPEG", "WEBP"):  # another decoder may differ by one level
            assert hashlib.sha256(image.tobytes()).hexdigest()[:16] == row["sha256_16_of_rgb_bytes"]
    assert read_image(path, "grey").shape == (height, width, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_every_exif_orientation_comes_upright(tmp_path, orientation, suffix):
    # What must be stored so that the viewer sees GRADIENT: the inverse of the turn that the tag
    # asks for.
    stored = {
        1: GRADIENT,
        2: GRADIENT[:, ::-1],
        3: GRADIENT[::-1, ::-1],
        4: GRADIENT[::-1],
        5: GRADIENT.transpose(1, 0, 2),
        6: np.rot90(GRADIENT, 1),
        7: GRADIENT[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(GRADIENT, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert np.array_equal(read_image(path), GRADIENT)
    assert image_size(path) == (6, 4)


def test_modes_and_channels(tmp_path):
    colour = Image.new("RGBA", (3, 2), (10, 20, 30, 0))
    files = {
        "L": Image.new("L", (3, 2), 7),
        "1": Image.new("1", (3, 2), 1),
        "LA": Image.new("LA", (3, 2), (7, 9)),
        "RGB": colour.convert("RGB"),
        "RGBA": colour,
        "P": colour.convert("RGB").quantize(4),
    }
    channels = {"L": 1, "1": 1, "LA": 2, "RGB": 3, "RGBA": 4, "P": 3}
    for mode, image in files.items():
        path = tmp_path / f"{mode}.png"
        image.save(path)
        assert read_image(path, "rgb").shape == (2, 3, 3)
        assert read_image(path, "grey").shape == (2, 3, 1)
        assert read_image(path, "gray").shape == (2, 3, 1)
        assert read_image(path, "unchanged").shape == (2, 3, channels[mode])
    assert read_image(tmp_path / "1.png").tolist() == [[[255] * 3] * 3] * 2
    assert read_image(tmp_path / "RGBA.png", "unchanged")[0, 0].tolist() == [10, 20, 30, 0]
    assert (
        read_image(tmp_path / "RGBA.png", "grey")[0, 0, 0]
        == (10 * 299 + 20 * 587 + 30 * 114 + 500) // 1000
    )


def test_alpha_is_dropped_unless_a_background_is_given(tmp_path):
    path = tmp_path / "hidden.png"
    Image.fromarray(np.array([[[200, 100, 50, 0], [200, 100, 50, 255]]], dtype=np.uint8)).save(path)
    assert read_image(path).tolist() == [[[200, 100, 50], [200, 100, 50]]]
    assert read_image(path, background=(255, 255, 255)).tolist() == [
        [[255, 255, 255], [200, 100, 50]]
    ]
    with pytest.raises(ArgumentError, match="background"):
        read_image(path, "unchanged", background=(0, 0, 0))
    with pytest.raises(ArgumentError, match="background"):
        read_image(path, background=(0, 0, 256))


def test_palette_with_transparent_entries_keeps_its_colours(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.new("P", (2, 1))
    image.putpalette([250, 0, 0, 0, 0, 250])
    image.putdata([0, 1])
    image.save(path, transparency=b"\x00\xff")
    assert read_image(path).tolist() == [[[250, 0, 0], [0, 0, 250]]]
    assert read_image(path, "unchanged").tolist() == [[[250, 0, 0, 0], [0, 0, 250, 255]]]


def test_sixteen_bits_become_eight_by_the_high_byte(tmp_path):
    values = np.array([[0, 255, 256], [0x7FFF, 0xFF00, 0xFFFF]], dtype=np.uint16)
    expected = [[0, 0, 1], [0x7F, 0xFF, 0xFF]]
    for name in ("deep.png", "deep.tif"):
        Image.fromarray(values).save(tmp_path / name)
        assert read_image(tmp_path / name, "grey")[..., 0].tolist() == expected
    (tmp_path / "deep.pgm").write_bytes(b"P5 3 2 65535\n" + values.astype(">u2").tobytes())
    assert read_image(tmp_path / "deep.pgm", "grey")[..., 0].tolist() == expected


@pytest.mark.parametrize(
    "values",
    [np.ones((2, 2), np.float32), np.full((2, 2), 70000, np.int32)],
    ids=["float", "int32"],
)
def test_pixels_without_an_agreed_range_are_refused(tmp_path, values):
    path = tmp_path / "numbers.tif"
    Image.fromarray(values).save(path)
    with pytest.raises(FormatError, match=r"numbers\.tif.*without an agreed range"):
        read_image(path)


def test_size_resizes_as_pillow_does(tmp_path):
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    expected = np.asarray(Image.fromarray(noise).resize((7, 5), Image.Resampling.BILINEAR))
    assert np.array_equal(read_image(path, size=(5, 7)), expected)
    assert read_image(path, size=4).shape == (4, 4, 3)
    for size, error in (
        ((0, 3), ShapeError),
        ((1, 2, 3), ShapeError),
        (2.5, DTypeError),
        ((2.5, 1), DTypeError),
        (True, DTypeError),
    ):
        with pytest.raises(error, match="size"):
            read_image(path, size=size)


def test_the_array_can_be_written_to(tmp_path):
    Image.fromarray(GRADIENT).save(tmp_path / "a.png")
    read_image(tmp_path / "a.png")[0, 0, 0] = 9


def png_of_size(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def test_decompression_bomb_is_refused_with_its_pixel_count(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of_size(60_000, 50_000))
    for call in (read_image, image_size, read_mask):
        with pytest.raises(FormatError, match=r"bomb\.png.*3000000000 pixels"):
            call(path)


def test_whatever_byte_is_cut_or_flipped_the_answer_is_an_image_or_a_format_error(tmp_path):
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    refused = []
    for suffix in ("png", "jpg", "gif", "bmp", "tif", "webp", "ppm"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(noise).save(path)
        whole = path.read_bytes()
        for _ in range(40):
            damaged = bytearray(whole)
            for position in random.integers(0, len(whole), 3):
                damaged[position] ^= int(random.integers(1, 256))
            for data in (bytes(damaged), whole[: int(random.integers(0, len(whole)))]):
                try:
                    image = decode_image(data, name="victim")
                except FormatError as error:  # any other error fails the test
                    refused.append(str(error))
                else:
                    assert image.ndim == 3
                    assert image.dtype == np.uint8
    assert refused
    assert all(message.startswith("victim: ") for message in refused)


def test_files_that_are_no_images(tmp_path):
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.png"
    empty.touch()
    text.write_text("this is not an image")
    with pytest.raises(FormatError, match=r"empty\.jpg.*empty"):
        read_image(empty)
    with pytest.raises(FormatError, match=r"text\.png.*another file, or one with a damaged header"):
        read_image(text)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "missing.png")
    with pytest.raises(OSError, match="irectory"):
        read_image(tmp_path)
    with pytest.raises(ArgumentError, match="mode"):
        read_image(text, "bgr")


def test_mask_keeps_its_numbers(tmp_path):
    palette = Image.fromarray(np.array([[0, 3], [11, 255]], dtype=np.uint8))
    palette = palette.convert("P")
    palette.putpalette([v for k in range(256) for v in (255 - k, k, 7)])
    palette.save(tmp_path / "palette.png")
    assert read_mask(tmp_path / "palette.png").tolist() == [[0, 3], [11, 255]]
    Image.fromarray(np.array([[0, 1000]], dtype=np.uint16)).save(tmp_path / "deep.png")
    assert read_mask(tmp_path / "deep.png").tolist() == [[0, 1000]]
    assert read_mask(tmp_path / "deep.png", size=(2, 4)).tolist() == [[0, 0, 1000, 1000]] * 2
    Image.fromarray(GRADIENT).save(tmp_path / "colour.png")
    with pytest.raises(FormatError, match=r"colour\.png.*RGB"):
        read_mask(tmp_path / "colour.png")


def test_importing_the_package_does_not_import_pillow():
    code = (
        "import sys, cnnrs.data, cnnrs.datasets; print('PIL' in sys.modules, 'pooch' in "
        "sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_errors_are_of_the_promised_family():
    assert issubclass(FormatError, CnnrsError)
    assert issubclass(FormatError, ValueError)
