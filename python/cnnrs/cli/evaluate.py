"""``cnnrs evaluate``: test a model on images that it was not trained on."""

import argparse

import numpy as np
from numpy.typing import NDArray

from cnnrs.cli.arguments import add_data_dir, add_threads, log, set_threads, whole
from cnnrs.cli.models import class_names_of, image_shape_of, load_model
from cnnrs.cli.parts import FolderOptions, load_parts, load_whole
from cnnrs.cli.report import print_report
from cnnrs.errors import ShapeError

__all__ = ["add_parser"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = (
        "Test a model and print the confusion matrix, precision and recall of each class, and the "
        "accuracy. A named data set is tested on its official test images. A folder is tested on "
        "its sub-folder 'test' or, if it has none, on the images that 'cnnrs train FOLDER' with "
        "the same --seed keeps for the test. --all uses every image."
    )
    parser = subparsers.add_parser(
        "evaluate", help="test a model", description=text, allow_abbrev=False
    )
    parser.add_argument("model", metavar="MODEL", help="model file (.cnnrs)")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="digits, mnist, fashion-mnist, cifar10, or a folder with one sub-folder of images per "
        "class",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="use every image, including those that the model may have been trained on",
    )
    parser.add_argument(
        "--seed",
        type=whole,
        default=0,
        metavar="N",
        help="seed of the split of a folder (default: 0)",
    )
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="skip damaged image files instead of stopping",
    )
    add_data_dir(parser)
    add_threads(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report."""
    set_threads(arguments)
    model = load_model(arguments.model)
    shape = image_shape_of(model, arguments.model)
    options = FolderOptions(shape[:2], shape[2], arguments.skip_broken)
    if arguments.all:
        (images, labels), data_names, description = load_whole(
            arguments.data, options, arguments.data_dir
        )
    else:
        parts = load_parts(arguments.data, options, arguments.data_dir, arguments.seed)
        (images, labels), data_names, description = parts.test, parts.class_names, parts.description
    if images.shape[1:] != shape:
        raise ShapeError(
            f"{arguments.model} takes images of {_text(shape)}, but the images of {arguments.data} "
            f"are {_text(images.shape[1:])}"
        )
    log(f"{description}; {'every image' if arguments.all else 'the test part'}")
    names = class_names_of(model)
    by_number = model.class_names is None
    labels = translated(labels, data_names, names, by_number, arguments.data)
    print_report(model, images, labels, names)
    return 0


def translated(
    labels: NDArray[np.int64],
    from_names: tuple[str, ...],
    to_names: tuple[str, ...],
    by_number: bool,
    data: str,
) -> NDArray[np.int64]:
    """Convert labels of the data to labels of the model, by class name, or by number without names.

    Raises
    ------
    ShapeError
        If the data has a class that the model does not have.
    """
    if by_number and len(from_names) <= len(to_names):
        return labels
    unknown = [name for name in from_names if name not in to_names]
    if unknown or by_number:
        missing = f"{unknown[0]!r}" if unknown else f"number {len(to_names)}"
        raise ShapeError(
            f"{data} has the class {missing}, which the model does not have; expected only classes "
            f"of the model: {', '.join(to_names[:10])}{', ...' if len(to_names) > 10 else ''}"
        )
    return np.array([to_names.index(name) for name in from_names], dtype=np.int64)[labels]


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
