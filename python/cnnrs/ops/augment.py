"""Augmentation of batches of images: random draws by index, programs of steps, and mixing. The
transforms are in ``cnnrs.augment``.

Images are uint8 (0 to 255) or float32 (usually 0 to 1), shape ``(n, height, width, channels)``, or
a list of images ``(height, width, channels)`` where their sizes differ.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnrs import _core
from cnnrs._arguments import as_array, counter, empty, in_place, integer, integers
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

Images: TypeAlias = Any  # an array of rank 4, or a list of arrays of rank 3
UINT8: np.dtype[Any] = np.dtype(np.uint8)
FLOAT32: np.dtype[Any] = np.dtype(np.float32)
EPOCH_BITS = 32
ORDINAL_BITS = 16


class AugmentStep(NamedTuple):
    """One step of a program that `augment` runs on a batch of images.

    Parameters
    ----------
    kind : str
        Name of the operation; ``rust/kernels/augment/step.rs`` lists their parameters.
    mode : str
        Name of the border ("constant", "edge", "reflect", "symmetric") for ``"crop"``, of the
        interpolation ("nearest", "bilinear", "antialias") for ``"resize"``, ``"warp"`` and
        ``"elastic"``; empty for other kinds.
    apply : ndarray of shape (n,), bool, or None
        Which samples take the step; None for all.
    parameters : ndarray of shape (n, parameters) or (1, parameters), float64
        Parameters of each sample, or once for all samples.
    constants : ndarray of shape (constants,), float64
        Parameters that are the same for all samples.

    Examples
    --------
    >>> from cnnrs import ops
    >>> nothing = np.zeros((1, 0))
    >>> step = ops.AugmentStep("flip_horizontal", "", np.array([True, False]), nothing, nothing[0])
    >>> images = np.array([[[[1.0], [2.0]]], [[[1.0], [2.0]]]], np.float32)
    >>> ops.augment(images, [step], np.array([1, 1]), np.array([2, 2]))[:, 0, :, 0].tolist()
    [[2.0, 1.0], [1.0, 2.0]]
    """

    kind: str
    mode: str
    apply: NDArray[np.bool_] | None
    parameters: NDArray[np.float64]
    constants: NDArray[np.float64]


def augment_images(name: str, images: Images) -> Images:
    """Convert images to contiguous uint8 or float32 arrays, a batch or a list, for the kernels.

    Other floats become float32.

    Parameters
    ----------
    name : str
        Name of the argument in an error message.
    images : array_like of shape (n, height, width, channels)
        Or a list of arrays of shape (height, width, channels), all of one dtype.

    Returns
    -------
    ndarray or list of ndarray

    Raises
    ------
    DTypeError, ShapeError
        For anything else.

    Examples
    --------
    >>> augment_images("images", np.zeros((2, 4, 4, 3))).dtype
    dtype('float32')
    """
    if isinstance(images, (list, tuple)):
        arrays = [
            _image(f"{name}[{i}]", image, 3, "(height, width, channels)")
            for i, image in enumerate(images)
        ]
        for i, array in enumerate(arrays):
            if array.dtype != arrays[0].dtype:
                raise DTypeError(
                    f"{name}[{i}]: expected {arrays[0].dtype} as the first image has, got "
                    f"{array.dtype}"
                )
        return arrays
    return _image(name, images, 4, "(n, height, width, channels)")


def _image(name: str, image: Any, dimensions: int, axes: str) -> NDArray[Any]:
    array = as_array(name, image)
    if array.dtype.kind == "f" and array.dtype.itemsize <= 8:
        array = array.astype(np.float32, copy=False)
    elif array.dtype != UINT8:
        raise DTypeError(f"{name}: expected uint8 or float32, got {array.dtype}")
    if array.ndim != dimensions:
        hint = (
            f"; add a batch axis of one with {name}[None]"
            if array.ndim == 3 and dimensions == 4
            else ""
        )
        raise ShapeError(
            f"{name}: expected {dimensions} dimensions {axes}, got shape {array.shape}{hint}"
        )
    if 0 in array.shape[-3:]:
        raise ShapeError(
            f"{name}: expected a height, width and number of channels of at least 1, got shape "
            f"{array.shape}"
        )
    return np.require(array, requirements=("C", "A"))


def augment_uniform(
    indices: ArrayLike, draws: int, *, seed: int, epoch: int = 0, ordinal: int = 0
) -> NDArray[np.float64]:
    """Draw uniform numbers for samples of a data set.

    Each number is a function of seed, epoch, sample index, ordinal and its place in the row.

    Parameters
    ----------
    indices : array_like of int, shape (n,)
        The place of each sample in its data set.
    draws : int
        Numbers for each sample.
    seed : int from 0 to 2**64 - 1
    epoch : int from 0 to 2**32 - 1
    ordinal : int from 0 to 2**16 - 1
        Which transform of the pipeline draws.

    Returns
    -------
    ndarray of shape (n, draws), float64, from 0 (included) to 1 (excluded)

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> both = ops.augment_uniform([7, 8], 3, seed=1)
    >>> bool((both[1] == ops.augment_uniform([8], 3, seed=1)[0]).all())
    True
    """
    places = integers("indices", indices)
    if places.ndim != 1:
        raise ShapeError(f"indices: expected one dimension, got shape {places.shape}")
    out = np.empty((len(places), draws))
    _core.augment_uniform(
        places,
        out,
        counter("seed", seed, 64),
        counter("epoch", epoch, EPOCH_BITS),
        counter("ordinal", ordinal, ORDINAL_BITS),
    )
    return out


def augment(
    images: Images,
    steps: Sequence[AugmentStep],
    heights: NDArray[np.int64],
    widths: NDArray[np.int64],
    *,
    channels: int | None = None,
    dtype: DTypeLike | None = None,
    out: NDArray[Any] | None = None,
) -> Images:
    """Run a program of steps on every image, in one pass from the input to the output.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, channels) or list of ndarray, uint8 or float32
    steps : sequence of AugmentStep
    heights, widths : ndarray of shape (n,), int64
        Sizes of the results.
    channels : int, optional
        Channels of the results; by default the channels of `images`.
    dtype : {uint8, float32}, optional
        Dtype of the results; by default the dtype of `images`.
    out : ndarray, optional
        Only where all results have the same size.

    Returns
    -------
    ndarray of shape (n, height, width, channels), or list of ndarray where the sizes of the results
    differ

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> flip = ops.AugmentStep("flip_horizontal", "", None, np.zeros((1, 0)), np.zeros(0))
    >>> images, one, two = np.array([[[[1], [2]]]], np.uint8), np.array([1]), np.array([2])
    >>> ops.augment(images, [flip], one, two).ravel().tolist()
    [2, 1]
    """
    pictures = augment_images("images", images)
    count = len(pictures)
    target = (
        (
            pictures.dtype
            if isinstance(pictures, np.ndarray)
            else pictures[0].dtype
            if count
            else UINT8
        )
        if dtype is None
        else dtype
    )
    if np.dtype(target) not in (UINT8, FLOAT32):
        raise DTypeError(f"dtype: expected uint8 or float32, got {target!r}")
    depth = (
        (pictures.shape[-1] if isinstance(pictures, np.ndarray) else pictures[0].shape[-1])
        if channels is None
        else channels
    )
    if count and (heights != heights[0]).any() | (widths != widths[0]).any():
        if out is not None:
            raise ArgumentError(
                "out: the results have different sizes, there is no one array for them"
            )
        offsets = [0, *np.cumsum(heights * widths * depth).tolist()]
        flat = empty("images", (offsets[-1],), np.dtype(target))
        _core.augment_run(pictures, list(steps), offsets, flat)
        shapes = zip(heights.tolist(), widths.tolist(), strict=True)
        return [
            flat[a:b].reshape(h, w, depth)
            for a, b, (h, w) in zip(offsets[:-1], offsets[1:], shapes, strict=True)
        ]
    shape = (count, int(heights[0]), int(widths[0]), depth) if count else (0, 0, 0, depth)
    result = (
        empty("images", shape, np.dtype(target))
        if out is None
        else in_place("out", out, shape, np.dtype(target))
    )
    sample = shape[1] * shape[2] * depth
    _core.augment_run(
        pictures, list(steps), list(range(0, sample * count + 1, sample)) if sample else [0], result
    )
    return result


def augment_blend(a: ArrayLike, b: ArrayLike, share: ArrayLike) -> NDArray[Any]:
    """Blend images: ``share * a + (1 - share) * b``, with one share for each image.

    uint8 results are rounded.

    Parameters
    ----------
    a, b : array_like of one shape (n, height, width, channels), uint8 or float32
    share : array_like of shape (n,)

    Returns
    -------
    ndarray of the shape and dtype of `a`

    See Also
    --------
    cnnrs.ops : Conventions on dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> a, b = (np.full((1, 1, 1, 1), value, np.uint8) for value in (200, 100))
    >>> ops.augment_blend(a, b, [0.25]).item()
    125
    """
    first, second = augment_images("a", a), augment_images("b", b)
    shares = np.require(as_array("share", share), dtype=np.float64, requirements=("C", "A"))
    if first.dtype != second.dtype:
        raise DTypeError(f"b: expected {first.dtype} as a, got {second.dtype}")
    if shares.shape != first.shape[:1]:
        raise ShapeError(f"share: expected shape {first.shape[:1]}, got {shares.shape}")
    out: NDArray[Any] = np.empty_like(first)
    _core.augment_blend(first, second, shares, out)
    return out


def augment_paste(source: ArrayLike, target: NDArray[Any], rectangles: ArrayLike) -> None:
    """Copy a rectangle of each source image into the target image of the same index, in place.

    Parameters
    ----------
    source : array_like of shape (n, source height, source width, channels), uint8 or float32
    target : ndarray of shape (n, height, width, channels) and the same dtype
        Changed in place.
    rectangles : array_like of int, shape (n, 6)
        Top, left, height and width in the target, then top and left in the source.

    Raises
    ------
    ArgumentError
        For a rectangle that is not inside its image.

    Examples
    --------
    >>> from cnnrs import ops
    >>> target = np.zeros((1, 2, 2, 1), np.uint8)
    >>> ops.augment_paste(np.full((1, 2, 2, 1), 9, np.uint8), target, [[0, 1, 2, 1, 0, 0]])
    >>> target[0, :, :, 0].tolist()
    [[0, 9], [0, 9]]
    """
    images = augment_images("source", source)
    if integer("target", getattr(target, "ndim", 0)) != 4:
        raise ShapeError("target: expected 4 dimensions (n, height, width, channels)")
    _core.augment_paste(
        images,
        in_place("target", target, target.shape, images.dtype),
        integers("rectangles", rectangles),
    )
