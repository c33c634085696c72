"""``cnnrs summary``: the layers of a model file, with shapes, parameters, multiply-adds and
receptive field.
"""

import argparse

from cnnrs.cli.models import load_model

__all__ = ["add_parser"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "summary",
        help="show the layers of a model",
        description="Show the layers of a model.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="a .cnnrs file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the summary."""
    print(load_model(arguments.model).summary())
    return 0
