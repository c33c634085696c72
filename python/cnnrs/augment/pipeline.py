"""Run a pipeline: compile consecutive transforms to one program each, and call the transforms that
work on whole batches between the programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.batch import Batch
from cnnrs.augment.follow import follow_boxes, follow_masks, follow_points
from cnnrs.augment.program import Key, Program
from cnnrs.errors import ArgumentError

__all__ = ["Part", "run"]


class Part(Protocol):
    """What `run` needs of a transform: `lower` for a program, or `apply` for a whole batch."""

    whole_batch: bool

    def lower(self, program: Program) -> None:
        """Add the steps of the transform to a program."""

    def apply(self, batch: Batch, key: Key, ordinal: int, before: Sequence[Any]) -> int:
        """Transform the whole batch and return the next ordinal."""


def run(
    transforms: Sequence[Part],
    batch: Batch,
    key: Key,
    *,
    out: NDArray[Any] | None = None,
    min_visibility: float,
) -> None:
    """Apply transforms one after the other and update the batch."""
    ordinal, place = 0, 0
    while place < len(transforms):
        transform = transforms[place]
        if transform.whole_batch:
            ordinal = transform.apply(batch, key, ordinal, transforms[:place])
            place += 1
            continue
        end = place
        while end < len(transforms) and not transforms[end].whole_batch:
            end += 1
        ordinal = _run_program(
            transforms[place:end],
            batch,
            key,
            ordinal,
            out if end == len(transforms) else None,
            min_visibility,
        )
        place = end
    if out is not None and batch.images is not out:
        np.copyto(_expect(out, batch.images), batch.images)
        batch.images = out


def _expect(out: NDArray[Any], images: Any) -> NDArray[Any]:
    if not isinstance(images, np.ndarray):
        raise ArgumentError("out: expected results of one size, got images of different sizes")
    return _arguments.in_place("out", out, images.shape, images.dtype)


def _run_program(
    transforms: Sequence[Part],
    batch: Batch,
    key: Key,
    ordinal: int,
    out: NDArray[Any] | None,
    min_visibility: float,
) -> int:
    heights, widths = batch.sizes()
    empty = len(batch) == 0 and isinstance(batch.images, np.ndarray)
    if empty:  # take the shape of the result from a batch of one
        key = key.of(np.zeros(1, np.int64))
        heights, widths = (np.array([side], np.int64) for side in batch.images.shape[1:3])
    program = Program(key, heights, widths, batch.channels(), batch.floating(), ordinal)
    for transform in transforms:
        transform.lower(program)
    steps, dtype = program.steps, np.float32 if program.floating else np.uint8
    if empty:
        batch.images = np.empty(
            (0, int(program.heights[0]), int(program.widths[0]), program.channels), dtype
        )
        return program.ordinal
    batch.images = ops.augment(
        batch.images,
        [step.kernel for step in steps],
        program.heights,
        program.widths,
        channels=program.channels,
        dtype=dtype,
        out=out,
    )
    if batch.boxes is not None:
        batch.boxes, kept = follow_boxes(steps, batch.boxes, min_visibility)
        batch.keep_boxes(kept)
    if batch.keypoints is not None:
        points = follow_points(steps, list(batch.keypoints))
        batch.keypoints = (
            np.stack(points) if isinstance(batch.keypoints, np.ndarray) and points else points
        )
    if batch.masks is not None:
        batch.masks = follow_masks(steps, batch.masks, program.heights, program.widths)
    return program.ordinal
