"""Handles spellings of earlier versions and of other libraries: each says what to write instead.

`names` serves old names of a module, `keywords` old and unknown keyword arguments, and arguments
that are keyword-only today.
"""

import difflib
import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from cnnrs.errors import DTypeError

__all__ = ["keywords", "names"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def names(
    module: str, new: Mapping[str, str], gone: Mapping[str, str] | None = None
) -> Callable[[str], Any]:
    """Return a module-level ``__getattr__`` that serves old names with a `DeprecationWarning`.

    Parameters
    ----------
    module : str
        The module's ``__name__``.
    new : mapping of str to str
        The new name for each old name.
    gone : mapping of str to str, optional
        For names without a successor in the module: what to use instead.

    Examples
    --------
    >>> import warnings
    >>> lookup = names("math", {"square_root": "sqrt"})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     lookup("square_root")(9)
    3.0
    >>> print(caught[0].message)
    math.square_root is deprecated; write math.sqrt
    """

    def __getattr__(name: str) -> Any:
        if name not in new:
            hint = f"; use {gone[name]}" if gone and name in gone else ""
            raise AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
        _warn(f"{module}.{name} is deprecated; write {module}.{new[name]}")
        return getattr(sys.modules[module], new[name])

    return __getattr__


def keywords(
    hints: Mapping[str, str] | None = None, /, *, note: str = "", **new: str
) -> Callable[[Decorated], Decorated]:
    """Decorate a function or class so that a call with wrong arguments says what to write.

    An old keyword is passed on under its new name, with a `DeprecationWarning`. An unknown keyword,
    or too many positional arguments, are a `DTypeError`, which is a `TypeError`. The signature that
    ``help`` shows stays the same.

    Parameters
    ----------
    hints : mapping of str to str, optional
        For keywords that other libraries use, what to write instead: an argument (``"epochs="``) or
        a few words. An argument that the function does not have is no hint.
    note : str
        Added to the error about too many positional arguments.
    **new : str
        The new keyword for each old keyword.

    Examples
    --------
    >>> @keywords({"ink": "color="}, colour="color")
    ... def draw(shape, *, color="black", width=1):
    ...     return color
    >>> draw("circle", "red")
    Traceback (most recent call last):
    cnnrs.errors.DTypeError: draw() takes 1 positional argument; write color='red'
    >>> draw("circle", ink="red")
    Traceback (most recent call last):
    cnnrs.errors.DTypeError: draw: unknown argument 'ink'; write color=
    """

    def decorate(target: Decorated) -> Decorated:
        if isinstance(target, type):
            constructor: Any = vars(target)["__init__"]
            wrapped_constructor = _wrapped(constructor, target.__name__, new, hints or {}, note)
            setattr(target, "__init__", wrapped_constructor)  # noqa: B010
            return target
        label = target.__qualname__.removesuffix(".__init__").rpartition(".")[2]
        wrapped: Decorated = _wrapped(target, label, new, hints or {}, note)
        return wrapped

    return decorate


def _wrapped(
    function: Any, label: str, new: Mapping[str, str], hints: Mapping[str, str], note: str
) -> Any:
    parameters = inspect.signature(function).parameters.values()
    receives_self = next(iter(parameters)).name == "self"
    positional = [item.name for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
    keyword_only = [item.name for item in parameters if item.kind is item.KEYWORD_ONLY]
    known = [*positional, *keyword_only][receives_self:]
    kinds = {item.kind for item in parameters}
    any_position = inspect.Parameter.VAR_POSITIONAL in kinds
    any_keyword = inspect.Parameter.VAR_KEYWORD in kinds

    def shown(arguments: tuple[Any, ...]) -> str:
        """Return the name of the class that is made, if it inherits this constructor."""
        inherits = arguments and getattr(type(arguments[0]), "__init__", None) is call
        return type(arguments[0]).__name__ if inherits else label

    @functools.wraps(function)
    def call(*arguments: Any, **given: Any) -> Any:
        for old in new.keys() & given.keys():
            if new[old] in given:
                raise DTypeError(f"{label}() got {new[old]!r} and its old name {old!r}")
            _warn(f"{label}({old}=) is deprecated; write {new[old]}=")
            given[new[old]] = given.pop(old)
        if len(arguments) > len(positional) and keyword_only and not any_position:
            extra = zip(keyword_only, arguments[len(positional) :], strict=False)
            spelling = ", ".join(f"{name}={_short(value)}" for name, value in extra)
            count = len(positional) - receives_self
            plural = "" if count == 1 else "s"
            raise DTypeError(
                f"{shown(arguments)}() takes {count} positional argument{plural}; write "
                f"{spelling}{note}"
            )
        for name in given:
            if name not in known and not any_keyword:
                raise DTypeError(_unknown(shown(arguments), name, known, hints))
        return function(*arguments, **given)

    return call


def _unknown(label: str, name: str, known: Sequence[str], hints: Mapping[str, str]) -> str:
    hint = hints.get(name)
    if hint is not None and (hint[:-1] in known or not hint.removesuffix("=").isidentifier()):
        advice = f"write {hint}"
    elif close := difflib.get_close_matches(name, known, n=1):
        advice = f"did you mean {close[0]}=?"
    else:
        advice = f"expected one of {', '.join(known)}" if known else "it takes no arguments"
    return f"{label}: unknown argument {name!r}; {advice}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else "..."


def _warn(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=3)
