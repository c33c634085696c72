"""Write and read the checkpoint files of a training, and keep the newest few.

A file is ``checkpoint-STEP.safetensors``, a container of tensors with checksums. It is written to a
temporary file beside it, flushed to the disk and renamed. Older files are deleted only after a
newer one is on the disk, so there is a complete checkpoint at any moment.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs import _arguments
from cnnrs.errors import FormatError
from cnnrs.model.files.container import NewerVersionError, pack, unpack, write_atomically
from cnnrs.trainer.user_warning import warn_user

__all__ = ["CheckpointWarning", "Checkpoints", "read_checkpoint"]

_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")
_UNFINISHED = re.compile(r"\.checkpoint-\d+\.safetensors\..*\.part")


class CheckpointWarning(UserWarning):
    """A checkpoint is damaged, or could not be written."""


class Checkpoints:
    """Checkpoints of one training in its own folder.

    Parameters
    ----------
    folder : path
        Created if it does not exist.
    keep : int
        How many checkpoints to keep.

    Raises
    ------
    OSError
        If the folder cannot be created.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int) -> None:
        self.folder = Path(folder)
        self.keep = _arguments.integer("keep_checkpoints", keep, 1)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._kept: list[Path] = []  # undamaged files of this training, the oldest first
        self._failed: OSError | None = None
        for path in self.folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                path.unlink(missing_ok=True)  # its process was killed while writing

    def files(self) -> list[Path]:
        """Return all checkpoints in the folder, the oldest first."""
        found = [
            (int(match[1]), path)
            for path in self.folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        ]
        return [path for _, path in sorted(found)]

    def newest(self) -> tuple[Path, dict[str, Any], dict[str, Any]] | None:
        """Return path, content and tensors of the newest undamaged checkpoint, or None.

        A warning names each damaged checkpoint.

        Raises
        ------
        FormatError
            If there are checkpoints, but all are damaged.
        NewerVersionError
            If a newer cnnrs wrote the checkpoint.
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
                    else "there is no earlier one"
                )
                warn_user(f"{error}; {which}", CheckpointWarning)
                continue
            self.continue_from(files[number])
            return files[number], content, tensors
        if files:
            raise FormatError(
                f"{self.folder}: all {len(files)} checkpoints are damaged; pass resume='never' to "
                "start anew"
            )
        return None

    def continue_from(self, path: Path) -> None:
        """Keep this checkpoint and earlier ones; the next `write` deletes all others."""
        files = self.files()
        self._kept = files[: files.index(path) + 1] if path in files else []

    def write(self, step: int, content: Mapping[str, Any], tensors: Mapping[str, Any]) -> bool:
        """Write the checkpoint of a step, and then delete those that are no longer needed.

        If it cannot be written, for example on a full disk, nothing is deleted, and there is one
        warning until writing works again; see `close`.

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
                    f"the newest is {self._kept[-1].name}" if self._kept else "there is none yet"
                )
                warn_user(
                    f"no checkpoint at step {step}: {error}; {newest}; the training goes on",
                    CheckpointWarning,
                )
            self._failed = error
            return False
        self._failed = None
        self._kept = [*(other for other in self._kept if other != path), path][-self.keep :]
        for other in self.files():
            if other not in self._kept:
                with contextlib.suppress(OSError):  # the next call tries again
                    other.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """End a training that was not interrupted.

        Raises
        ------
        OSError
            If its last state could not be written.
        """
        if self._failed is not None:
            raise self._failed


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return content and tensors of a checkpoint.

    Raises
    ------
    FormatError
        If it is damaged, or another kind of file.
    OSError
        If it cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        content, tensors = unpack(data)
    except FormatError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from error
    if content.get("kind") != "checkpoint":
        raise FormatError(
            f"{os.fspath(path)}: expected a checkpoint of a training, got another file"
        )
    return content, tensors
