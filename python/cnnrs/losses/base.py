"""The base class of losses."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike

__all__ = ["Loss"]


class Loss:
    """Base class of losses.

    A loss of your own defines ``__call__(output, target) -> float`` and ``gradient(output, target,
    out)``, which fills `out`.

    Attributes
    ----------
    takes_logits : bool
        Whether the loss applies softmax or the sigmoid itself; a model that ends in softmax is then
        trained on what stands in front of it.
    """

    takes_logits: ClassVar[bool] = False
    arguments: ClassVar[tuple[str, ...]] = ()

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """The loss of a batch.

        Parameters
        ----------
        output : ndarray of shape (n, ...)
        target : array-like
        """
        raise NotImplementedError

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """The gradient of the loss with respect to `output`, written to `out` if that is given."""
        raise NotImplementedError

    def __repr__(self) -> str:
        given = (
            f"{name}={getattr(self, name)!r}"
            for name in self.arguments
            if getattr(self, name) is not None
        )
        return f"{type(self).__name__}({', '.join(given)})"
