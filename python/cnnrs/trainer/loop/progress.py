"""The progress bar of an epoch, on stderr; quiet where nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["Progress"]

NOT_SHOWN = ("learning_rate", "seconds", "images_per_second")


def _watched() -> bool:
    """Whether stderr is a terminal, or this is a notebook."""
    kernel = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return bool(sys.stderr is not None and sys.stderr.isatty()) or (
        kernel is not None and "IPKernelApp" in kernel.config
    )


class Progress:
    """A bar that counts images, with loss and metrics beside it, images per second and the time
    left; open inside a ``with`` block.

    Parameters
    ----------
    title : str
    total : int or None
        Images in the epoch, if that is known.
    show : bool or None
        None shows the bar on a terminal and in a notebook only.
    done : int
        Images counted already.
    """

    def __init__(self, title: str, total: int | None, show: bool | None, done: int = 0) -> None:
        self._bar: Any = None
        if _watched() if show is None else show:
            from tqdm.auto import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                desc=title,
                unit=" images",
                unit_scale=False,
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def advance(self, count: int, numbers: Mapping[str, float]) -> None:
        """Count images, and show numbers."""
        if self._bar is not None:
            self._bar.set_postfix_str(_text(numbers), refresh=False)
            self._bar.update(count)

    def show(self, numbers: Mapping[str, float]) -> None:
        """Show the last numbers."""
        if self._bar is not None:
            self._bar.set_postfix_str(
                _text({name: value for name, value in numbers.items() if name not in NOT_SHOWN})
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the bar where it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _text(numbers: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name} {100 * value:.2f} %" if "accuracy" in name else f"{name} {value:.4f}"
        for name, value in numbers.items()
    )
