"""Result of `Trainer.evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Evaluation"]


class Evaluation(Mapping[str, Any]):
    """Loss and metrics of a model on some data: a read-only mapping with attributes.

    Parameters
    ----------
    values : mapping of str to float
        The loss and each metric, by name.
    n : int
        Number of samples.
    accuracy_interval : tuple of float, optional
        Lower and upper bound of the accuracy on images of this kind, with 95 % confidence.

    Attributes
    ----------
    loss : float
    accuracy : float or None
        None if the trainer does not measure it. Other metrics are read by name, as in
        ``result["f1"]``.
    accuracy_interval : tuple of float or None
        None if the accuracy is not a share of independent samples.
    n : int

    Examples
    --------
    >>> result = Evaluation({"loss": 0.25, "accuracy": 0.9}, 100, (0.826, 0.945))
    >>> result
    Evaluation(loss=0.25, accuracy=0.9, accuracy_interval=(0.826, 0.945), n=100)
    >>> result.accuracy == result["accuracy"]
    True
    >>> list(result)
    ['loss', 'accuracy', 'n', 'accuracy_interval']
    """

    __slots__ = ("_values",)

    def __init__(
        self,
        values: Mapping[str, float],
        n: int,
        accuracy_interval: tuple[float, float] | None = None,
    ) -> None:
        self._values: dict[str, Any] = {**values, "n": n}
        if accuracy_interval is not None:
            self._values["accuracy_interval"] = accuracy_interval

    @property
    def loss(self) -> float:
        """Mean loss over the samples."""
        return float(self._values["loss"])

    @property
    def accuracy(self) -> float | None:
        """Share of samples with the right class; None if it was not measured."""
        return self._values.get("accuracy")

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        """95 % confidence interval of the accuracy; None if there is none."""
        return self._values.get("accuracy_interval")

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self._values["n"])

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        order = sorted(self._values, key="n".__eq__)  # the number of samples is last
        return f"Evaluation({', '.join(f'{name}={_text(self[name])}' for name in order)})"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
