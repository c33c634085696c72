"""Finds the files of a data set, and downloads them.

The places are, in this order: ``data_dir=``, the folder ``$CNNRS_DATA``, the cache folder, a
download into the cache folder. In each folder the sub-folders of the data set (``mnist/``, ...) are
searched before the folder itself.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cnnrs import _arguments
from cnnrs.errors import CnnrsError

__all__ = ["RemoteFile", "cache_dir", "find"]

Found = TypeVar("Found")


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its hash as in pooch (``sha256:...``), and its addresses."""

    name: str
    known_hash: str
    urls: tuple[str, ...]


def cache_dir() -> Path:
    """Return the folder for downloads; it may not exist yet.

    Returns
    -------
    Path
        ``$CNNRS_CACHE`` if set, else ``cnnrs`` in the user's cache folder of this system.

    Examples
    --------
    >>> import os
    >>> os.environ["CNNRS_CACHE"] = "/tmp/somewhere"
    >>> cache_dir().name
    'somewhere'
    >>> del os.environ["CNNRS_CACHE"]
    """
    chosen = os.environ.get("CNNRS_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "cnnrs"


def find(
    name: str,
    data_dir: str | os.PathLike[str] | None,
    layouts: Sequence[str],
    look: Callable[[Path], Found | str],
    remote: Sequence[RemoteFile],
    download: bool,
) -> Found:
    """Return the result of `look` for the first folder with the files, or download them.

    Parameters
    ----------
    name : str
        The data set.
    data_dir : str or path-like, optional
        The folder to look in first.
    layouts : sequence of str
        The sub-folders to search in every folder; ``""`` is the folder itself. Downloads are stored
        in the first.
    look : callable
        Function of a folder that returns its files, or a text that says what is missing.
    remote : sequence of RemoteFile
        The files to download.
    download : bool
        Whether the network may be used.

    Raises
    ------
    FileNotFoundError
        If the files are not found and cannot be downloaded; the message lists the places that were
        searched and what to do.
    """
    _arguments.flag("download", download)
    environment = os.environ.get("CNNRS_DATA")
    places = [("data_dir", data_dir), ("$CNNRS_DATA", environment or None), ("cache", cache_dir())]
    misses = []
    for label, place in places:
        if place is None:
            misses.append(f"{label}: not set")
            continue
        root = Path(place).expanduser()
        if not root.is_dir():
            misses.append(f"{label}: {root} is not a folder")
            continue
        reasons = []
        for layout in layouts:
            folder = root / layout
            if not folder.is_dir():
                continue
            found = look(folder)
            if not isinstance(found, str):
                return found
            reasons.append(f"{folder} ({found})")
        misses.append(f"{label}: " + "; ".join(reasons))
    target = cache_dir() / layouts[0]
    trouble = _download(remote, target) if download else "not tried (download=False)"
    if trouble is None:
        found = look(target)
        if not isinstance(found, str):
            return found
        trouble = f"{target} ({found})"
    misses.append(f"download: {trouble}")
    addresses = ", ".join(file.urls[0] for file in remote)
    raise FileNotFoundError(
        f"data set {name!r} was not found. Looked in:\n  "
        + "\n  ".join(misses)
        + f"\nPut the published files ({addresses}) into a folder {layouts[0]!r} and pass "
        "data_dir= or set CNNRS_DATA to the folder "
        "above it, or run once with network access"
    )


def _download(remote: Sequence[RemoteFile], target: Path) -> str | None:
    """Download every file into `target`; return None, or the error as text."""
    try:
        import pooch
    except ImportError:
        return "pooch is not installed: pip install 'cnnrs[datasets]'"
    for file in remote:
        problems = []
        for url in file.urls:
            try:
                pooch.retrieve(url, known_hash=file.known_hash, fname=file.name, path=target)
                break
            except CnnrsError:
                raise
            except (OSError, ValueError) as error:  # no network, a full disk; a wrong hash
                problems.append(f"{url}: {type(error).__name__}: {error}")
        else:
            return "; ".join(problems)
    return None
