"""Reads image files into NumPy arrays, in the orientation and the colours that a viewer shows.

An image is uint8 of shape ``(height, width, channels)``. The EXIF orientation is applied, and the
first frame of an animation is read. 16-bit grey is scaled to 8 bits by its high byte, as Pillow
does for 16-bit colour. Transparency is dropped, as ``Image.convert("RGB")`` does, which shows the
colour stored under transparent pixels; ``background=`` composites the image on a colour instead. A
file that is not a whole image raises a `FormatError` that names it. Pillow is imported at its first
use.
"""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, FormatError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["IMAGE_SUFFIXES", "Size", "decode_image", "image_size", "read_image", "read_mask"]

Size: TypeAlias = int | tuple[int, int] | None
Options: TypeAlias = tuple[str, tuple[int, int] | None, tuple[int, int, int] | None]
Result = TypeVar("Result")

MODES = ("rgb", "grey", "gray", "unchanged")
# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
    ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp",
))
# fmt: on
ORIENTATION_TAG = 0x0112


@_renamed.keywords()
def read_image(
    path: str | os.PathLike[str],
    mode: str = "rgb",
    *,
    size: Size = None,
    background: tuple[int, int, int] | None = None,
) -> NDArray[np.uint8]:
    """Read one image file.

    Parameters
    ----------
    path : str or path-like
        The file, in any format that Pillow reads.
    mode : {"rgb", "grey", "unchanged"}
        ``"rgb"`` returns three channels; ``"grey"`` (or ``"gray"``) one, by the luma weights 0.299,
        0.587, 0.114; ``"unchanged"`` the channels of the file: 1 grey, 2 grey and alpha, 3 colour,
        4 colour and alpha (a palette is converted to colours).
    size : int or (height, width), optional
        Resize to this size, bilinear with antialiasing and without keeping the aspect ratio.
    background : (red, green, blue), optional
        Composite transparent pixels on this colour, 0..255. By default alpha is dropped, which
        shows the colour stored under transparent pixels. Cannot be combined with ``"unchanged"``.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8
        0..255, writable.

    Raises
    ------
    FormatError
        If the file is empty, cut short, damaged, not an image, or so large when decoded that it may
        be a decompression bomb (the message has the number of pixels).
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "red.png"
    >>> Image.new("RGB", (4, 2), (255, 0, 0)).save(file)
    >>> read_image(file).shape
    (2, 4, 3)
    >>> int(read_image(file, "grey")[0, 0, 0])
    76
    """
    options = _options(mode, size, background)
    with open(path, "rb") as file:
        return _guarded(os.fspath(path), file, lambda image: _pixels(image, *options))


