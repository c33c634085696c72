"""Shows objects: the `repr` as a constructor call, and tables for notebooks."""

import html
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["PasteableRepr", "call_text", "html_table"]


class PasteableRepr:
    """Mix-in class: `repr` is the constructor call, without the arguments at their defaults.

    Every argument of the constructor must be an attribute of the same name.

    Examples
    --------
    >>> class Dropout(PasteableRepr):
    ...     def __init__(self, rate, *, seed=0):
    ...         self.rate, self.seed = rate, seed
    >>> Dropout(0.5)
    Dropout(0.5)
    >>> Dropout(0.5, seed=1)
    Dropout(0.5, seed=1)
    """

    def __repr__(self) -> str:
        return call_text(self)


def call_text(
    value: object, shown: Mapping[str, Any] | None = None, /, **more: tuple[Any, Any]
) -> str:
    """Return the text of the constructor call that makes an equal object.

    The required positional arguments are written without their names, other arguments with theirs.
    An argument at its default is left out.

    Parameters
    ----------
    value : object
    shown : mapping of str to Any, optional
        For arguments whose attribute has another value than the argument, the argument.
    **more : (value, default)
        Arguments that the constructor accepts as ``**options``.
    """
    parts = []
    shown = shown or {}
    for parameter in inspect.signature(type(value)).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in shown:
            given = shown[parameter.name]
        elif hasattr(value, parameter.name):
            given = getattr(value, parameter.name)
        else:  # a user's class that keeps it under another name
            continue
        if parameter.kind is not parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            parts.append(text_of(given))
        elif not _same(given, parameter.default):
            parts.append(f"{parameter.name}={text_of(given)}")
    parts += [
        f"{name}={text_of(given)}"
        for name, (given, default) in more.items()
        if not _same(given, default)
    ]
    return f"{type(value).__name__}({', '.join(parts)})"


def html_table(
    header: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str = ""
) -> str:
    """Return an HTML table, whose text is escaped.

    Examples
    --------
    >>> html_table(["class"], [["<b>"]])
    '<table><thead><tr><th>class</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    head = _html_row("th", header)
    body = "".join(_html_row("td", row) for row in rows)
    return f"<table>{title}<thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, cells: Sequence[object]) -> str:
    inner = "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{inner}</tr>"


def text_of(value: Any) -> str:
    """Return the `repr` of a value; arrays and NumPy numbers as Python lists and numbers."""
    return repr(value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value)


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return value is default
    return bool(value == default)
