"""``cnnrs augment``: what augmentation makes of an image, before anything is trained on it."""

import argparse

from cnnrs import augment
from cnnrs.cli.arguments import positive, whole
from cnnrs.data import read_image

__all__ = ["add_parser"]

PRESETS = ("photos", "cifar", "mnist")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = "Draw an image, and what a preset of augmentation makes of it in the first epochs."
    parser = subparsers.add_parser(
        "augment",
        help="draw what augmentation makes of an image",
        description=text,
        allow_abbrev=False,
    )
    parser.add_argument("image", metavar="IMAGE", help="an image file")
    parser.add_argument("--out", metavar="FILE", required=True, help="the image file to draw into")
    parser.add_argument(
        "--preset", choices=PRESETS, default=PRESETS[0], help="the pipeline (default: photos)"
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=15,
        metavar="N",
        help="how many epochs to draw (default: 15)",
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="of the randomness (default: 0)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw, and say what was drawn."""
    from cnnrs import plot

    image = read_image(arguments.image, "grey" if arguments.preset == "mnist" else "rgb")
    pipe = getattr(augment.presets, arguments.preset)()
    path = plot.augmentations(
        image, pipe, arguments.out, count=arguments.count, seed=arguments.seed
    )
    print(f"{path}: {arguments.image} in {arguments.count} epochs of {pipe!r}")
    return 0
