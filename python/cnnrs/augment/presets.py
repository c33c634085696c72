"""Ready-made pipelines that keep labels correct for one kind of image.

Digits are shifted, rotated and scaled a little, but never flipped: a flipped 3 is not a 3, and a 6
upside down is a 9. `cifar` and `photos` flip left and right, but not upside down. Write your own
pipeline where left and right, or colours, determine the label (road signs, ripe fruit). None of the
presets normalises. Normalise in the first layer of the model, which is saved with it.
"""

from __future__ import annotations

from typing import Any

from cnnrs import _arguments
from cnnrs.augment.color import ColorJitter
from cnnrs.augment.compose import Compose
from cnnrs.augment.crop import RandomCrop, RandomHorizontalFlip
from cnnrs.augment.resize import RandomResizedCrop
from cnnrs.augment.warp import RandomAffine

__all__ = ["cifar", "mnist", "photos"]


def mnist() -> Compose:
    """Distort handwriting a little, without flips.

    Rotate by up to 10°, shift by up to 7 % (2 pixels of 28), scale by up to 10 % and shear by up to
    8°.

    Returns
    -------
    Compose
        A pipeline that keeps size and dtype.

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998 (section III.C).

    Examples
    --------
    >>> import cnnrs
    >>> digits = cnnrs.datasets.load("digits")
    >>> mnist()(digits.x_train[:5]).shape
    (5, 8, 8, 1)
    """
    return Compose([RandomAffine(10, translate=(0.07, 0.07), scale=(0.9, 1.1), shear=8)])


def cifar(size: Any = 32) -> Compose:
    """Pad small photos by an eighth on each side (4 pixels of 32), crop, and flip half of them.

    Parameters
    ----------
    size : int or pair (height, width)
        Size of the images, in pixels.

    Returns
    -------
    Compose
        A pipeline that keeps size and dtype.

    References
    ----------
    K. He et al.: Deep Residual Learning for Image Recognition. CVPR 2016 (section 4.2).
    """
    height, width = _arguments.pair("size", size)
    return Compose(
        [
            RandomCrop((height, width), padding=max(1, max(height, width) // 8)),
            RandomHorizontalFlip(),
        ]
    )


def photos(size: Any = 224) -> Compose:
    """Crop 8 to 100 % of the area of photos, resize, flip half of them, jitter colours.

    Parameters
    ----------
    size : int or pair (height, width)
        Size of the result, in pixels.

    Returns
    -------
    Compose
        A pipeline that keeps the dtype.

    References
    ----------
    C. Szegedy et al.: Going Deeper with Convolutions. CVPR 2015 (section 6); later recipes
    add colour jitter.
    """
    return Compose(
        [
            RandomResizedCrop(size),
            RandomHorizontalFlip(),
            ColorJitter(0.3, 0.3, saturation=0.3, hue=0.1),
        ]
    )
