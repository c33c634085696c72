"""What happened in a training run, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs.metrics import wilson_interval

__all__ = ["History"]

GAP = 0.1  # difference of accuracies from which a report speaks of over-fitting


class History(dict[str, list[float]]):
    """Lists with one number per epoch, by name: ``loss``, ``accuracy``, ``val_loss``,
    ``val_accuracy``, ``learning_rate``, ``seconds``, ...

    Attributes
    ----------
    samples : dict of str to int
        How many samples a validation accuracy of the last epoch is a mean of, by its name.

    Examples
    --------
    >>> history = History()
    >>> history.add({"accuracy": 1.0, "val_accuracy": 0.5}, samples={"val_accuracy": 100})
    >>> history["accuracy"]
    [1.0]
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
        """Within what the last value of an accuracy lies with 95 % confidence on images of its
        kind; None if that is not known.

        Training accuracies have none: the model changed while they were measured, and it has seen
        the images.
        """
        count = self.samples.get(name)
        if not count or not self.get(name):
            return None
        return wilson_interval(round(self[name][-1] * count), count)

    @property
    def gap(self) -> float | None:
        """Training accuracy minus validation accuracy in the last epoch; None if one of them was
        not measured.
        """
        if not self.get("accuracy") or not self.get("val_accuracy"):
            return None
        return self["accuracy"][-1] - self["val_accuracy"][-1]

    def over_fitting(self) -> str | None:
        """A sentence, if the model is much better on the training images than on others."""
        if self.gap is None or self.gap < GAP:
            return None
        return (
            f"over-fitting: {100 * self['accuracy'][-1]:.2f} % on the training images, "
            f"but {100 * self['val_accuracy'][-1]:.2f} % on the validation images"
        )

    def report(self) -> str:
        """The last epoch in words, with a warning if the model over-fits."""
        parts = []
        for name, values in self.items():
            if "accuracy" in name:
                interval = self.interval(name)
                between = (
                    f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %" if interval else ""
                )
                note = (
                    f" (95 % interval {between}, {self.samples[name]:,} samples)"
                    if interval
                    else ""
                )
                parts.append(f"{name} {100 * values[-1]:.2f} %{note}")
            elif name.endswith("loss"):
                parts.append(f"{name} {values[-1]:.4f}")
        return "\n".join(filter(None, [", ".join(parts), self.over_fitting()]))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {
            "numbers": {name: list(values) for name, values in self.items()},
            "samples": dict(self.samples),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""
        self.clear()
        self.update({name: list(values) for name, values in state["numbers"].items()})
        self.samples = dict(state["samples"])