@_renamed.keywords()
def decode_image(
    data: bytes,
    mode: str = "rgb",
    *,
    size: Size = None,
    background: tuple[int, int, int] | None = None,
    name: str = "image data",
    formats: tuple[str, ...] | None = None,
) -> NDArray[np.uint8]:
    """Decode an image from bytes, as `read_image` does from a file.

    Parameters
    ----------
    data : bytes
        The content of an image file.
    mode : {"rgb", "grey", "unchanged"}
    size : int or (height, width), optional
    background : (red, green, blue), optional
        As in `read_image`.
    name : str
        Name of the data in an error message.
    formats : tuple of str, optional
        Pillow's names of the formats to try, such as ``("JPEG",)``; by default all.

    Returns
    -------
    ndarray of shape (height, width, channels), uint8

    Raises
    ------
    FormatError
        As in `read_image`.

    Examples
    --------
    >>> decode_image(b"P5 2 1 255 " + bytes([0, 255]), "grey").tolist()
    [[[0], [255]]]
    """
    options = _options(mode, size, background)
    return _guarded(name, io.BytesIO(data), lambda image: _pixels(image, *options), formats)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return the ``(height, width)`` of an image file, from its header only.

    Parameters
    ----------
    path : str or path-like
        The image file.

    Returns
    -------
    tuple of int
        ``(height, width)`` in pixels, after the EXIF orientation.

    Raises
    ------
    FormatError
        If the file has no valid header of an image.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "two_by_one.pgm"
    >>> _ = file.write_bytes(b"P5 2 1 255 " + bytes([0, 255]))
    >>> image_size(file)
    (1, 2)
    """

    def measure(image: "Image.Image") -> tuple[int, int]:
        width, height = image.size
        # Pillow's TIFF reader swaps the size by itself.
        return (
            (width, height)
            if _orientation(image) >= 5 and image.format != "TIFF"
            else (height, width)
        )

    with open(path, "rb") as file:
        return _guarded(os.fspath(path), file, measure)


@_renamed.keywords()
def read_mask(path: str | os.PathLike[str], *, size: Size = None) -> NDArray[np.int32]:
    """Read one mask file and return the numbers stored in it.

    Parameters
    ----------
    path : str or path-like
        A palette, grey (8 or 16 bits) or 1-bit image. The numbers of a palette image are its
        palette indices.
    size : int or (height, width), optional
        Resize to this size by nearest neighbour, which adds no new numbers.

    Returns
    -------
    ndarray of shape (height, width), int32
        Class or instance ids; a 1-bit image gives 0 and 1.

    Raises
    ------
    FormatError
        If the file is damaged, or a colour image, whose pixels are not ids.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "mask.png"
    >>> Image.fromarray(np.array([[0, 1], [300, 2]], dtype=np.uint16)).save(file)
    >>> read_mask(file).tolist()
    [[0, 1], [300, 2]]
    """
    target = _arguments.optional_pair("size", size)

    def ids(image: "Image.Image") -> NDArray[np.int32]:
        from PIL import Image

        image = _upright(image)
        if image.mode not in ("1", "L", "P", "I", "I;16", "I;16L", "I;16B", "I;16N"):
            raise FormatError(
                f"expected a palette or grey image whose pixels are ids, got mode {image.mode}"
            )
        if target is not None:
            image = image.resize((target[1], target[0]), Image.Resampling.NEAREST)
        return np.array(image).astype(np.int32)

    with open(path, "rb") as file:
        return _guarded(os.fspath(path), file, ids)


def _options(mode: str, size: Size, background: tuple[int, int, int] | None) -> Options:
    mode = _arguments.choice("mode", mode, MODES).replace("gray", "grey")
    if background is not None:
        if mode == "unchanged":
            raise ArgumentError(
                "background: expected None with mode='unchanged', which keeps the alpha "
                f"channel, got {background!r}"
            )
        background = tuple(background)  # type: ignore[assignment]
        if len(background) != 3 or not all(0 <= value <= 255 for value in background):
            raise ArgumentError(
                f"background: expected three numbers from 0 to 255, got {background!r}"
            )
    return mode, _arguments.optional_pair("size", size), background


def _guarded(
    name: str,
    file: IO[bytes],
    use: Callable[["Image.Image"], Result],
    formats: tuple[str, ...] | None = None,
) -> Result:
    """Open `file` with Pillow and apply `use`; errors of damaged files become `FormatError`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file, formats=formats) as image:
            return use(image)
    except MemoryError:
        raise
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FormatError(
            f"{name}: expected a smaller image, got a possible decompression bomb "
            f"({str(error).rstrip('.')}); if you trust the file, set "
            "PIL.Image.MAX_IMAGE_PIXELS = None"
        ) from error
    except UnidentifiedImageError:
        kind = (
            "an empty file"
            if file.seek(0, os.SEEK_END) == 0
            else "another file, or one with a damaged header"
        )
        raise FormatError(f"{name}: expected an image that Pillow can read, got {kind}") from None
    except Exception as error:  # Pillow's readers raise errors of every kind on damaged data
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk failed, not the file's content
        raise FormatError(
            f"{name}: expected a whole image, got one that is damaged or cut short "
            f"({type(error).__name__}: {error})"
        ) from error


def _orientation(image: "Image.Image") -> int:
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # the EXIF data is damaged, but the pixels may be whole
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(image: "Image.Image") -> "Image.Image":
    """Load the pixels and apply the EXIF orientation."""
    from PIL.Image import Transpose

    image.load()  # also applies the orientation of a TIFF and removes it from its tags
    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: "Image.Image") -> "Image.Image":
    """Convert any mode to 1, L, LA, P, RGB, RGBA, CMYK or another that `convert` accepts."""
    from PIL import Image

    if image.mode.startswith("I;16") or (
        image.mode == "I" and image.format in (None, "PNG", "PPM")
    ):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise FormatError(
            f"expected 8 or 16 bits per value, got mode {image.mode} (32-bit numbers without an "
            "agreed range); read the file with Pillow or tifffile and scale the array yourself"
        )
    return image


def _has_alpha(image: "Image.Image") -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def _pixels(
    image: "Image.Image",
    mode: str,
    size: tuple[int, int] | None,
    background: tuple[int, int, int] | None,
) -> NDArray[np.uint8]:
    from PIL import Image

    file_format = image.format
    image = _upright(image)
    if image.format is None:  # a transposed copy has no format, and `_eight_bits` needs it
        image.format = file_format
    image = _eight_bits(image)
    grey = image.mode in ("1", "L", "LA", "La")
    if background is not None and _has_alpha(image):
        backdrop = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(backdrop, image.convert("RGBA"))
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # the palette's colours, also under transparent pixels
    if mode == "unchanged":
        alpha = _has_alpha(image)
        target = ("LA" if alpha else "L") if grey else ("RGBA" if alpha else "RGB")
    else:
        target = {"rgb": "RGB", "grey": "L"}[mode]
    if image.mode != target:
        image = image.convert(target)
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    array: NDArray[Any] = np.array(image)
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def has_image_suffix(path: Path) -> bool:
    """Return whether a file name has an image suffix."""
    return path.suffix.lower() in IMAGE_SUFFIXES
