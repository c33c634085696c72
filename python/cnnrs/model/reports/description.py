"""Describes the prediction for one image in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnrs._representation import html_table

__all__ = ["Description"]


class Description(list[tuple[str, float]]):
    """Pairs of class name and probability, the most probable first.

    Printed, it is a sentence with the classes in the order of the model.

    Examples
    --------
    >>> import numpy as np
    >>> answer = Description(("cat", "owl"), np.array([0.25, 0.75]), 2)
    >>> answer[0]
    ('owl', 0.75)
    >>> print(answer)
    a 25% probability that the image is a cat and a 75% probability that the image is an owl
    """

    def __init__(self, names: Sequence[str], probabilities: Any, count: int) -> None:
        order = sorted(range(len(names)), key=lambda label: (-float(probabilities[label]), label))[
            :count
        ]
        super().__init__((names[label], float(probabilities[label])) for label in order)
        self._in_order = [(names[label], float(probabilities[label])) for label in sorted(order)]

    def __str__(self) -> str:
        clauses = [
            f"{_article(f'{100 * value:.0f}')}% probability that the image is {_article(name)}"
            for name, value in self._in_order
            if round(100 * value) > 0
        ]
        if len(clauses) < 3:
            return " and ".join(clauses)
        return ", ".join(clauses[:-1]) + ", and " + clauses[-1]

    def _repr_html_(self) -> str:
        """Return a table with a row for each class, for a notebook."""
        rows = [(name, f"{100 * value:.1f} %") for name, value in self]
        return html_table(("class", "probability"), rows)


def _article(word: str) -> str:
    """Return the word with its indefinite article: ``a cat``, ``an owl``, ``an 8``."""
    vowel = word[:1].lower() in "aeio" or word.startswith("8") or word in ("11", "18")
    return f"{'an' if vowel else 'a'} {word}"
