"""Base class of initializers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnrs._representation import PasteableRepr

__all__ = ["Initializer"]


class Initializer(PasteableRepr):
    """Base class of initializers, which are functions that fill an array.

    Every argument of the constructor is an attribute of the same name. A subclass lists the names
    in `arguments`.

    Examples
    --------
    >>> class Ramp(Initializer):
    ...     def __call__(self, out, random):
    ...         out.flat = np.arange(out.size)
    >>> bias = np.empty(3)
    >>> Ramp()(bias, np.random.default_rng(0))
    >>> bias
    array([0., 1., 2.])
    """

    arguments: ClassVar[tuple[str, ...]] = ()

    def __call__(self, out: NDArray[Any], random: np.random.Generator) -> None:
        """Fill `out`, a C-contiguous float array, with initial values."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """Return name and arguments as values that JSON can hold; `get` is the inverse."""
        return {
            "name": type(self).__name__,
            **{name: getattr(self, name) for name in self.arguments},
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Initializer) and self.config() == other.config()

    def __hash__(self) -> int:
        return hash(tuple(self.config().items()))
