"""Augmentation: transforms that make many training images out of few, boxes, masks and keypoints
along with them.

Names and arguments are those of torchvision's ``transforms.v2`` where it has the transform. A
transform is called on a batch, ``pipe(images, labels=..., indices=..., epoch=..., seed=...)``, and
returns what it was given, transformed; see `Transform.__call__`. Images are uint8 from 0 to 255 or
float32 from 0 to 1, channels last. A `Compose` is compiled to one pass over each image, in Rust, on
all threads. Randomness is counter-based: sample i in epoch e looks the same in any batch, at any
number of threads, with any instruction set of the CPU, after any resume.

Examples
--------
>>> import numpy as np
>>> from cnnrs import augment
>>> pipe = augment.Compose([augment.RandomCrop(32, padding=4), augment.RandomHorizontalFlip(), augment.Normalize(0.5, 0.25)])
>>> images, labels = pipe(np.zeros((4, 32, 32, 3), np.uint8), labels=np.array([3, 1, 0, 2]), seed=0)
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
