"""Base class of optimizers: learning rate, weight decay, clipping, and parameter groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar, TypeAlias, TypedDict, Unpack

import numpy as np

from cnnrs import _arguments, _renamed
from cnnrs._representation import PasteableRepr, call_text
from cnnrs.errors import DTypeError

__all__ = ["Group", "Optimizer", "Options", "Settings"]

Schedule: TypeAlias = Callable[[float, int], float]
Matcher: TypeAlias = str | Callable[[str, Any], bool]


@_renamed.keywords()
@dataclass(frozen=True, repr=False)
class Group(PasteableRepr):
    """Separate settings for some of the parameters; None keeps the optimizer's setting.

    Parameters
    ----------
    match : str or callable
        Pattern of parameter names such as ``"conv2d_*.weight"`` or ``"dense_1.*"``, or a function
        ``f(name, parameter) -> bool``.
    rate_factor : float
        Factor applied to the learning rate.
    weight_decay, l1, max_norm : float, optional
        See `Options`.

    Examples
    --------
    >>> Group("head.*", rate_factor=10).matches("head.bias", None)
    True
    """

    match: Matcher
    _: KW_ONLY
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
        _optional_positive("max_norm", self.max_norm)

    def matches(self, name: str, parameter: Any) -> bool:
        """Return whether a parameter belongs to the group."""
        return (
            fnmatchcase(name, self.match)
            if isinstance(self.match, str)
            else bool(self.match(name, parameter))
        )


class Options(TypedDict, total=False):
    """Keyword arguments of every optimizer, in addition to its own.

    Attributes
    ----------
    weight_decay : float
        Factor by which weights are pulled towards zero; at least 0.
    decay_biases : bool
        Whether `weight_decay`, `l1` and `max_norm` also apply to biases and other parameters with
        one axis, such as the scales of normalization layers. By default they do not.
    l1 : float
        Adds ``l1 · sign(w)`` to the gradient, which drives small weights to zero.
    clip_norm : float, optional
        Upper bound on the Euclidean norm of the gradient of all parameters; a longer gradient is
        scaled down.
    clip_value : float, optional
        Each value of the gradient is clipped to ``[-clip_value, clip_value]``, after `clip_norm`.
    max_norm : float, optional
        Upper bound on the Euclidean norm of the incoming weights of each unit (a column of a dense
        layer, a filter of a convolution), applied after each update.
    groups : sequence of Group
        Separate settings for some of the parameters; the first matching group applies.

    Examples
    --------
    >>> from cnnrs.optimizers import SGD
    >>> options: Options = {"weight_decay": 5e-4, "clip_norm": 1.0}
    >>> SGD(0.1, **options)
    SGD(learning_rate=0.1, weight_decay=0.0005, clip_norm=1.0)
    """

    weight_decay: float
    decay_biases: bool
    l1: float
    clip_norm: float | None
    clip_value: float | None
    max_norm: float | None
    groups: Sequence[Group]


_DEFAULTS: dict[str, Any] = {
    "weight_decay": 0.0,
    "decay_biases": False,
    "l1": 0.0,
    "clip_norm": None,
    "clip_value": None,
    "max_norm": None,
    "groups": (),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one update of a contiguous segment of the parameters.

    Parameters
    ----------
    learning_rate : float
        Learning rate of this update.
    weight_decay, l1 : float
        As in `Options`; 0 where they do not apply to the segment.
    step : int
        Number of earlier updates of these parameters; updates while their layer was frozen do not
        count.
    gradient_scale : float
        Factor applied to the gradient first.
    gradient_limit : float or None
        Bound on the absolute value of each gradient value after scaling.
    shape : tuple of int or None
        Shape of the parameter, for optimizers with `Optimizer.by_parameter`.
    head : bool
        Whether the parameter belongs to the last layer; for optimizers with
        `Optimizer.by_parameter`.

    Examples
    --------
    >>> settings = Settings(0.1, weight_decay=0.5, gradient_scale=2.0)
    >>> settings.slope(np.array([4.0]), np.array([1.0]))
    array([4.])
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
        """Return the gradient scaled, clipped, and with weight decay and `l1` added, in NumPy."""
        result = gradient * self.gradient_scale
        if self.gradient_limit is not None:
            np.clip(result, -self.gradient_limit, self.gradient_limit, out=result)
        if self.l1:
            result += self.l1 * np.sign(parameter)
        return result + self.weight_decay * parameter if self.weight_decay else result


class Optimizer(PasteableRepr):
    """Base class of optimizers. A subclass defines `update`, and `slots` if it has state.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``; see `cnnrs.schedules`.
    **options
        See `Options`.

    Attributes
    ----------
    slots : tuple of str
        Names of the state arrays; each has the layout of the parameters.
    by_parameter : bool
        Whether `update` is called once per parameter, with its shape, instead of once per long
        segment of many parameters.
    option_defaults : dict
        Defaults of `Options` that differ from the base class.

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
    option_defaults: ClassVar[Options] = {}

    def __init__(self, learning_rate: float | Schedule = 0.01, **options: Unpack[Options]) -> None:
        if not callable(learning_rate):
            learning_rate = _arguments.number("learning_rate", learning_rate, 0)
        self.learning_rate = learning_rate
        unknown = set(options) - Options.__annotations__.keys()
        if unknown:
            raise TypeError(
                f"{type(self).__name__}() got an unexpected keyword argument {min(unknown)!r}"
            )
        settings: dict[str, Any] = {**_DEFAULTS, **self.option_defaults, **options}
        self.weight_decay = _arguments.number("weight_decay", settings["weight_decay"], 0)
        self.decay_biases = _arguments.flag("decay_biases", settings["decay_biases"])
        self.l1 = _arguments.number("l1", settings["l1"], 0)
        self.clip_norm = _optional_positive("clip_norm", settings["clip_norm"])
        self.clip_value = _optional_positive("clip_value", settings["clip_value"])
        self.max_norm = _optional_positive("max_norm", settings["max_norm"])
        self.groups = tuple(settings["groups"])
        for group in self.groups:
            if not isinstance(group, Group):
                raise DTypeError(f"groups: expected Group(match, ...), got {group!r}")

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate after `epoch` of `epochs` epochs; `epoch` may be a fraction."""
        return rate_of(self.learning_rate, epoch, epochs)

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Update a contiguous segment of the parameters in place.

        Parameters
        ----------
        parameter, gradient : ndarray of shape (size,)
        state : mapping of str to ndarray of shape (size,)
            One array for each of `slots`; zeros before the first step.
        settings : Settings
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        defaults: dict[str, Any] = {**_DEFAULTS, **self.option_defaults}
        return call_text(
            self, **{name: (getattr(self, name), default) for name, default in defaults.items()}
        )


def rate_of(learning_rate: float | Schedule, epoch: float, epochs: int) -> float:
    """Return the learning rate, or the value of a schedule, after `epoch` of `epochs` epochs."""
    if callable(learning_rate):
        return _arguments.number("learning_rate", learning_rate(epoch, epochs), 0)
    return learning_rate


def _optional_positive(name: str, value: Any) -> float | None:
    return None if value is None else _arguments.positive(name, value)
