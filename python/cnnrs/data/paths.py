"""Decides whether a file name found in an annotation may be opened."""

from pathlib import Path

from cnnrs.errors import FormatError

__all__ = ["inside"]

LONGEST_NAME = 2048  # characters
LONGEST_PART = 255  # bytes, the limit of file systems between two slashes


def inside(folder: Path, name: str, where: str) -> Path:
    """Return the path of `name` inside `folder`.

    A name that leads anywhere else is refused, also where a symbolic link leads there.

    Parameters
    ----------
    folder : Path
        The data folder; it may itself be a symbolic link.
    name : str
        The name in the annotation: relative to `folder`, or absolute but inside it.
    where : str
        The file that holds the name, for the message.

    Raises
    ------
    FormatError
        If the name is not a usable file name, or leads out of the folder.
    """
    too_long = len(name) > LONGEST_NAME or any(
        len(part.encode(errors="replace")) > LONGEST_PART for part in name.split("/")
    )
    if not name or "\0" in name or "\\" in name or too_long:
        raise FormatError(f"{where}: expected a usable file name, got {name!r:.80}")
    try:
        root = folder.resolve()
        target = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # such as a loop of links
        raise FormatError(f"{where}: expected a usable file name, got {name!r} ({error})") from None
    if target == root or not target.is_relative_to(root):
        raise FormatError(
            f"{where}: expected a file inside the data folder {folder}, got {name!r}, which leads "
            "out of it"
        )
    return target
