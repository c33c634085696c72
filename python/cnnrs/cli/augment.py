"""``cnnrs augment``: draw an image and its augmented versions."""

import argparse

from cnnrs import augment
from cnnrs.cli.arguments import checked_output, positive, whole
from cnnrs.data import read_image

__all__ = ["add_parser"]

PRESETS = ("photos", "cifar", "mnist")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = "Draw an image and its augmented versions in the first epochs of a training."
    parser = subparsers.add_parser(
        "augment",
        help="draw augmented versions of an image",
        description=text,
        allow_abbrev=False,
    )
    parser.add_argument("image", metavar="IMAGE", help="an image file")
    parser.add_argument("--out", metavar="FILE", required=True, help="image file to write")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default=PRESETS[0],
        help="augmentation pipeline (default: photos)",
    )
    parser.add_argument(
        "--count",
        type=positive,
        default=15,
        metavar="N",
        help="number of epochs to draw (default: 15)",
    )
    parser.add_argument(
        "--seed", type=whole, default=0, metavar="N", help="random seed (default: 0)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the image and print what was drawn."""
    from cnnrs import plot
    from cnnrs.plot.sheet import check_path

    target = check_path(checked_output(arguments.out), "--out")
    image = read_image(arguments.image, "grey" if arguments.preset == "mnist" else "rgb")
    pipe = getattr(augment.presets, arguments.preset)()
    path = plot.augmentations(image, pipe, target, count=arguments.count, seed=arguments.seed)
    print(f"{path}: {arguments.image} in {arguments.count} epochs of {pipe!r}")
    return 0
