"""Measure the norms of the gradients, layer by layer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments
from cnnrs.callbacks.base import Callback

__all__ = ["GradientNorms"]

VANISHING = 1e-4  # ratio of the first to the last layer below which a message is logged
_log = logging.getLogger("cnnrs")


class GradientNorms(Callback):
    """Measure the norm of the gradient of each layer with parameters, and add its mean over the
    epoch to the numbers of the epoch.

    The numbers are called ``gradient_norm/LAYER``. Callbacks after this one, such as `CSVLogger`
    and `TensorBoard`, log them. If the norm of the first layer is less than a ten-thousandth of the
    norm of the last layer, a message is logged.

    Parameters
    ----------
    every : int
        Steps between two measurements.

    Attributes
    ----------
    epochs : list of dict of str to float
        Mean norms of each epoch, by layer, from the input on.

    References
    ----------
    Y. Bengio, P. Simard, P. Frasconi: Learning long-term dependencies with gradient descent is
    difficult. 1994.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> data = np.eye(4), np.arange(4)
    >>> norms = cnnrs.callbacks.GradientNorms()
    >>> history = trainer.fit(data, epochs=2, callbacks=[norms])
    >>> len(norms.epochs), list(norms.epochs[0])
    (2, ['dense_1'])
    """

    def __init__(self, every: int = 1) -> None:
        self.every = _arguments.integer("every", every, 1)
        self._reset()

    def _reset(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self._sums: dict[str, float] = {}
        self._count = 0
        self._reported = False

    def on_fit_start(self, trainer: Any) -> None:
        """Forget an earlier training."""
        self._reset()

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Measure the norms every `every` steps."""
        if (trainer.step - 1) % self.every == 0:
            for name, norm in trainer.gradient_norms().items():
                self._sums[name] = self._sums.get(name, 0.0) + norm
            self._count += 1

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Add the mean norms to the numbers."""
        if not self._count:
            return
        norms = {name: total / self._count for name, total in self._sums.items()}
        self.epochs.append(norms)
        numbers.update({f"gradient_norm/{name}": norm for name, norm in norms.items()})
        first, last = next(iter(norms.items())), list(norms.items())[-1]
        if first[1] < VANISHING * last[1] and not self._reported:
            self._reported = True
            _log.warning(
                "epoch %d: vanishing gradients: %.1e in %s, but %.1e in %s",
                trainer.epoch,
                first[1],
                first[0],
                last[1],
                last[0],
            )
        self._sums, self._count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "epochs": self.epochs,
            "sums": self._sums,
            "count": self._count,
            "reported": self._reported,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self.epochs, self._sums = list(state["epochs"]), dict(state["sums"])
        self._count, self._reported = int(state["count"]), bool(state["reported"])
