"""Options and checks that several commands share, and the error for a wrong command line."""

import argparse
import math
import os
import sys

from cnnrs import ops

__all__ = [
    "UsageError",
    "add_data_dir",
    "add_threads",
    "describe_os_error",
    "note",
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
    value = whole(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected at least 1, got 0")
    return value


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


def note(message: str) -> None:
    """Print a message to stderr."""
    print(f"cnnrs: {message}", file=sys.stderr)


def describe_os_error(error: OSError) -> str:
    """Format an error like ``no.png: No such file or directory``."""
    if error.strerror and error.filename is not None:
        name = error.filename
        return f"{name if isinstance(name, int) else os.fsdecode(name)}: {error.strerror}"
    return str(error) or type(error).__name__
