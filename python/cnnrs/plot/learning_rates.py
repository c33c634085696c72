"""Draw the loss over the learning rate, from a search for a learning rate."""

import os
from pathlib import Path
from typing import Any

from cnnrs.trainer.rate_finder import RateSearch

__all__ = ["learning_rates"]


def learning_rates(search: RateSearch, path: str | os.PathLike[str]) -> Path:
    """Draw the loss over the learning rate into an image file, with the suggested rate.

    Parameters
    ----------
    search : RateSearch
        Result of `cnnrs.trainer.find_learning_rate`.
    path : str or path-like
        File to write. Its suffix chooses the format, such as ``.png`` or ``.svg``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> rates = np.geomspace(1e-4, 1, 20)
    >>> search = RateSearch(rates, 2 - np.exp(-((np.log10(rates) + 1.5) ** 2)))
    >>> learning_rates(search, Path(tempfile.mkdtemp()) / "rates.png").name   # doctest: +SKIP
    'rates.png'
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes: Any = figure.subplots()
    curve, suggestion = search.smoothed, search.suggestion
    axes.plot(search.rates, search.losses, ".", color="0.7", label="loss of a batch")
    axes.plot(search.rates, curve, label="moving average")
    axes.axvline(suggestion, color="C1", linestyle="--", label=f"steepest at {suggestion:.2g}")
    low, high = float(curve.min()), float(curve[0])
    room = max(high - low, 1e-12)
    axes.set(
        xscale="log",
        xlabel="learning rate",
        ylabel="loss",
        title="learning-rate finder",
        ylim=(low - 0.3 * room, high + 0.6 * room),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    target = Path(path)
    figure.savefig(target, dpi=120)
    return target
