"""Options and checks that several commands share, and the error for a wrong command line."""

import argparse
import math
import os
import sys
from pathlib import Path

from cnnrs import ops

__all__ = [
    "UsageError",
    "add_data_dir",
    "add_threads",
    "checked_output",
    "describe_os_error",
    "log",
    "positive",
    "positive_rate",
    "set_threads",
    "whole",
]


class UsageError(Exception):
    """Error for an argument that the parser accepts but the command cannot use; exit code 2."""


def whole(text: str) -> int:
    """Parse an integer of at least 0."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**63 - 1, got {text}")
    return value


def positive(text: str) -> int:
    """Parse an integer of at least 1."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {text}")
    return whole(text)


def positive_rate(text: str) -> float:
    """Parse a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text}")
    return value


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--threads``."""
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="number of threads (default: all); does not affect the results",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--data-dir``."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder with the files of a named data set (default: $CNNRS_DATA, then the cache "
        "folder, then a download)",
    )


def set_threads(arguments: argparse.Namespace) -> None:
    """Apply ``--threads``."""
    if arguments.threads is not None:
        ops.set_num_threads(arguments.threads)


def checked_output(out: str) -> Path:
    """Return the path of ``--out``. Refuse a path that cannot be written before the work starts."""
    target = Path(out).expanduser()
    if target.is_dir():
        raise UsageError(f"--out {out}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {target.parent}; create it first")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(
            f"{target.parent}: cannot write to this folder; choose another with --out FILE"
        )
    return target


def log(message: str) -> None:
    """Print a message to stderr."""
    print(f"cnnrs: {message}", file=sys.stderr)


def describe_os_error(error: OSError) -> str:
    """Format an error like ``no.png: No such file or directory``."""
    if error.strerror and error.filename is not None:
        name = error.filename
        return f"{name if isinstance(name, int) else os.fsdecode(name)}: {error.strerror}"
    return str(error) or type(error).__name__
