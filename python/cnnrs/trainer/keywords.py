"""Refuse unknown arguments of a function with a message that says what to write instead."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from cnnrs.errors import DTypeError

__all__ = ["with_hints"]

P = ParamSpec("P")
R = TypeVar("R")


def with_hints(label: str, hints: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that a call with unknown or too many arguments says what to write.

    Parameters
    ----------
    label : str
        Name of the function in messages.
    hints : mapping of str to str
        For names that other libraries use: what to write in cnnrs.

    Returns
    -------
    callable
        A decorator. The decorated function raises `DTypeError`, which is a `TypeError`.

    Examples
    --------
    >>> @with_hints("fit", {"nb_epoch": "epochs="})
    ... def fit(data, *, epochs=1): ...
    >>> fit([], nb_epoch=3)
    Traceback (most recent call last):
    cnnrs.errors.DTypeError: fit: unknown argument 'nb_epoch'; write epochs=
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        positional, keyword = names[: code.co_argcount], names[code.co_argcount :]

        @functools.wraps(function)
        def checked(*arguments: P.args, **named: P.kwargs) -> R:
            if len(arguments) > len(positional):
                raise DTypeError(_too_many(label, positional, keyword, len(arguments)))
            for name in named:
                if name not in names:
                    raise DTypeError(_unknown(label, name, names, hints))
            return function(*arguments, **named)

        return checked

    return decorate


def _too_many(label: str, positional: tuple[str, ...], keyword: tuple[str, ...], count: int) -> str:
    shown = [name for name in positional if name != "self"]
    hidden = len(positional) - len(shown)
    call = ", ".join([*shown, *(f"{name}=..." for name in keyword[:2])])
    return (
        f"{label}: expected at most {len(shown)} argument{'s' * (len(shown) > 1)} by position "
        f"({', '.join(shown)}), got {count - hidden}; write the others by name: {label}({call})"
    )


def _unknown(label: str, name: str, names: tuple[str, ...], hints: Mapping[str, str]) -> str:
    known = [other for other in names if other != "self"]
    if name in hints:
        advice = f"write {hints[name]}"
    elif close := difflib.get_close_matches(name, known, n=1):
        advice = f"did you mean {close[0]}=?"
    else:
        advice = f"expected one of {', '.join(known)}"
    return f"{label}: unknown argument {name!r}; {advice}"
