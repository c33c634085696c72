"""Parse the command line, run the command, and convert errors to messages and exit codes."""

import argparse
import difflib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn, TextIO

from cnnrs.cli import augment, data, doctor, evaluate, predict, summary, train
from cnnrs.cli.arguments import UsageError, describe_os_error
from cnnrs.errors import CnnrsError

__all__ = ["main"]

COMMANDS = (train, evaluate, predict, summary, data, augment, doctor)
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Argument parser that reports an error in one line and refers to ``--help``."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"cnnrs: error: {message} (see '{self.prog} --help')\n")


class Version(argparse.Action):
    """Print the version, which is looked up only when it is needed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from cnnrs import __version__

        print(f"cnnrs {__version__}")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = Parser(
        prog="cnnrs",
        description="Train, test and use convolutional networks on images, on the CPU.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in COMMANDS:
        command.add_parser(subparsers)
    for name, subparser in subparsers.choices.items():
        subparser.set_defaults(parser=subparser, command=name)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse a command line; exit with code 2 and a message if it is wrong."""
    parser = build_parser()
    arguments, unknown = parser.parse_known_args(argv)
    if arguments.command is None:
        names = ", ".join(command.__name__.rpartition(".")[2] for command in COMMANDS)
        parser.error(f"expected a COMMAND: {names}")
    if unknown:
        options = arguments.parser.format_usage().replace("[", " ").replace("]", " ").split()
        near = difflib.get_close_matches(
            unknown[0].partition("=")[0], [word for word in options if word[:2] == "--"], n=1
        )
        meant = f"; did you mean {near[0]}?" if near else ""
        arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program name. Default: ``sys.argv[1:]``.

    Returns
    -------
    int
        The exit code: 0 success, 1 error, 2 wrong command line, 130 interrupted.

    Examples
    --------
    >>> main(["--version"])                                           # doctest: +ELLIPSIS
    cnnrs ...
    0
    """
    for stream in (sys.stdout, sys.stderr):  # a class name may have letters they cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = _show_warning
        try:
            arguments = parse(argv)
            code: int = arguments.run(arguments)
            sys.stdout.flush()
            return code
        except SystemExit as leave:  # argparse: help, version, a wrong command line
            return leave.code if isinstance(leave.code, int) else 0
        except KeyboardInterrupt:
            return _fail("interrupted", INTERRUPTED, prefix="cnnrs: ")
        except BrokenPipeError:  # the reader of stdout has closed it, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except UsageError as error:
            return _fail(f"{error}", 2)
        except CnnrsError as error:
            return _fail(f"{error}", 1)
        except MemoryError as error:
            return _fail(
                f"out of memory{f': {error}' if str(error) else ''}; try a smaller --batch-size or "
                "smaller images",
                1,
            )
        except OSError as error:
            return _fail(describe_os_error(error), 1)
        except Exception as error:
            hint = (
                ""
                if _debugging()
                else "; this is a bug in cnnrs; run again with CNNRS_DEBUG=1 for the traceback"
            )
            return _fail(f"unexpected {type(error).__name__}: {error}{hint}", 1)


def _fail(message: str, code: int, prefix: str = "cnnrs: error: ") -> int:
    if _debugging():
        traceback.print_exc()
    sys.stdout.flush()
    print(f"{prefix}{message}", file=sys.stderr)
    return code


def _debugging() -> bool:
    return os.environ.get("CNNRS_DEBUG", "") not in ("", "0")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"cnnrs: warning: {message}", file=sys.stderr)
