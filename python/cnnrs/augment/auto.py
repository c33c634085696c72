"""RandAugment and TrivialAugment: apply transforms drawn at random from a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.augment.color import ORDERS, expect_colour
from cnnrs.augment.matrices import about, affine, translation
from cnnrs.augment.program import Program
from cnnrs.augment.transform import Transform, fill_value

__all__ = ["RandAugment", "TrivialAugment"]

Amounts: TypeAlias = NDArray[np.float64]
Operation: TypeAlias = Callable[["_Automatic", Program, Amounts, Amounts], None]

BITS = 8
# The largest strength of each operation. Shifts are a fraction of the side, or pixels.
MILD = {
    "shear": 0.3,
    "share": 150 / 331,
    "pixels": 0.0,
    "degrees": 30.0,
    "factor": 0.9,
    "bits": 4.0,
}
WIDE = {"shear": 0.99, "share": 0.0, "pixels": 32.0, "degrees": 135.0, "factor": 0.99, "bits": 6.0}


class _Automatic(Transform):
    limits = MILD
    interpolation: str
    fill: Any

    def _apply(
        self, program: Program, choice: NDArray[np.int64], strength: Amounts, sign: Amounts
    ) -> None:
        """Add every operation, each for the samples that drew it."""
        expect_colour(program, type(self).__name__)
        for place, operation in enumerate(OPERATIONS):
            with program.only(choice == place):
                operation(self, program, strength, sign)

    def _warp(self, program: Program, matrix: NDArray[np.float64]) -> None:
        program.warp(matrix, self.interpolation, self.fill)


def _identity(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    pass


def _shear(axis: int) -> Operation:
    def operation(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
        angle = np.rad2deg(np.arctan(strength * auto.limits["shear"])) * sign
        shear_x, shear_y = (angle, 0.0) if axis == 0 else (0.0, angle)
        auto._warp(program, affine(0.0, 1.0, shear_x, shear_y, len(program)))

    return operation


def _shift(axis: int) -> Operation:
    def operation(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
        side = program.widths if axis == 0 else program.heights
        pixels = np.trunc(strength * (auto.limits["share"] * side + auto.limits["pixels"])) * sign
        x, y = (pixels, 0.0) if axis == 0 else (0.0, pixels)
        auto._warp(program, translation(x, y, len(program)))

    return operation


def _rotate(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    turn = affine(-strength * auto.limits["degrees"] * sign, 1.0, 0.0, 0.0, len(program))
    auto._warp(program, about(turn, program.widths / 2, program.heights / 2))


def _factor(place: int) -> Operation:
    def operation(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
        factors: list[Any] = [1.0, 1.0, 1.0]
        factors[place] = 1.0 + strength * auto.limits["factor"] * sign
        program.add("color_jitter", (*ORDERS[0], *factors, 0.0))

    return operation


def _sharpness(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    program.add("sharpness", (1.0 + strength * auto.limits["factor"] * sign,))


def _posterize(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    program.add("posterize", (BITS - np.round(strength * auto.limits["bits"]),))


def _solarize(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    program.add("solarize", (program.peak * (1.0 - strength),))


def _autocontrast(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    program.add("autocontrast")


def _equalize(auto: _Automatic, program: Program, strength: Amounts, sign: Amounts) -> None:
    program.add("equalize")


OPERATIONS: tuple[Operation, ...] = (
    _identity,
    _shear(0),
    _shear(1),
    _shift(0),
    _shift(1),
    _rotate,
    _factor(0),
    _factor(2),
    _factor(1),
    _sharpness,
    _posterize,
    _solarize,
    _autocontrast,
    _equalize,
)


class RandAugment(_Automatic):
    """Apply a few transforms, drawn from fourteen, with one strength for all.

    Identity, shear and shift in x and y, rotation, brightness, saturation, contrast, sharpness,
    posterize, solarize, autocontrast and equalize, with the ranges of torchvision.

    Parameters
    ----------
    num_ops : int
        Number of transforms to apply in sequence.
    magnitude : int from 0 to num_magnitude_bins - 1
        Strength of the transforms.
    num_magnitude_bins : int
        Number of equally spaced strengths.
    interpolation : {"bilinear", "nearest"}
    fill : float or one for each channel
        Value outside the image, in the units of the image.

    References
    ----------
    E. Cubuk et al., "RandAugment", NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandAugment()(np.zeros((4, 32, 32, 3), np.uint8)).shape
    (4, 32, 32, 3)
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        *,
        num_magnitude_bins: int = 31,
        interpolation: str = "bilinear",
        fill: Any = 0,
    ) -> None:
        self.num_ops = _arguments.integer("num_ops", num_ops, 0, 100)
        self.num_magnitude_bins = _arguments.integer("num_magnitude_bins", num_magnitude_bins, 2)
        self.magnitude = _arguments.integer("magnitude", magnitude, 0, self.num_magnitude_bins - 1)
        self.interpolation = _arguments.choice(
            "interpolation", interpolation, ("nearest", "bilinear")
        )
        self.fill = fill_value(fill)

    def lower(self, program: Program) -> None:
        """Draw `num_ops` operations for each sample."""
        strength = np.full(len(program), self.magnitude / (self.num_magnitude_bins - 1))
        for _ in range(self.num_ops):
            numbers = program.draw(2)
            choice = (numbers[:, 0] * len(OPERATIONS)).astype(np.int64)
            self._apply(program, choice, strength, np.where(numbers[:, 1] < 0.5, -1.0, 1.0))


class TrivialAugment(_Automatic):
    """Apply one transform, drawn from the fourteen of `RandAugment`, with a random strength.

    The range of strengths is wide, and there is nothing to tune.

    Parameters
    ----------
    num_magnitude_bins : int
        Number of equally spaced strengths to draw from.
    interpolation : {"bilinear", "nearest"}
    fill : float or one for each channel
        Value outside the image, in the units of the image.

    References
    ----------
    S. Müller & F. Hutter, "TrivialAugment: tuning-free yet state-of-the-art data augmentation",
    ICCV 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.TrivialAugment()(np.zeros((4, 32, 32, 3), np.uint8)).shape
    (4, 32, 32, 3)
    """

    limits = WIDE

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: str = "bilinear", *, fill: Any = 0
    ) -> None:
        self.num_magnitude_bins = _arguments.integer("num_magnitude_bins", num_magnitude_bins, 2)
        self.interpolation = _arguments.choice(
            "interpolation", interpolation, ("nearest", "bilinear")
        )
        self.fill = fill_value(fill)

    def lower(self, program: Program) -> None:
        """Draw one operation for each sample."""
        numbers = program.draw(3)
        choice = (numbers[:, 0] * len(OPERATIONS)).astype(np.int64)
        strength = np.floor(numbers[:, 2] * self.num_magnitude_bins) / (self.num_magnitude_bins - 1)
        self._apply(program, choice, strength, np.where(numbers[:, 1] < 0.5, -1.0, 1.0))
