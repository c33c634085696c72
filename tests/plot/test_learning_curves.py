"""Learning curves: a panel per number, drawn into a file, without a display."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from PIL import Image

from cnnrs import plot
from cnnrs.errors import ArgumentError
from cnnrs.trainer import History


def test_one_panel_for_each_number(tmp_path: Path) -> None:
    one = plot.history(
        {"loss": [2.0, 1.0], "val_loss": [2.5, 1.5], "seconds": [1.0, 1.0]}, tmp_path / "one.png"
    )
    two = plot.history({"loss": [2.0, 1.0], "accuracy": [0.1, 0.5]}, tmp_path / "two.png")
    with Image.open(one) as first, Image.open(two) as second:
        assert second.width == 2 * first.width
        assert second.height == first.height
        assert np.asarray(first.convert("L")).min() < 64  # something is drawn


def test_the_suffix_chooses_the_format(tmp_path: Path) -> None:
    history = History()
    history.add({"loss": 1.0, "learning_rate": 0.1})
    assert (
        plot.history(history, tmp_path / "a.svg")
        .read_text(encoding="utf-8")
        .lstrip()
        .startswith("<?xml")
    )


@pytest.mark.parametrize("history", [{}, {"loss": []}, {"seconds": [1.0]}])
def test_nothing_to_draw(history: dict[str, list[float]], tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="at least one epoch, got none"):
        plot.history(history, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
