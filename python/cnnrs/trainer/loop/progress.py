"""Show the progress of an epoch as a bar on stderr, if it is a terminal or a notebook."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["Progress"]

NOT_SHOWN = ("learning_rate", "seconds", "images_per_second")


def _interactive() -> bool:
    """Return whether stderr is a terminal, or this is a notebook."""
    kernel = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(sys.stderr is not None and sys.stderr.isatty()) or (
        kernel is not None and "IPKernelApp" in kernel.config
    )


class Progress:
    """A bar that counts images inside a ``with`` block.

    It shows loss and metrics, images per second and the time left.

    Parameters
    ----------
    title : str
    total : int or None
        Images in the epoch, if known.
    show : bool or None
        None shows the bar on a terminal and in a notebook only.
    done : int
        Images already done when the bar opens.
    """

    def __init__(self, title: str, total: int | None, show: bool | None, done: int = 0) -> None:
        self._title, self._total, self._done = title, total, done
        self._show = _interactive() if show is None else show
        self._bar: Any = None

    def __enter__(self) -> Self:
        """Open the bar."""
        if self._show:
            from tqdm.auto import tqdm

            self._bar = tqdm(
                total=self._total,
                initial=self._done,
                desc=self._title,
                unit=" images",
                unit_scale=False,
                dynamic_ncols=True,
                file=sys.stderr,
            )
        return self

    def __exit__(self, *error: object) -> None:
        """Close the bar; it stays visible."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def advance(self, count: int, numbers: Mapping[str, float]) -> None:
        """Add `count` images, and show the numbers so far."""
        if self._bar is not None:
            self._bar.set_postfix_str(_text(numbers), refresh=False)
            self._bar.update(count)

    def show(self, numbers: Mapping[str, float]) -> None:
        """Show the numbers of the whole epoch."""
        if self._bar is not None:
            self._bar.set_postfix_str(
                _text({name: value for name, value in numbers.items() if name not in NOT_SHOWN})
            )


def _text(numbers: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name} {100 * value:.2f} %" if "accuracy" in name else f"{name} {value:.4f}"
        for name, value in numbers.items()
    )
