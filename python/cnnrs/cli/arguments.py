"""What the commands' arguments have in common: the checks of numbers and paths, and the error for a
wrong command line.
"""

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
    """An argument that no parser can refuse by its form alone; exit code 2."""


def whole(text: str) -> int:
    """A whole number from 0 on."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, got {text!r}") from None
    if not 0 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2**63 - 1, got {text}")
    return value


def positive(text: str) -> int:
    """A whole number from 1 on."""
    value = whole(text)
    if value == 0:
        raise argparse.ArgumentTypeError("expected at least 1, got 0")
    return value


def positive_rate(text: str) -> float:
    """A finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a finite number above 0, got {text}")
    return value


def add_threads(parser: argparse.ArgumentParser) -> None:
    """The option ``--threads``."""
    parser.add_argument(
        "--threads",
        type=positive,
        metavar="N",
        help="threads to compute with (default: all); changes no result",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option ``--data-dir``."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where the files of a named data set are; else $CNNRS_DATA, the cache, a download",
    )


def set_threads(arguments: argparse.Namespace) -> None:
    """Honour ``--threads``."""
    if arguments.threads is not None:
        ops.set_num_threads(arguments.threads)


def note(message: str) -> None:
    """Tell something beside the result."""
    print(f"cnnrs: {message}", file=sys.stderr)


def describe_os_error(error: OSError) -> str:
    """Such as ``no.png: No such file or directory``."""
    if error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename) if not isinstance(error.filename, int) else error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
