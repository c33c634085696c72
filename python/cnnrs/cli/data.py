"""``cnnrs data``: describe a data set: classes, sizes, pixel statistics and duplicates.

DATA is a name of `cnnrs.datasets`, a folder of class folders (possibly within ``train``, ``val``
and ``test``), or a folder in the layout of Pascal VOC. Images are not resized.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

from cnnrs import data, datasets
from cnnrs.cli.arguments import add_data_dir, checked_output
from cnnrs.cli.parts import divided_folders, existing_folder, skipping_advised
from cnnrs.errors import FormatError

__all__ = ["add_parser"]

SHOWN = 5  # shared images to print for each pair of parts


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = (
        "Count classes and image sizes, compute mean and standard deviation of the pixels, and "
        "find images that occur in two parts of the data set."
    )
    parser = subparsers.add_parser(
        "data", help="describe a data set", description=text, allow_abbrev=False
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="name of a data set, folder with one sub-folder of images per class, or folder in the "
        "layout of Pascal VOC",
    )
    parser.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        default=3,
        help="read the images of a folder as grey (1) or colour (3) (default: 3)",
    )
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="skip damaged files of a folder of classes instead of stopping",
    )
    parser.add_argument("--out", metavar="FILE", help="also draw samples to this image file")
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the statistics of every part, then the images that two parts share."""
    if arguments.out:
        from cnnrs.plot.sheet import check_path

        check_path(checked_output(arguments.out), "--out")
    skip = arguments.skip_broken
    mode = "grey" if arguments.channels == 1 else "rgb"
    parts = load_sources(arguments.data, mode, arguments.data_dir, "skip" if skip else "refuse")
    for name, source in parts.items():
        with skipping_advised(skip):
            print(f"{name}: {data.statistics(source)}")
    for (first, one), (second, other) in itertools.combinations(parts.items(), 2):
        shared = data.duplicates(one, other)
        print(f"images both in {first} and in {second}: {len(shared)}")
        for index_one, index_other in shared[:SHOWN]:
            print(f"  {_where(one, index_one)} = {_where(other, index_other)}")
    if arguments.out:
        from cnnrs import plot

        print(f"samples drawn: {plot.samples(next(iter(parts.values())), arguments.out)}")
    return 0


def load_sources(name: str, mode: str, data_dir: str | None, broken: str) -> dict[str, Any]:
    """Return the parts of a data set by name, as sources of unchanged images."""
    if name in datasets.names():
        loaded = datasets.load(name, data_dir)
        return {
            part: data.from_arrays(x, y, class_names=loaded.class_names)
            for part, (x, y) in (("train", loaded.train), ("test", loaded.test))
        }
    root = existing_folder(name)
    if (root / "Annotations").is_dir():
        there = [
            split
            for split in ("train", "val", "test")
            if (root / "ImageSets" / "Main" / f"{split}.txt").is_file()
        ]
        parts_of = {split: _voc_split(root, split, mode) for split in there}
        return {split: source for split, source in parts_of.items() if source is not None} or {
            "all": data.from_voc(root, mode=mode)
        }
    folders = {path.name: path for path in divided_folders(root)} or {"all": root}
    return {
        part: data.from_folder(path, mode=mode, broken=broken) for part, path in folders.items()
    }


def _voc_split(root: Path, split: str, mode: str) -> Any:
    try:
        return data.from_voc(root, split, mode=mode)
    except FormatError as error:
        if "lists no images" in str(error):  # some tools leave an empty list
            return None
        raise


def _where(source: Any, index: int) -> str:
    named = getattr(source, "describe", None)
    return str(named(index)) if named is not None else f"image {index}"
