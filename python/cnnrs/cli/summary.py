"""``cnnrs summary``: print the layers of a model file."""

import argparse

from cnnrs.cli.models import load_model

__all__ = ["add_parser"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "summary",
        help="show the layers of a model",
        description="Show the layers of a model with shapes, parameters, multiply-adds and "
        "receptive fields.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="model file (.cnnrs)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the summary."""
    print(load_model(arguments.model).summary())
    return 0
