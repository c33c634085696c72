"""Statistics of a data set: class counts, sizes, channel means, and duplicate images."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs.data.source import Source, as_source, fetch, fetches_items
from cnnrs.data.threads import decoding_threads, map_ahead
from cnnrs.errors import ShapeError

__all__ = ["Statistics", "duplicates", "statistics"]

SAMPLES_PER_READ = 256
DIGEST_BYTES = 16


@dataclass(frozen=True)
class Statistics:
    """Statistics of a data set; returned by `statistics`.

    Parameters
    ----------
    count : int
        Number of samples.
    class_counts : dict of str to int
        Number of samples of each class, or of objects if the targets are boxes; empty for masks and
        other targets.
    sizes : dict of (height, width) to int
        Number of images of each size, the most frequent first.
    mean, std : tuple of float
        Mean and standard deviation of every channel over all pixels, in the units of the images
        (0..255 for uint8).
    repeated : int
        Number of images that are equal, pixel by pixel, to an earlier one.
    empty_boxes : int
        Number of boxes of zero width or height.

    Examples
    --------
    >>> images = np.array([0, 2, 2], np.uint8).reshape(3, 1, 1, 1)
    >>> found = statistics((images, np.array([0, 1, 1])))
    >>> found.sizes, found.repeated
    ({(1, 1): 3}, 1)
    """

    count: int
    class_counts: dict[str, int]
    sizes: dict[tuple[int, int], int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    repeated: int
    empty_boxes: int

    def __str__(self) -> str:
        lines = [f"{self.count} images, {self.repeated} of them repeated"]
        lines += [f"  {name}: {number}" for name, number in self.class_counts.items()]
        shown = [
            f"{height}x{width} ({number})"
            for (height, width), number in list(self.sizes.items())[:8]
        ]
        lines.append(
            "sizes (height x width): "
            + ", ".join(shown)
            + (", ..." if len(self.sizes) > len(shown) else "")
        )
        lines.append("mean per channel: " + ", ".join(f"{value:.2f}" for value in self.mean))
        lines.append("deviation per channel: " + ", ".join(f"{value:.2f}" for value in self.std))
        if self.empty_boxes:
            lines.append(f"boxes of zero size: {self.empty_boxes}")
        return "\n".join(lines)


def statistics(data: Any) -> Statistics:
    """Read a whole data set once and return its statistics.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays
        Images of shape (height, width, channels); sizes may differ, the number of channels may not.

    Returns
    -------
    Statistics
        Its ``str`` is a short report.

    Raises
    ------
    ShapeError
        If the samples are not images, or differ in their number of channels.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1979.

    Examples
    --------
    >>> images = np.array([0, 2, 2], np.uint8).reshape(3, 1, 1, 1)
    >>> figures = statistics((images, np.array([0, 1, 1])))
    >>> figures.class_counts, figures.repeated, round(figures.mean[0], 3)
    ({'0': 1, '1': 2}, 1, 1.333)
    """
    source = as_source(data)
    if len(source) == 0:
        raise ShapeError("data: expected at least one sample, got none")
    moments: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None = None
    sizes: Counter[tuple[int, int]] = Counter()
    labels: Counter[int] = Counter()
    seen: set[bytes] = set()
    empty_boxes = 0
    target_kind = getattr(source, "target", "labels")
    for images, targets in _read(source):
        for image in images:
            if image.ndim != 3:
                raise ShapeError(
                    f"data: expected images of shape (height, width, channels), got {image.shape}"
                )
            sizes[image.shape[0], image.shape[1]] += 1
            seen.add(_digest(image))
            moments = _merge(moments, image)
        if target_kind == "boxes":
            for target in targets:
                labels.update(target["labels"].tolist())
                sides = target["boxes"][:, 2:] - target["boxes"][:, :2]
                empty_boxes += int((sides <= 0).any(axis=1).sum())
        elif target_kind == "labels":
            numbers = np.asarray(targets)
            if numbers.ndim == 1 and numbers.dtype.kind in "iu":
                labels.update(numbers.tolist())
    assert moments is not None
    names = tuple(getattr(source, "class_names", ()))
    known = range(len(names)) if names else ()
    class_counts = (
        {names[k] if 0 <= k < len(names) else str(k): labels[k] for k in sorted({*labels, *known})}
        if labels
        else {}
    )
    pixels, mean, deviations = moments
    return Statistics(
        count=len(source),
        class_counts=class_counts,
        sizes=dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))),
        mean=tuple(mean.tolist()),
        std=tuple(np.sqrt(deviations / pixels).tolist()),
        repeated=len(source) - len(seen),
        empty_boxes=empty_boxes,
    )


def duplicates(first: Any, second: Any) -> list[tuple[int, int]]:
    """Find the images that occur in two data sets, compared pixel by pixel.

    A test set must not share images with the training set.

    Parameters
    ----------
    first, second : Source or pair (x, y) of arrays
        Such as the training and the test set.

    Returns
    -------
    list of (int, int)
        For each image of `second` that is in `first`: its first index in `first`, and its index in
        `second`.

    Examples
    --------
    >>> train = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1), np.zeros(4, int)
    >>> test = np.array([9, 2], dtype=np.uint8).reshape(2, 1, 1, 1), np.zeros(2, int)
    >>> duplicates(train, test)
    [(2, 1)]
    """
    where: dict[bytes, int] = {}
    for index, digest in enumerate(_digests(as_source(first))):
        where.setdefault(digest, index)
    return [
        (where[digest], index)
        for index, digest in enumerate(_digests(as_source(second)))
        if digest in where
    ]


def _read(source: Source) -> Iterator[tuple[Any, Any]]:
    """Yield images and targets, a few at a time; files are decoded in threads."""
    if fetches_items(source):
        for image, target in map_ahead(
            source.__getitem__, range(len(source)), threads=decoding_threads(), ahead=32
        ):
            yield [np.asarray(image)], [target]
        return
    for start in range(0, len(source), SAMPLES_PER_READ):
        yield fetch(source, np.arange(start, min(start + SAMPLES_PER_READ, len(source))))


def _digests(source: Source) -> Iterator[bytes]:
    for images, _ in _read(source):
        yield from map(_digest, images)


def _digest(image: NDArray[Any]) -> bytes:
    from hashlib import blake2b  # here, to keep `import cnnrs` short

    header = f"{image.shape}{image.dtype.str}".encode()
    return blake2b(header + image.tobytes(), digest_size=DIGEST_BYTES).digest()


def _merge(
    so_far: tuple[int, NDArray[np.float64], NDArray[np.float64]] | None, image: NDArray[Any]
) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Add an image to the count, the mean and the sum of squared deviations of each channel."""
    pixels = image.reshape(-1, image.shape[2]).astype(np.float64)
    mean = pixels.mean(axis=0)
    deviations = ((pixels - mean) ** 2).sum(axis=0)
    if so_far is None:
        return len(pixels), mean, deviations
    count, old_mean, old_deviations = so_far
    if old_mean.shape != mean.shape:
        raise ShapeError(
            f"data: expected one number of channels, got {len(old_mean)} and {len(mean)}; pass "
            "mode= for one number"
        )
    total = count + len(pixels)
    shift = mean - old_mean
    weight = len(pixels) / total
    return total, old_mean + shift * weight, old_deviations + deviations + shift**2 * count * weight
