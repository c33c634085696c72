"""Transforms of tone: inversion, posterization, histogram equalization, sharpness."""

from __future__ import annotations

from cnnrs import _arguments
from cnnrs.augment.program import Program
from cnnrs.augment.transform import Transform, probability

__all__ = [
    "AutoContrast",
    "Equalize",
    "Invert",
    "Posterize",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
    "Sharpness",
    "Solarize",
]


class _Tone(Transform):
    """Base class of transforms with one step, applied always or with probability `p`."""

    kind = ""

    def lower(self, program: Program) -> None:
        """Add the step."""
        p = getattr(self, "p", None)
        apply = None if p is None else program.draw(1)[:, 0] < p
        program.add(self.kind, self._parameters(), apply=apply)

    def _parameters(self) -> tuple[float, ...]:
        return ()


class AutoContrast(_Tone):
    """Stretch each channel to the full range. A channel with a single value is unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.AutoContrast()(np.array([[[[50], [100], [150]]]], np.uint8)).ravel().tolist()
    [0, 128, 255]
    """

    kind = "autocontrast"


class RandomAutocontrast(AutoContrast):
    """Apply `AutoContrast` with probability `p`.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomAutocontrast(0.0)(np.array([[[[50], [150]]]], np.uint8)).ravel().tolist()
    [50, 150]
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("p", p)


class Equalize(_Tone):
    """Equalize the histogram of each channel, as Pillow does.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)  # level already
    >>> bool((augment.Equalize()(x) == x).all())
    True
    """

    kind = "equalize"


class RandomEqualize(Equalize):
    """Apply `Equalize` with probability `p`.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomEqualize(0.0)(np.array([[[[50], [150]]]], np.uint8)).ravel().tolist()
    [50, 150]
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("p", p)


class Invert(_Tone):
    """Invert images: subtract each value from the brightest value.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Invert()(np.array([[[[0], [100]]]], np.uint8)).ravel().tolist()
    [255, 155]
    """

    kind = "invert"


class RandomInvert(Invert):
    """Apply `Invert` with probability `p`.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomInvert(1.0)(np.array([[[[0], [100]]]], np.uint8)).ravel().tolist()
    [255, 155]
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("p", p)


class Posterize(_Tone):
    """Keep only the highest bits of each value.

    Parameters
    ----------
    bits : int from 0 to 8

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Posterize(1)(np.array([[[[127], [200]]]], np.uint8)).ravel().tolist()
    [0, 128]
    """

    kind = "posterize"

    def __init__(self, bits: int) -> None:
        self.bits = _arguments.integer("bits", bits, 0, 8)

    def _parameters(self) -> tuple[float, ...]:
        return (self.bits,)


class RandomPosterize(Posterize):
    """Apply `Posterize` with probability `p`.

    Parameters
    ----------
    bits : int from 0 to 8
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomPosterize(1, 1.0)(np.array([[[[127], [200]]]], np.uint8)).ravel().tolist()
    [0, 128]
    """

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(bits)
        self.p = probability("p", p)


class Solarize(_Tone):
    """Invert all values at or above a threshold.

    Parameters
    ----------
    threshold : float
        Threshold in the units of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Solarize(128)(np.array([[[[100], [200]]]], np.uint8)).ravel().tolist()
    [100, 55]
    """

    kind = "solarize"

    def __init__(self, threshold: float) -> None:
        self.threshold = _arguments.number("threshold", threshold)

    def _parameters(self) -> tuple[float, ...]:
        return (self.threshold,)


class RandomSolarize(Solarize):
    """Apply `Solarize` with probability `p`.

    Parameters
    ----------
    threshold : float
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomSolarize(128, 1.0)(np.array([[[[100], [200]]]], np.uint8)).ravel().tolist()
    [100, 55]
    """

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(threshold)
        self.p = probability("p", p)


class Sharpness(_Tone):
    """Sharpen or smooth images by a factor.

    Parameters
    ----------
    sharpness_factor : float, at least 0
        0 returns the smoothed image, 1 the image itself, 2 an image with twice the difference to
        the smoothed image.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.zeros((1, 3, 3, 1), np.uint8)
    >>> x[0, 1, 1] = 130
    >>> augment.Sharpness(0.0)(x)[0, 1, 1].item()  # the centre has weight 5 / 13
    50
    """

    kind = "sharpness"

    def __init__(self, sharpness_factor: float) -> None:
        self.sharpness_factor = _arguments.number("sharpness_factor", sharpness_factor, 0.0)

    def _parameters(self) -> tuple[float, ...]:
        return (self.sharpness_factor,)


class RandomAdjustSharpness(Sharpness):
    """Apply `Sharpness` with probability `p`.

    Parameters
    ----------
    sharpness_factor : float, at least 0
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)
    >>> bool((augment.RandomAdjustSharpness(1.0, p=1.0)(x) == x).all())
    True
    """

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(sharpness_factor)
        self.p = probability("p", p)
