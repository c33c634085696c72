"""Numbers of a training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs._representation import html_table
from cnnrs.metrics import wilson_interval

__all__ = ["History"]

GAP = 0.1  # difference of training and validation accuracy that a report calls over-fitting


class History(dict[str, list[float]]):
    """A dictionary of lists with one number per epoch.

    Its names are ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``,
    ``seconds``, ... A notebook shows it as a table.

    Attributes
    ----------
    samples : dict of str to int
        Number of samples of each validation accuracy in the last epoch, by name.

    Examples
    --------
    >>> history = History()
    >>> history.add({"accuracy": 1.0, "val_accuracy": 0.5}, samples={"val_accuracy": 100})
    >>> history["accuracy"]
    [1.0]
    >>> history
    <History of 1 epoch: accuracy 100.00 %, val_accuracy 50.00 %>
    >>> print(history.report())
    accuracy 100.00 %, val_accuracy 50.00 % (95 % interval 40.38 to 59.62 %, 100 samples)
    over-fitting: 100.00 % on the training images, but 50.00 % on the validation images
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples: dict[str, int] = {}

    def add(self, numbers: Mapping[str, float], samples: Mapping[str, int] | None = None) -> None:
        """Append the numbers of one epoch."""
        for name, value in numbers.items():
            self.setdefault(name, []).append(value)
        self.samples.update(samples or {})

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the 95 % confidence interval of the last value of an accuracy; None if unknown.

        It is the interval of the accuracy on images of the same kind. Training accuracies have
        none: the model changed while they were measured, and it has seen the images.

        Parameters
        ----------
        name : str
            Such as ``"val_accuracy"``.

        Returns
        -------
        tuple of float, or None
            Lower and upper bound.
        """
        count = self.samples.get(name)
        if not count or not self.get(name):
            return None
        return wilson_interval(round(self[name][-1] * count), count)

    @property
    def gap(self) -> float | None:
        """Training accuracy minus validation accuracy in the last epoch.

        None if one of them was not measured.
        """
        if not self.get("accuracy") or not self.get("val_accuracy"):
            return None
        return self["accuracy"][-1] - self["val_accuracy"][-1]

    def over_fitting(self) -> str | None:
        """Return a sentence if the model is much better on the training images, or None."""
        if self.gap is None or self.gap < GAP:
            return None
        return (
            f"over-fitting: {100 * self['accuracy'][-1]:.2f} % on the training images, "
            f"but {100 * self['val_accuracy'][-1]:.2f} % on the validation images"
        )

    def report(self) -> str:
        """Return the last epoch in words, with a warning if the model over-fits.

        Returns
        -------
        str
        """
        parts = []
        for name, text in self._last().items():
            interval = self.interval(name)
            note = (
                f" (95 % interval {100 * interval[0]:.2f} to {100 * interval[1]:.2f} %, "
                f"{self.samples[name]:,} samples)"
                if interval
                else ""
            )
            parts.append(f"{name} {text}{note}")
        return "\n".join(filter(None, [", ".join(parts), self.over_fitting()]))

    def _last(self) -> dict[str, str]:
        """Return losses and accuracies of the last epoch as text, by name."""
        return {
            name: _text(name, values[-1])
            for name, values in self.items()
            if values and ("accuracy" in name or name.endswith("loss"))
        }

    @property
    def _epochs(self) -> int:
        return max(map(len, self.values()), default=0)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {text}" for name, text in self._last().items())
        count = self._epochs
        epochs = f"{count} epoch{'s' * (count != 1)}"
        return f"<History of {epochs}: {last}>" if last else f"<History of {epochs}>"

    def _repr_html_(self) -> str:
        """Return a table with a row for each epoch, for a notebook."""
        count = self._epochs
        rows = [
            (
                epoch,
                *(
                    # a number that was added later has no values for the first epochs
                    _text(name, values[epoch - 1 - count]) if epoch > count - len(values) else ""
                    for name, values in self.items()
                ),
            )
            for epoch in range(1, count + 1)
        ]
        return html_table(("epoch", *self), rows)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "numbers": {name: list(values) for name, values in self.items()},
            "samples": dict(self.samples),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self.clear()
        self.update({name: list(values) for name, values in state["numbers"].items()})
        self.samples = dict(state["samples"])


def _text(name: str, value: float) -> str:
    if "accuracy" in name:
        return f"{100 * value:.2f} %"
    if name.endswith("loss"):
        return f"{value:.4f}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
