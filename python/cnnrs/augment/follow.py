"""Apply the steps that move pixels to boxes, keypoints and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import ops
from cnnrs.augment.program import Step, take

__all__ = ["follow_boxes", "follow_masks", "follow_points"]

MOVING = ("crop", "flip_horizontal", "flip_vertical", "resize", "warp", "elastic")
EDGE_POINTS = 32  # points per edge of a box that an elastic transform bends
# Fixed-point iterations of q = p - shift(q). Shifts change slowly: each gains about a digit.
ITERATIONS = 8


def moving(steps: list[Step]) -> list[Step]:
    """Return the steps that move pixels."""
    return [step for step in steps if step.kind in MOVING]


def move(step: Step, points: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Move points ``(k, 2)`` as a step does. `owner` is the sample of each point."""
    if len(points) == 0:
        return points
    x, y = points[:, 0], points[:, 1]
    p = take(step, owner).T
    height, width = (side[owner] for side in step.before)
    if step.kind == "crop":
        moved = np.stack([x - p[1], y - p[0]], axis=1)
    elif step.kind == "flip_horizontal":
        moved = np.stack([width - x, y], axis=1)
    elif step.kind == "flip_vertical":
        moved = np.stack([x, height - y], axis=1)
    elif step.kind == "resize":
        moved = np.stack([(x - p[1]) * (p[5] / p[3]), (y - p[0]) * (p[4] / p[2])], axis=1)
    elif step.kind == "warp":
        matrices = np.linalg.inv(p[:9].T.reshape(-1, 3, 3))
        images = np.einsum("kij,kj->ki", matrices, np.stack([x, y, np.ones_like(x)], axis=1))
        moved = images[:, :2] / images[:, 2:]
    else:
        moved = _bend(step, points, owner)
    return moved if step.apply is None else np.where(step.apply[owner, None], moved, points)


def _bend(step: Step, points: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Move points as an elastic step does.

    The step reads each pixel at its own place plus a shift, so p moves to q with q + shift(q) = p.
    """
    moved = points.copy()
    for sample in np.unique(owner):
        height, width = int(step.before[0][sample]), int(step.before[1][sample])
        places = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
        row = np.array([sample])
        alone = ops.AugmentStep(
            step.kind, "bilinear", None, np.ascontiguousarray(take(step, row)), np.array([np.nan])
        )
        seen = ops.augment(
            places[None].astype(np.float32), [alone], np.array([height]), np.array([width])
        )[0]
        shift = np.nan_to_num(seen - places)  # no shift where the fill shows
        mine = owner == sample
        for _ in range(ITERATIONS):
            at = moved[mine]
            column = np.clip(at[:, 0].astype(int), 0, width - 1)
            line = np.clip(at[:, 1].astype(int), 0, height - 1)
            moved[mine] = points[mine] - shift[line, column]
    return moved


def follow_points(steps: list[Step], keypoints: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the keypoints of every sample after all steps."""
    owner = np.repeat(np.arange(len(keypoints)), [len(points) for points in keypoints])
    places = np.concatenate([np.zeros((0, 2)), *keypoints]).astype(np.float64)
    for step in moving(steps):
        places = move(step, places, owner)
    return _divide(places, keypoints)


def follow_boxes(
    steps: list[Step], boxes: list[NDArray[Any]], min_visibility: float
) -> tuple[list[NDArray[Any]], list[NDArray[np.bool_]]]:
    """Return the boxes of every sample after all steps, and which boxes were kept.

    A step turns a box into the smallest upright box around its moved outline, clipped to the image.
    The visible shares of all clippings are multiplied; a box is dropped if the product is below
    `min_visibility`.
    """
    owner = np.repeat(np.arange(len(boxes)), [len(box) for box in boxes])
    places = np.concatenate([np.zeros((0, 4)), *boxes]).astype(np.float64)
    left = np.ones(len(places))
    for step in moving(steps):
        if len(places) == 0:
            break
        places = _move_boxes(step, places, owner)
        if step.kind in ("flip_horizontal", "flip_vertical"):
            continue
        height, width = (side[owner].astype(np.float64) for side in step.after)
        low, high = np.zeros((len(places), 1)), np.stack([width, height, width, height], axis=1)
        clipped = np.clip(places, low, high)
        area, area_left = _areas(places), _areas(clipped)
        inside = (clipped == places).all(axis=1)
        taken = slice(None) if step.apply is None else step.apply[owner]
        share = np.where(area > 0, area_left / np.where(area > 0, area, 1.0), inside)
        left[taken] *= share[taken]
        places[taken] = clipped[taken]
    keep = _divide(left >= min_visibility, boxes)
    moved = _divide(places, boxes)
    return [box[kept] for box, kept in zip(moved, keep, strict=True)], keep


def _move_boxes(
    step: Step, boxes: NDArray[np.float64], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    share = np.linspace(0, 1, EDGE_POINTS if step.kind == "elastic" else 2)
    x1, y1, x2, y2 = (side[:, None] for side in boxes.T)
    across, down = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
    same = np.zeros_like(across)
    x = np.concatenate([across, across, x1 + same, x2 + same], axis=1)
    y = np.concatenate([y1 + same, y2 + same, down, down], axis=1)
    around = x.shape[1]
    moved = move(step, np.stack([x.ravel(), y.ravel()], axis=1), np.repeat(owner, around)).reshape(
        -1, around, 2
    )
    outline = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)
    return outline if step.apply is None else np.where(step.apply[owner, None], outline, boxes)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def _divide(rows: NDArray[Any], like: list[NDArray[Any]]) -> list[Any]:
    parts = np.split(rows, np.cumsum([len(part) for part in like])[:-1]) if like else []
    return [
        part if part.dtype == bool else part.astype(one.dtype)
        for part, one in zip(parts, like, strict=True)
    ]


def follow_masks(
    steps: list[Step], masks: Any, heights: NDArray[np.int64], widths: NDArray[np.int64]
) -> Any:
    """Return the masks of every sample after all steps.

    Masks use the nearest pixel, and the `mask_fill` of each step beyond the border.
    """
    program = [_nearest(step) for step in moving(steps)]
    if not program:
        return masks
    whole = isinstance(masks, np.ndarray)
    flat = masks.ndim == 3 if whole else [mask.ndim == 2 for mask in masks]
    pictures: Any
    if whole:
        pictures = _as_picture(masks[..., None] if flat else masks)
    else:
        pictures = [
            _as_picture(mask[..., None] if mask.ndim == 2 else mask, np.float32) for mask in masks
        ]
    moved = ops.augment(pictures, program, heights, widths)
    if whole and isinstance(moved, np.ndarray):
        return (moved[..., 0] if flat else moved).astype(masks.dtype)
    flats = [flat] * len(masks) if whole else flat
    return [
        (new[..., 0] if one else new).astype(mask.dtype)
        for new, one, mask in zip(moved, flats, masks, strict=True)
    ]


def _as_picture(mask: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
    return mask.astype(
        (np.uint8 if mask.dtype in (np.uint8, np.bool_) else np.float32) if dtype is None else dtype
    )


def _nearest(step: Step) -> ops.AugmentStep:
    """Return the step for masks: nearest pixel, with the fill of masks."""
    mode = "nearest" if step.kind in ("resize", "warp", "elastic") else step.mode
    filled = step.kind in ("crop", "warp", "elastic")
    constants = np.array([float(step.mask_fill)]) if filled else step.constants
    return ops.AugmentStep(step.kind, mode, step.apply, step.parameters, constants)
