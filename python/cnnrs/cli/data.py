"""``cnnrs data``: what is in a data set: classes, sizes, means and deviations, and images that
stand in two of its parts.

Understood are the names of `cnnrs.datasets`, a folder of class folders (perhaps within ``train``,
``val`` and ``test``), and a folder in the layout of Pascal VOC. Images are read as they are;
nothing is resized.
"""

import argparse
import itertools
from pathlib import Path
from typing import Any

from cnnrs import data, datasets
from cnnrs.cli.arguments import UsageError, add_data_dir
from cnnrs.cli.parts import divided_folders, unknown
from cnnrs.errors import FormatError

__all__ = ["add_parser"]

SHOWN = 5  # images that two parts share


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = (
        "Count classes and sizes, work out means and deviations, and look for images that occur "
        "twice."
    )
    parser = subparsers.add_parser(
        "data", help="show what is in a data set", description=text, allow_abbrev=False
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a folder of class folders, a folder in Pascal VOC's layout, or a known data set",
    )
    parser.add_argument(
        "--channels",
        type=int,
        choices=(1, 3),
        default=3,
        help="read a folder's images as grey or as colour (default: 3)",
    )
    parser.add_argument("--out", metavar="FILE", help="also draw samples into this image file")
    add_data_dir(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the figures of every part, then what they share."""
    parts = load_sources(
        arguments.data, "grey" if arguments.channels == 1 else "rgb", arguments.data_dir
    )
    for name, source in parts.items():
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


def load_sources(name: str, mode: str, data_dir: str | None) -> dict[str, Any]:
    """The parts of a data set by name, as sources that keep the images as they are."""
    if name in datasets.names():
        loaded = datasets.load(name, data_dir)
        parts = {"train": loaded.train, "test": loaded.test}
        return {part: data.arrays(x, y, loaded.class_names) for part, (x, y) in parts.items()}
    root = Path(name).expanduser()
    if not root.exists():
        raise UsageError(unknown(name))
    if (root / "Annotations").is_dir():
        there = [
            split
            for split in ("train", "val", "test")
            if (root / "ImageSets" / "Main" / f"{split}.txt").is_file()
        ]
        parts_of = {split: _voc_split(root, split, mode) for split in there}
        return {split: source for split, source in parts_of.items() if source is not None} or {
            "all": data.voc(root, mode=mode)
        }
    divided = divided_folders(root)
    return (
        {path.name: data.folder(path, mode=mode) for path in divided}
        if divided
        else {"all": data.folder(root, mode=mode)}
    )


def _voc_split(root: Path, split: str, mode: str) -> Any:
    try:
        return data.voc(root, split, mode=mode)
    except FormatError as error:
        if "lists no images" in str(error):  # some tools leave an empty list
            return None
        raise


def _where(source: Any, index: int) -> str:
    named = getattr(source, "describe", None)
    return str(named(index)) if named is not None else f"image {index}"
