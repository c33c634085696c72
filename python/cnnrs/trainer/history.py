"""What happened in a training run, epoch by epoch."""

from __future__ import annotations

__all__ = ["History"]

GAP = 0.1  # difference of accuracies from which a report speaks of over-fitting


class History(dict[str, list[float]]):
    """Lists with one number per epoch, by name: ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``learning_rate``, ``seconds``, ...

    Examples
    --------
    >>> history = History()
    >>> history.add({"accuracy": 1.0, "val_accuracy": 0.5})
    >>> history["accuracy"]
    [1.0]
    >>> print(history.report())
    accuracy 100.00 %, val_accuracy 50.00 %
    over-fitting: 100.00 % on the training images, but 50.00 % on the validation images
    """

    def add(self, numbers: dict[str, float]) -> None:
        """Append the numbers of one epoch."""
        for name, value in numbers.items():
            self.setdefault(name, []).append(value)

    @property
    def gap(self) -> float | None:
        """Training accuracy minus validation accuracy in the last epoch; None if one of them was not measured."""
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
                parts.append(f"{name} {100 * values[-1]:.2f} %")
            elif name.endswith("loss"):
                parts.append(f"{name} {values[-1]:.4f}")
        return "\n".join(filter(None, [", ".join(parts), self.over_fitting()]))
