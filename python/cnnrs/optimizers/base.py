"""What all optimizers have in common: the learning rate, decay, clipping, and groups of parameters
with settings of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar, TypeAlias, TypedDict, Unpack

import numpy as np

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, DTypeError

__all__ = ["Group", "Optimizer", "Options", "Settings"]

Schedule: TypeAlias = Callable[[float, int], float]
Matcher: TypeAlias = str | Callable[[str, Any], bool]


@dataclass(frozen=True)
class Group:
    """Settings of their own for some parameters; what is None is as for the others.

    Parameters
    ----------
    match : str or callable
        A pattern of parameter names such as ``"conv2d_*.weight"`` or ``"dense_1.*"``, or a function
        ``f(name, parameter) -> bool``.
    rate_factor : float
        By which the learning rate is multiplied.
    weight_decay, l1, max_norm : float, optional

    Examples
    --------
    >>> Group("head.*", rate_factor=10).matches("head.bias", None)
    True
    """

    match: Matcher
    rate_factor: float = 1.0
    weight_decay: float | None = None
    l1: float | None = None
    max_norm: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.match, str) and not callable(self.match):
            raise DTypeError(
                "match: expected a pattern of names or a function of name and parameter, got "
                f"{self.match!r}"
            )
        _arguments.number("rate_factor", self.rate_factor, 0)
        for name in ("weight_decay", "l1"):
            if getattr(self, name) is not None:
                _arguments.number(name, getattr(self, name), 0)
        _above_zero("max_norm", self.max_norm)

    def matches(self, name: str, parameter: Any) -> bool:
        """Whether a parameter belongs to the group."""
        return (
            fnmatchcase(name, self.match)
            if isinstance(self.match, str)
            else bool(self.match(name, parameter))
        )


class Options(TypedDict, total=False):
    """What every optimizer takes beside its own settings.

    Attributes
    ----------
    weight_decay : float
        How strongly weights are pulled towards zero; at least 0.
    decay_biases : bool
        Whether biases, and other parameters with one axis such as those of norms, decay too; by
        default they do not, nor does `l1` or `max_norm` touch them.
    l1 : float
        Adds ``l1 · sign(w)`` to the gradient, which drives small weights to zero.
    clip_norm : float, optional
        The gradient of all parameters together is scaled down to this Euclidean norm where it is
        longer.
    clip_value : float, optional
        Each value of the gradient is brought into ``-clip_value .. clip_value``, after `clip_norm`.
    max_norm : float, optional
        After each update the incoming weights of each unit (a column of a dense layer, a filter of
        a convolution) are scaled down to this Euclidean norm where they are longer.
    groups : sequence of Group
        Settings for some of the parameters; the first group that matches counts.
    """

    weight_decay: float
    decay_biases: bool
    l1: float
    clip_norm: float | None
    clip_value: float | None
    max_norm: float | None
    groups: Sequence[Group]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a stretch of the parameters in one update.

    Attributes
    ----------
    learning_rate, weight_decay, l1 : float
    step : int
        How many updates of these parameters came before; those while their layer was frozen do not
        count.
    gradient_scale : float
        The gradient is to be multiplied by this, and then
    gradient_limit : float or None
        brought into ``-gradient_limit .. gradient_limit``.
    shape : tuple of int or None
        Of the parameter, for optimizers with `Optimizer.by_parameter`.
    head : bool
        Whether the parameter belongs to the last layer; for optimizers with
        `Optimizer.by_parameter`.
    """

    learning_rate: float
    weight_decay: float = 0.0
    l1: float = 0.0
    step: int = 0
    gradient_scale: float = 1.0
    gradient_limit: float | None = None
    shape: tuple[int, ...] | None = None
    head: bool = False

    def slope(self, parameter: Any, gradient: Any) -> Any:
        """The gradient as an update should take it, in NumPy: scaled, clipped, and with decay and
        `l1` added.
        """
        result = gradient * self.gradient_scale
        if self.gradient_limit is not None:
            np.clip(result, -self.gradient_limit, self.gradient_limit, out=result)
        if self.l1:
            result += self.l1 * np.sign(parameter)
        return result + self.weight_decay * parameter if self.weight_decay else result


class Optimizer:
    """Base class of optimizers; one of your own defines `update`, and `slots` if it remembers
    something.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``; see `cnnrs.schedules`.
    **options
        See `Options`.

    Attributes
    ----------
    slots : tuple of str
        Names of the arrays that the optimizer remembers; each has the layout of the parameters.
    by_parameter : bool
        Whether `update` wants every parameter by itself, with its shape, and not long stretches of
        many.

    Examples
    --------
    Descent along the signs of the gradient:

    >>> import numpy as np
    >>> class SignDescent(Optimizer):
    ...     def update(self, parameter, gradient, state, settings):
    ...         parameter -= settings.learning_rate * np.sign(settings.slope(parameter, gradient))
    >>> weights = np.array([1.0, 2.0])
    >>> SignDescent(0.5).update(weights, np.array([3.0, -0.1]), {}, Settings(0.5))
    >>> weights
    array([0.5, 2.5])
    """

    slots: tuple[str, ...] = ()
    by_parameter: ClassVar[bool] = False
    arguments: ClassVar[tuple[str, ...]] = ()

    def __init__(self, learning_rate: float | Schedule = 0.01, **options: Unpack[Options]) -> None:
        if not callable(learning_rate):
            learning_rate = _arguments.number("learning_rate", learning_rate, 0)
        self.learning_rate = learning_rate
        unknown = set(options) - Options.__annotations__.keys()
        if unknown:
            raise TypeError(
                f"{type(self).__name__}() got an unexpected keyword argument {min(unknown)!r}"
            )
        self.weight_decay = _arguments.number("weight_decay", options.get("weight_decay", 0.0), 0)
        self.decay_biases = _arguments.flag("decay_biases", options.get("decay_biases", False))
        self.l1 = _arguments.number("l1", options.get("l1", 0.0), 0)
        self.clip_norm = _above_zero("clip_norm", options.get("clip_norm"))
        self.clip_value = _above_zero("clip_value", options.get("clip_value"))
        self.max_norm = _above_zero("max_norm", options.get("max_norm"))
        self.groups = tuple(options.get("groups", ()))
        for group in self.groups:
            if not isinstance(group, Group):
                raise DTypeError(f"groups: expected Group(match, ...), got {group!r}")

    def rate(self, epoch: float, epochs: int) -> float:
        """The learning rate when `epoch` (a fraction between two whole ones) of `epochs` are done."""
        return rate_of(self.learning_rate, epoch, epochs)

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Change a stretch of the parameters in place.

        Parameters
        ----------
        parameter, gradient : ndarray of shape (size,)
        state : mapping of str to ndarray of shape (size,)
            One for each of `slots`; zeros before the first step.
        settings : Settings
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        parts = [f"{name}={getattr(self, name)!r}" for name in ("learning_rate", *self.arguments)]
        default = Optimizer(0.0)
        for name in Options.__annotations__:
            value = getattr(self, name)
            if value != getattr(default, name):
                parts.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


def rate_of(learning_rate: float | Schedule, epoch: float, epochs: int) -> float:
    """The number that a learning rate or a schedule is at this time."""
    if callable(learning_rate):
        return _arguments.number("learning_rate", learning_rate(epoch, epochs), 0)
    return learning_rate


def _above_zero(name: str, value: Any) -> float | None:
    if value is None:
        return None
    number = _arguments.number(name, value, 0)
    if number == 0:
        raise ArgumentError(f"{name}: expected a number above 0, or None, got 0")
    return number
