"""Build the program of a batch: transforms add steps with the parameters of every sample.

A program also tracks the size, the channels and the value range of the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnrs import ops
from cnnrs.errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BORDERS", "Key", "Program", "Step", "take"]

Column: TypeAlias = "float | NDArray[Any]"
BORDERS = ("constant", "edge", "reflect", "symmetric")


@dataclass(frozen=True)
class Key:
    """Key of the random numbers of a batch: the seed, the epoch, and the index of each
    sample in its data set.
    """

    seed: int
    epoch: int
    indices: NDArray[np.int64]

    def of(self, indices: NDArray[np.int64]) -> Key:
        """Return the same key for other samples."""
        return Key(self.seed, self.epoch, indices)


@dataclass
class Step:
    """A step of a program, with the sizes that boxes, keypoints and masks need.

    Attributes
    ----------
    kind, mode, apply, parameters, constants
        As in `cnnrs.ops.AugmentStep`.
    before, after : pair of ndarray of shape (n,)
        Heights and widths of the images before and after the step.
    mask_fill : int
        Value of masks beyond the border.
    """

    kind: str
    mode: str
    apply: NDArray[np.bool_] | None
    parameters: NDArray[np.float64]
    constants: NDArray[np.float64]
    before: tuple[NDArray[np.int64], NDArray[np.int64]]
    after: tuple[NDArray[np.int64], NDArray[np.int64]]
    mask_fill: int = 0

    @property
    def kernel(self) -> ops.AugmentStep:
        """Return the step in the form that the kernels take."""
        return ops.AugmentStep(self.kind, self.mode, self.apply, self.parameters, self.constants)


class Program:
    """The steps for one batch.

    Attributes
    ----------
    heights, widths : ndarray of shape (n,), int64
        Current size of each image.
    channels : int
        Current number of channels.
    floating : bool
        Whether the values are currently floats around 0 to 1, not bytes from 0 to 255.
    ordinal : int
        Number of transforms that have drawn random numbers.
    steps : list of Step
    """

    def __init__(
        self,
        key: Key,
        heights: NDArray[np.int64],
        widths: NDArray[np.int64],
        channels: int,
        floating: bool,
        ordinal: int,
    ) -> None:
        self.key = key
        self.heights, self.widths = heights, widths
        self.channels, self.floating, self.ordinal = channels, floating, ordinal
        self.steps: list[Step] = []
        self._chosen: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.key.indices)

    @property
    def peak(self) -> float:
        """Return the brightest value of a pixel."""
        return 1.0 if self.floating else 255.0

    def draw(self, count: int) -> NDArray[np.float64]:
        """Draw ``(n, count)`` uniform numbers in [0, 1) for the current transform."""
        numbers = ops.augment_uniform(
            self.key.indices, count, seed=self.key.seed, epoch=self.key.epoch, ordinal=self.ordinal
        )
        self.ordinal += 1
        return numbers

    @contextmanager
    def only(self, chosen: NDArray[np.bool_]) -> Iterator[None]:
        """Restrict the steps added in this context to some samples."""
        before = self._chosen
        self._chosen = chosen if before is None else before & chosen
        try:
            yield
        finally:
            self._chosen = before

    def add(
        self,
        kind: str,
        parameters: Sequence[Column] = (),
        constants: Sequence[float] = (),
        *,
        mode: str = "",
        apply: NDArray[np.bool_] | None = None,
        size: tuple[Column, Column] | None = None,
        mask_fill: int = 0,
    ) -> None:
        """Add a step.

        A parameter is one number, or one number per sample. `size` is the image size after the
        step; by default it does not change.
        """
        if self._chosen is not None:
            apply = self._chosen if apply is None else apply & self._chosen
        if any(isinstance(column, np.ndarray) for column in parameters):
            table = np.empty((len(self), len(parameters)))
            for place, column in enumerate(parameters):
                table[:, place] = column
        else:
            table = np.array([parameters], dtype=np.float64)
        before = after = (self.heights, self.widths)
        if size is not None:
            if apply is None:
                rows, columns = (np.full(len(self), side, np.int64) for side in size)
            else:
                rows = np.where(apply, np.asarray(size[0], dtype=np.int64), self.heights)
                columns = np.where(apply, np.asarray(size[1], dtype=np.int64), self.widths)
            after = self.heights, self.widths = rows, columns
        self.steps.append(
            Step(
                kind,
                mode,
                apply,
                table,
                np.array(constants, dtype=np.float64),
                before,
                after,
                mask_fill,
            )
        )

    def fill(self, fill: float | Sequence[float]) -> tuple[float, ...]:
        """Return the fill as one number, or as one number per channel."""
        values = (
            (float(fill),)
            if isinstance(fill, (int, float))
            else tuple(float(value) for value in fill)
        )
        if len(values) not in (1, self.channels):
            raise ShapeError(
                f"fill: expected one value or one for each of {self.channels} channels, got "
                f"{len(values)}"
            )
        return values

    def scale(self, factors: NDArray[np.float64], summands: NDArray[np.float64]) -> None:
        """Compute ``factor · value + summand`` for each channel; the result is float."""
        for name, values in (("mean or std", factors), ("mean or std", summands)):
            if len(values) not in (1, self.channels):
                raise ShapeError(
                    f"{name}: expected one value or one for each of {self.channels} channels, got "
                    f"{len(values)}"
                )
        if self.partial:
            raise ArgumentError(
                "ToFloat and Normalize change the units of all images: they cannot be used in "
                "RandomApply or OneOf; put them after it"
            )
        if factors.shape != summands.shape:
            factors, summands = np.broadcast_arrays(factors, summands)
        self.floating = True
        last = self.steps[-1] if self.steps else None
        if last is not None and last.kind == "affine" and last.apply is None:
            before_factors, before_summands = np.split(last.constants[1:], 2)
            factors, summands = np.broadcast_arrays(
                before_factors * factors, before_summands * factors + summands
            )
            self.steps.pop()
        self.add("affine", (), (1.0, *factors.tolist(), *summands.tolist()))

    def warp(
        self,
        forward: NDArray[np.float64],
        interpolation: str,
        fill: float | Sequence[float],
        *,
        apply: NDArray[np.bool_] | None = None,
        size: tuple[Column, Column] | None = None,
        mask_fill: int = 0,
    ) -> None:
        """Warp the images by ``(n, 3, 3)`` matrices that map points (x, y, 1) before to after."""
        inverse = np.linalg.inv(forward).reshape(len(self), 9)
        height, width = (self.heights, self.widths) if size is None else size
        self.add(
            "warp",
            (*inverse.T, height, width),
            self.fill(fill),
            mode=interpolation,
            apply=apply,
            size=size,
            mask_fill=mask_fill,
        )

    @property
    def partial(self) -> bool:
        """Return whether steps are restricted to some samples."""
        return self._chosen is not None


def take(step: Step, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the parameters of some samples, ``(len(rows), parameters)``; rows may repeat."""
    if len(step.parameters) == 1:
        return np.broadcast_to(step.parameters[0], (len(rows), step.parameters.shape[1]))
    return step.parameters[rows]


def check_range(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf
) -> tuple[float, float]:
    """Return a pair of numbers ``low <= first <= second <= high``.

    Raises
    ------
    ArgumentError
        If the value is not such a pair.
    """
    try:
        first, second = (float(part) for part in value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{name}: expected a pair of numbers (low, high), got {value!r}"
        ) from error
    if not (low <= first <= second <= high):
        raise ArgumentError(f"{name}: expected {low:g} <= low <= high <= {high:g}, got {value!r}")
    return first, second
