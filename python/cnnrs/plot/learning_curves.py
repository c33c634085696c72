"""Draw learning curves: loss and metrics over the epochs, for training and validation images."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnrs.errors import ArgumentError

__all__ = ["history"]

VALIDATION = "val_"
PANELS = ("loss", "accuracy", "learning_rate")  # drawn first, in this order
NOT_DRAWN = ("seconds", "images_per_second")


def history(history: Mapping[str, Sequence[float]], path: str | os.PathLike[str]) -> Path:
    """Draw the history of a training into an image file, with one panel for each number.

    Parameters
    ----------
    history : History
        Result of `Trainer.fit`, or any mapping of names to one number per epoch.
    path : str or path-like
        File to write. Its suffix chooses the format, such as ``.png`` or ``.svg``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        If the history holds no epoch.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> curves = {"loss": [2.3, 0.7, 0.4], "val_loss": [1.9, 0.8, 0.6]}
    >>> history(curves, Path(tempfile.mkdtemp()) / "curves.png").name   # doctest: +SKIP
    'curves.png'
    """
    from matplotlib.figure import Figure

    names = [name for name in history if not name.startswith(VALIDATION) and name not in NOT_DRAWN]
    if not any(history[name] for name in names):
        raise ArgumentError(
            "history: expected at least one epoch, got none; draw it after Trainer.fit"
        )
    names.sort(key=lambda name: PANELS.index(name) if name in PANELS else len(PANELS))
    figure = Figure(figsize=(4.5 * len(names), 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        epochs = range(1, len(history[name]) + 1)
        axes.plot(epochs, history[name], label="training", marker="." if len(epochs) < 40 else None)
        if VALIDATION + name in history:
            axes.plot(
                epochs,
                history[VALIDATION + name],
                label="validation",
                marker="." if len(epochs) < 40 else None,
            )
            axes.legend()
        axes.set(title=name.replace("_", " "), xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    target = Path(path)
    figure.savefig(target, dpi=120)
    return target
