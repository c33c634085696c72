"""Compare the results of `cnnrs.augment` with torchvision on photos.

    python benches/compare_torchvision.py FOLDER

Print the largest difference of each operation over the photos of a folder, in levels of 255, and
the bound: two for colours, one for resizing, none where values are only moved or looked up. The
exit status is 1 if a difference exceeds its bound. Both libraries are imported into one process, so
this needs an environment with torchvision and cnnrs. No test needs it; the formulas that it
confirms are tested in ``tests/augment/test_golden.py``.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as theirs

from cnnrs import augment


def pair(value):
    """Return a range of one value."""
    return (value, value)


def cases():
    """Yield the cases: name, transform of cnnrs, function of torchvision, bound in levels.

    The function of torchvision takes a uint8 tensor (3, height, width).
    """
    for factor in (0.0, 0.5, 0.9, 1.4, 2.5):
        yield (
            f"brightness {factor}",
            augment.ColorJitter(brightness=pair(factor)),
            lambda x, f=factor: theirs.adjust_brightness(x, f),
            2,
        )
        yield (
            f"contrast {factor}",
            augment.ColorJitter(contrast=pair(factor)),
            lambda x, f=factor: theirs.adjust_contrast(x, f),
            2,
        )
        yield (
            f"saturation {factor}",
            augment.ColorJitter(saturation=pair(factor)),
            lambda x, f=factor: theirs.adjust_saturation(x, f),
            2,
        )
        yield (
            f"sharpness {factor}",
            augment.Sharpness(factor),
            lambda x, f=factor: theirs.adjust_sharpness(x, f),
            2,
        )
    for turn in (-0.5, -0.3, -0.1, 0.05, 0.25, 0.45):
        yield (
            f"hue {turn}",
            augment.ColorJitter(hue=pair(turn)),
            lambda x, f=turn: theirs.adjust_hue(x, f),
            2,
        )
    yield "grey", augment.Grayscale(3), lambda x: theirs.rgb_to_grayscale(x, 3), 2
    yield "autocontrast", augment.AutoContrast(), theirs.autocontrast, 2
    yield "equalize", augment.Equalize(), theirs.equalize, 0
    yield "invert", augment.Invert(), theirs.invert, 0
    yield "posterize 3", augment.Posterize(3), lambda x: theirs.posterize(x, 3), 0
    yield "solarize 100", augment.Solarize(100), lambda x: theirs.solarize(x, 100), 0
    yield (
        "gaussian blur 7, 1.7",
        augment.GaussianBlur(7, 1.7),
        lambda x: theirs.gaussian_blur(x, 7, 1.7),
        2,
    )
    yield "flip", augment.RandomHorizontalFlip(1.0), theirs.horizontal_flip, 0
    yield "centre crop 150", augment.CenterCrop(150), lambda x: theirs.center_crop(x, 150), 0
    for size in ((64, 80), (224, 224), (600, 500)):
        yield (
            f"resize {size}",
            augment.Resize(size),
            lambda x, s=size: theirs.resize(x, s, antialias=True),
            1,
        )
    plain = {"interpolation": InterpolationMode.BILINEAR, "antialias": False}
    yield (
        "resize 224, plain",
        augment.Resize((224, 224), antialias=False),
        lambda x: theirs.resize(x, (224, 224), **plain),
        1,
    )


def seen_by_us(transform, photo):
    """Apply a transform of cnnrs to a photo."""
    return transform(photo[None])[0].astype(int)


def seen_by_them(function, photo):
    """Apply a function of torchvision to a photo."""
    return function(torch.from_numpy(photo).permute(2, 0, 1)).permute(1, 2, 0).numpy().astype(int)


def main():
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of photos")
    parser.add_argument(
        "--count", type=int, default=20, help="number of photos, in the order of their names"
    )
    arguments = parser.parse_args()
    files = sorted(
        path
        for path in Path(arguments.folder).rglob("*")
        if path.suffix.lower() in (".jpg", ".jpeg", ".png")
    )
    photos = [np.array(Image.open(file).convert("RGB")) for file in files[: arguments.count]]
    print(f"{len(photos)} photos")
    failed = False
    for name, transform, function, allowed in cases():
        differences = [
            np.abs(seen_by_us(transform, photo) - seen_by_them(function, photo)) for photo in photos
        ]
        largest = max(int(difference.max()) for difference in differences)
        mean = np.mean([difference.mean() for difference in differences])
        failed |= largest > allowed
        print(
            f"{name:<22} largest {largest:3d} of {allowed} allowed, mean "
            f"{mean:.4f}{'' if largest <= allowed else '  <-- too much'}"
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
