"""Pipelines for kinds of images, from what keeps a label true.

A flipped 3 is no 3, and a 6 upside down is a 9: digits are shifted, turned and scaled a little,
never flipped. A photo of a thing stays one in a mirror, but seldom upside down: `cifar` and
`photos` flip left and right only. Where left and right, or colours, are the label (road signs, ripe
fruit), make a pipeline of your own. None of the presets normalises: that belongs to the model's
first layer, which is saved with it.
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
    """Small distortions of handwriting: up to 10° and 2 pixels of 28, a tenth larger or smaller,
    slanted up to 8°; no flips.

    Returns
    -------
    Compose
        Keeps size and dtype.

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
    """For small photos: a crop after an eighth of zeros on each side (4 pixels of 32), and a mirror
    image for every second one.

    Parameters
    ----------
    size : int or pair (height, width)
        Of the images, in pixels.

    Returns
    -------
    Compose
        Keeps size and dtype.

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
    """For photos of any size: a random part of 8 to 100 % of the area, resized; a mirror image for
    every second one; jittered colours.

    Parameters
    ----------
    size : int or pair (height, width)
        Of the result, in pixels.

    Returns
    -------
    Compose
        Keeps the dtype.

    References
    ----------
    C. Szegedy et al.: Going Deeper with Convolutions. CVPR 2015 (section 6); the jitter as in many
    recipes since.
    """
    return Compose(
        [RandomResizedCrop(size), RandomHorizontalFlip(), ColorJitter(0.3, 0.3, 0.3, 0.1)]
    )
