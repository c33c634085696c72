"""Augmentation: ``pipe(x)`` twice returns the same images, since all randomness is a function of
seed, epoch and the index of the sample; ``pipe.random(x)`` returns new ones in every call.

Transforms vary training images, together with their boxes, masks and keypoints. Names and arguments
are those of torchvision's ``transforms.v2`` where it has the transform. A transform is called on a
batch, ``pipe(images, labels=..., indices=..., epoch=..., seed=...)``, and returns the images and
the given targets, transformed; see `Transform.__call__`. Images are uint8 from 0 to 255 or float32
from 0 to 1, channels last. A `Compose` is compiled to one pass over each image, in Rust, on all
threads. Sample i in epoch e is the same in any batch, with any number of threads, with any
instruction set of the CPU, and after resuming from a checkpoint.

Examples
--------
>>> import numpy as np
>>> from cnnrs import augment
>>> crop, flip = augment.RandomCrop(32, padding=4), augment.RandomHorizontalFlip()
>>> pipe = augment.Compose([crop, flip, augment.Normalize(0.5, 0.25)])
>>> pipe
Compose([RandomCrop((32, 32), padding=(4, 4, 4, 4)), RandomHorizontalFlip(), Normalize(0.5, 0.25)])
>>> x = np.zeros((4, 32, 32, 3), np.uint8)
>>> images, labels = pipe(x, labels=np.array([3, 1, 0, 2]), epoch=0, seed=0)
>>> images.shape, labels.tolist()
((4, 32, 32, 3), [3, 1, 0, 2])
"""

from cnnrs.augment import presets
from cnnrs.augment.auto import RandAugment, TrivialAugment
from cnnrs.augment.color import ColorJitter, Grayscale, PCAColor, RandomGrayscale
from cnnrs.augment.compose import Compose, Lambda, OneOf, RandomApply
from cnnrs.augment.crop import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomTranslate,
    RandomVerticalFlip,
)
from cnnrs.augment.expand import Expanded, expand
from cnnrs.augment.mix import CutMix, MixUp, Mosaic
from cnnrs.augment.noise import Cutout, GaussianBlur, GaussianNoise, RandomErasing
from cnnrs.augment.normalize import Normalize, ToFloat
from cnnrs.augment.resize import RandomResizedCrop, Resize
from cnnrs.augment.tone import (
    AutoContrast,
    Equalize,
    Invert,
    Posterize,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
    Sharpness,
    Solarize,
)
from cnnrs.augment.transform import Transform
from cnnrs.augment.warp import ElasticTransform, RandomAffine, RandomPerspective, RandomRotation

__all__ = [
    "AutoContrast",
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "ElasticTransform",
    "Equalize",
    "Expanded",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "Invert",
    "Lambda",
    "MixUp",
    "Mosaic",
    "Normalize",
    "OneOf",
    "PCAColor",
    "Pad",
    "Posterize",
    "RandAugment",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSolarize",
    "RandomTranslate",
    "RandomVerticalFlip",
    "Resize",
    "Sharpness",
    "Solarize",
    "ToFloat",
    "Transform",
    "TrivialAugment",
    "expand",
    "presets",
]
