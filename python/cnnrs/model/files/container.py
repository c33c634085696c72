"""Container of model files and checkpoints: named tensors and JSON in one safetensors file.

The metadata of the safetensors header holds one entry, ``cnnrs``: the content as JSON, with the
version of the format, the SHA-256 of every tensor, and a digest. The digest is the SHA-256 of the
other content and of the rest of the header (names, dtypes, shapes and offsets of the tensors).
Equal content makes equal bytes. Neither writing nor reading copies the tensors.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnrs.errors import DTypeError, FormatError

__all__ = ["VERSION", "NewerVersionError", "pack", "unpack", "write_atomically"]

VERSION = 1
_LARGEST_HEADER = 100_000_000  # bytes: the limit of safetensors itself
_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "F16": np.dtype("<f2"),
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    "BOOL": np.dtype("?"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
)


class NewerVersionError(FormatError):
    """The file is intact, but was written by a newer version of cnnrs."""


def pack(content: Mapping[str, Any], tensors: Mapping[str, Any]) -> list[Any]:
    """Return a file in parts, to be written in order: the header, then views of the tensors.

    Parameters
    ----------
    content : mapping
        Values that JSON can hold.
    tensors : mapping of str to ndarray of real numbers or bool

    Raises
    ------
    TypeError, ValueError
        For content that JSON cannot hold.
    DTypeError
        For a tensor of another dtype.
    """
    parts: list[Any] = [b""]
    checksums: dict[str, str] = {}
    table: dict[str, Any] = {}
    position = 0
    arrays = {
        name: np.ascontiguousarray(value).reshape(np.shape(value))
        for name, value in tensors.items()
    }
    # the order of safetensors, which keeps all tensors aligned
    for name in sorted(arrays, key=lambda name: (-arrays[name].itemsize, name)):
        dtype = arrays[name].dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise DTypeError(
                f"the tensor {name!r} is {dtype}; a file holds "
                f"{', '.join(str(known) for known in _NAMES)}"
            )
        array = arrays[name].astype(dtype, copy=False)
        data = array.reshape(-1).view(np.uint8).data
        checksums[name] = hashlib.sha256(data).hexdigest()
        table[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(array.shape),
            "data_offsets": [position, position + len(data)],
        }
        position += len(data)
        parts.append(data)
    whole = {"version": VERSION, **content, "sha256": checksums}
    text = json.dumps(
        {"digest": digest(whole, table), **whole}, allow_nan=False, ensure_ascii=False
    )
    header = json.dumps(
        {"__metadata__": {"cnnrs": text}, **table}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % 8)
    parts[0] = struct.pack("<Q", len(header)) + header
    return parts


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return content and tensors of a file; the tensors are read-only views of `data`.

    Raises
    ------
    FormatError
        For bytes that are damaged, truncated or too long.
    NewerVersionError
        For files of a newer version.
    """
    header, start = _split(data)
    try:
        content = json.loads(header["__metadata__"]["cnnrs"])
        version, checksums, expected = (
            content["version"],
            dict(content["sha256"]),
            content.pop("digest"),
        )
    except _DAMAGE as error:
        raise FormatError(
            "expected a model file of cnnrs, got another file or one with a damaged header "
            f"({type(error).__name__}: {error})"
        ) from None
    if digest(content, header) != expected:
        raise FormatError("the header is damaged: its digest does not match")
    if type(version) is not int or version < 1:
        raise FormatError(f"the header is damaged: it has version {version!r}")
    if version > VERSION:  # the digest is computed alike in all versions: the file is intact
        raise NewerVersionError(
            f"the file has version {version}, this cnnrs reads up to {VERSION}; a newer cnnrs is "
            "needed"
        )
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    for name in checksums:
        if name not in entries:
            raise FormatError(f"the tensor {name!r} is missing")
    for name in entries:
        if name not in checksums:
            raise FormatError(f"the tensor {name!r} does not belong here")
    return content, _tensors(data, start, entries, checksums)


def _tensors(
    data: bytes, start: int, entries: Mapping[str, Any], checksums: Mapping[str, str]
) -> dict[str, Any]:
    """Return views of the tensors, which follow one another from `start` to the end of the file."""
    tensors: dict[str, Any] = {}
    position, view = start, memoryview(data)
    try:
        places = sorted(
            (int(entry["data_offsets"][0]), int(entry["data_offsets"][1]), name)
            for name, entry in entries.items()
        )
    except _DAMAGE as error:
        raise FormatError(f"the header is damaged ({type(error).__name__}: {error})") from None
    for first, last, name in places:
        if start + first != position or last < first:
            raise FormatError(f"the tensor {name!r} is not where it should be in the file")
        if start + last > len(data):
            raise FormatError(f"the file is truncated within the tensor {name!r}")
        part = view[position : start + last]
        if hashlib.sha256(part).hexdigest() != checksums[name]:
            raise FormatError(f"the tensor {name!r} is damaged: its checksum does not match")
        try:
            tensors[name] = np.frombuffer(part, _DTYPES[entries[name]["dtype"]]).reshape(
                entries[name]["shape"]
            )
        except _DAMAGE as error:
            raise FormatError(
                f"the tensor {name!r} cannot be read ({type(error).__name__}: {error})"
            ) from None
        position = start + last
    if position != len(data):
        raise FormatError(f"{len(data) - position} bytes too many at the end")
    return tensors


def _split(data: bytes) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and the offset of its tensors."""
    if len(data) < 8:
        size = f"{len(data)} byte{'s' * (len(data) != 1)}"
        raise FormatError(f"expected a model file of cnnrs, got a file of {size}")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(len(data) - 8, _LARGEST_HEADER):
        raise FormatError(
            "expected a model file of cnnrs, got another file or a truncated one: its header is "
            "longer than the file"
        )
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "expected a model file of cnnrs, got another file or one with a damaged header "
            f"({type(error).__name__}: {error})"
        ) from None
    if not isinstance(header, dict):
        raise FormatError(
            "expected a model file of cnnrs, got another file: its header is not a table"
        )
    return header, 8 + length


def digest(content: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Return the checksum of the content (without the digest) and of the table of tensors."""
    table = {name: entry for name, entry in header.items() if name != "__metadata__"}
    return hashlib.sha256(
        json.dumps([content, table], sort_keys=True, allow_nan=False).encode()
    ).hexdigest()


def write_atomically(path: str | os.PathLike[str], parts: Iterable[Any]) -> None:
    """Write parts to a file in order; if that is interrupted, an existing file is unchanged."""
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{target.name}.", suffix=".part", dir=target.parent
    )
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for part in parts:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files that only the owner can read
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError, AttributeError):  # not every system can open a folder
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
