"""The folder of checkpoints of one training: each a file of its own, written whole or not at all,
the newest few kept.

A file is ``checkpoint-STEP.safetensors``, in the container of `cnnrs.model.container`: a checksum
for every tensor, written beside its target, flushed to the disk and renamed. Older files go only
when a newer one is durable, so at any moment there is a whole one.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs import _arguments
from cnnrs.errors import FormatError
from cnnrs.model.container import NewerVersionError, pack, unpack, write_atomically

__all__ = ["CheckpointWarning", "Checkpoints", "read_checkpoint"]

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_UNFINISHED = re.compile(r"\.checkpoint-\d+\.safetensors\..*\.part")


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged, or could not be written."""


class Checkpoints:
    """Checkpoints in a folder that belongs to one training.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    keep : int
        How many to keep.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int) -> None:
        self.folder = Path(folder)
        self.keep = _arguments.integer("keep_checkpoints", keep, 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._whole: list[Path] = []  # of this training, the oldest first
        self._failed: OSError | None = None
        for path in self.folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)  # a process was killed while it wrote this

    def files(self) -> list[Path]:
        """All checkpoints in the folder, the oldest first."""
        found = [
            (int(match[1]), path)
            for path in self.folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        ]
        return [path for _, path in sorted(found)]

    def newest(self) -> tuple[Path, dict[str, Any], dict[str, Any]] | None:
        """Path, content and tensors of the newest whole checkpoint; None if there are no
        checkpoints. Damaged ones are named in a warning.

        Raises
        ------
        FormatError
            If there are checkpoints, but all are damaged.
        NewerVersionError
            For one that a newer cnnrs wrote.
        """
        files = self.files()
        for number in reversed(range(len(files))):
            try:
                content, tensors = read_checkpoint(files[number])
            except NewerVersionError:
                raise
            except (FormatError, OSError) as error:
                which = (
                    f"going back to {files[number - 1].name}"
                    if number
                    else "there is none before it"
                )
                warnings.warn(f"{error}; {which}", CheckpointWarning, stacklevel=4)
                continue
            self.goes_on_from(files[number])
            return files[number], content, tensors
        if files:
            raise FormatError(
                f"{self.folder}: none of the {len(files)} checkpoints is whole; pass "
                "resume='never' to start anew"
            )
        return None

    def goes_on_from(self, path: Path) -> None:
        """The training goes on from this one: it and those before it stay for now; damaged and
        later ones go with the next `write`.
        """
        files = self.files()
        self._whole = files[: files.index(path) + 1] if path in files else []

    def write(self, step: int, content: Mapping[str, Any], tensors: Mapping[str, Any]) -> bool:
        """Write the checkpoint of a step, and only then delete those that are no longer needed.

        If that fails, for example on a full disk, what is there stays, and there is one warning
        until it works again; see `close`.

        Returns
        -------
        bool
            Whether it was written.
        """
        path = self.folder / f"checkpoint-{step:08d}.safetensors"
        try:
            write_atomically(path, pack({"kind": "checkpoint", **content}, tensors))
        except OSError as error:
            if self._failed is None:
                newest = (
                    f"the newest is {self._whole[-1].name}" if self._whole else "there is none yet"
                )
                warnings.warn(
                    f"no checkpoint at step {step}: {error}; {newest}; the training goes on",
                    CheckpointWarning,
                    stacklevel=4,
                )
            self._failed = error
            return False
        self._failed = None
        self._whole = [*(other for other in self._whole if other != path), path][-self.keep :]
        for other in self.files():
            if other not in self._whole:
                with contextlib.suppress(OSError):  # it can wait for the next time
                    other.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """End of a training that was not interrupted.

        Raises
        ------
        OSError
            If its last state could not be written.
        """
        if self._failed is not None:
            raise self._failed


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content and tensors of a checkpoint.

    Raises
    ------
    FormatError
        If it is damaged, or a file of another kind.
    OSError
        If it cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        content, tensors = unpack(data)
    except FormatError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error
    if content.get("kind") != "checkpoint":
        raise FormatError(f"{os.fspath(path)}: this is no checkpoint of a training")
    return content, tensors
