"""``cnnrs predict``: print the most probable classes of image files.

Each image is converted to grey or colour and resized, as the model needs. Values stay 0 to 255; the
first layer of the model scales them. A damaged file is reported, and the others are predicted.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from cnnrs.cli.arguments import add_threads, describe_os_error, log, positive, set_threads
from cnnrs.cli.models import class_names_of, image_shape_of, load_model
from cnnrs.data import image_size, read_image
from cnnrs.errors import CnnrsError, FormatError

__all__ = ["add_parser"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = (
        "Print the most probable classes of images, one line each: the file, then each class with "
        "its probability."
    )
    parser = subparsers.add_parser(
        "predict", help="classify images", description=text, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="model file (.cnnrs)")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="image file")
    parser.add_argument(
        "--top",
        type=positive,
        default=3,
        metavar="N",
        help="number of classes to print (default: 3)",
    )
    add_threads(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one line per image; exit code 1 if an image could not be read."""
    set_threads(arguments)
    model = load_model(arguments.model)
    height, width, channels = image_shape_of(model, arguments.model)
    names = class_names_of(model)
    failed = False
    for path in arguments.images:
        try:
            if Path(path).is_dir():
                raise FormatError(f"{path}: expected an image file, got a folder")
            found = image_size(path)
            image = read_image(path, "grey" if channels == 1 else "rgb", size=(height, width))
        except (CnnrsError, OSError) as error:
            sys.stdout.flush()
            message = describe_os_error(error) if isinstance(error, OSError) else error
            print(f"cnnrs: error: {message}", file=sys.stderr)
            failed = True
            continue
        if found != (height, width):
            log(f"{path}: resized from {found[0]}x{found[1]} to {height}x{width} (height x width)")
        labels, probabilities = model.top_k(image[np.newaxis], min(arguments.top, len(names)))
        best = zip(labels[0], probabilities[0], strict=True)
        print(
            f"{path}: "
            + ", ".join(f"{names[label]} {100 * probability:.2f} %" for label, probability in best),
            flush=True,
        )
    return 1 if failed else 0
