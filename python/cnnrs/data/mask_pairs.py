"""Source of images with masks: class ids per pixel (semantic) or object ids (instance).

An image and its mask have the same file name except for the suffix. Masks are read as the numbers
stored in them (`read_mask`).
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, _renamed
from cnnrs.data.image import MODES, Size, has_image_suffix, image_size, read_image, read_mask
from cnnrs.data.source import FileSource
from cnnrs.errors import ArgumentError, FormatError, ShapeError

__all__ = ["MaskSource", "from_masks"]


class MaskSource(FileSource):
    """Images with masks; returned by `from_masks`.

    Parameters
    ----------
    paths, mask_paths : tuple of Path
        The image and the mask files, sorted by name.
    class_names : tuple of str
        The names of the ids in a semantic mask.
    size : (height, width) or None
        Size that every image is resized to.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, value in (("images", 200), ("masks", 3)):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "a.pgm").write_bytes(b"P5 1 1 255 " + bytes([value]))
    >>> image, mask = from_masks(folder / "images", folder / "masks", mode="grey")[0]
    >>> image.tolist(), mask.tolist()
    ([[[200]]], [[3]])
    """

    target = "masks"

    def __init__(
        self,
        paths: tuple[Path, ...],
        mask_paths: tuple[Path, ...],
        class_names: tuple[str, ...],
        size: tuple[int, int] | None,
        mode: str,
    ) -> None:
        self.paths = paths
        self.mask_paths = mask_paths
        self.class_names = class_names
        self.size = size
        self.mode = mode

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"MaskSource({len(self)} images with masks)"

    def describe(self, index: int) -> str:
        """Return the path of the image at `index`."""
        return str(self.paths[index])

    def read(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return the image and the mask at `index`."""
        of_image, of_mask = image_size(self.paths[index]), image_size(self.mask_paths[index])
        if of_image != of_mask:
            raise ShapeError(
                f"{self.mask_paths[index]}: expected a mask of {of_image[0]}x{of_image[1]} (height "
                f"x width) as its image {self.paths[index].name}, got {of_mask[0]}x{of_mask[1]}"
            )
        image = read_image(self.paths[index], self.mode, size=self.size)
        return image, read_mask(self.mask_paths[index], size=self.size)


@_renamed.keywords()
def from_masks(
    images: str | os.PathLike[str],
    masks: str | os.PathLike[str],
    *,
    size: Size = None,
    mode: str = "rgb",
    class_names: tuple[str, ...] = (),
) -> MaskSource:
    """Return a source of images with masks from two folders.

    Parameters
    ----------
    images, masks : str or path-like
        The folders; ``masks/a.png`` is the mask of ``images/a.jpg``.
    size : int or (height, width), optional
        Resize every image to this size, bilinear, and its mask by nearest neighbour.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`, for the images.
    class_names : tuple of str, optional
        The names of the ids in a semantic mask.

    Returns
    -------
    MaskSource
        Lazy: ``source[i]`` is ``(image, mask)``, the mask int32 of shape (height, width).

    Raises
    ------
    FormatError
        If a folder has no images, two files have the same name except for the suffix, or an image
        has no mask.
    OSError
        If a folder does not exist.

    Examples
    --------
    >>> source = from_masks("camvid/train", "camvid/trainannot")           # doctest: +SKIP
    """
    pair = _arguments.optional_pair("size", size)
    _arguments.choice("mode", mode, MODES)
    if isinstance(class_names, str):
        raise ArgumentError(f"class_names: expected a sequence of names, got {class_names!r}")
    pictures, labelled = _by_stem(Path(images)), _by_stem(Path(masks))
    alone = sorted(pictures.keys() ^ labelled.keys())
    if alone:
        article, without = ("an", "image") if alone[0] in labelled else ("a", "mask")
        raise FormatError(
            f"{(pictures.get(alone[0]) or labelled[alone[0]])}: expected {article} {without} of "
            f"the same name, got none; {len(alone)} files have no partner"
        )
    stems = sorted(pictures)
    return MaskSource(
        tuple(pictures[s] for s in stems),
        tuple(labelled[s] for s in stems),
        tuple(class_names),
        pair,
        mode,
    )


def _by_stem(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or not has_image_suffix(file) or not file.is_file():
            continue
        if file.stem in files:
            raise FormatError(
                f"{file}: expected names that differ before the suffix, got also "
                f"{files[file.stem].name}"
            )
        files[file.stem] = file
    if not files:
        raise FormatError(f"{folder}: expected images, got none")
    return files
