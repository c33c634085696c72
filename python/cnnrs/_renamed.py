"""Handles the spellings of earlier versions: each says what to write instead.

`names` serves old names of a module, `keywords` old keyword arguments and arguments that are
keyword-only today.
"""

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["keywords", "names"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def names(module: str, new: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module-level ``__getattr__`` that serves old names with a `DeprecationWarning`.

    Parameters
    ----------
    module : str
        The module's ``__name__``.
    new : mapping of str to str
        The new name for each old name.

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
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name} is deprecated; write {module}.{new[name]}")
        return getattr(sys.modules[module], new[name])

    return __getattr__


def keywords(**new: str) -> Callable[[Decorated], Decorated]:
    """Decorate a function or class whose arguments were renamed or became keyword-only.

    An old keyword is passed on under its new name, with a `DeprecationWarning`. Too many positional
    arguments are a `TypeError` that names the keyword.

    Parameters
    ----------
    **new : str
        The new keyword for each old keyword.

    Examples
    --------
    >>> @keywords(colour="color")
    ... def draw(shape, *, color="black", width=1):
    ...     return color
    >>> draw("circle", "red")
    Traceback (most recent call last):
    TypeError: draw() takes 1 positional argument; write color='red'
    """

    def decorate(target: Decorated) -> Decorated:
        if isinstance(target, type):
            target.__init__ = _wrapped(target.__init__, target.__name__, new)  # type: ignore[misc]
            return target
        wrapped: Decorated = _wrapped(target, target.__name__, new)
        return wrapped

    return decorate


def _wrapped(function: Any, label: str, new: Mapping[str, str]) -> Any:
    parameters = inspect.signature(function).parameters.values()
    receives_self = next(iter(parameters)).name == "self"
    positional = sum(item.kind is item.POSITIONAL_OR_KEYWORD for item in parameters)
    keyword_only = [item.name for item in parameters if item.kind is item.KEYWORD_ONLY]

    @functools.wraps(function)
    def call(*arguments: Any, **given: Any) -> Any:
        for old in new.keys() & given.keys():
            if new[old] in given:
                raise TypeError(f"{label}() got {new[old]!r} and its old name {old!r}")
            _warn(f"{label}({old}=) is deprecated; write {new[old]}=")
            given[new[old]] = given.pop(old)
        if len(arguments) > positional and keyword_only:
            extra = zip(keyword_only, arguments[positional:], strict=False)
            spelling = ", ".join(f"{name}={_short(value)}" for name, value in extra)
            count = positional - receives_self
            plural = "" if count == 1 else "s"
            raise TypeError(
                f"{label}() takes {count} positional argument{plural}; write {spelling}"
            )
        return function(*arguments, **given)

    return call


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else "..."


def _warn(message: str) -> None:
    warnings.warn(message, DeprecationWarning, stacklevel=3)
