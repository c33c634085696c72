"""``cnnrs doctor``: show the installation, the CPU features and the settings, for bug reports."""

import argparse
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnrs import datasets, ops

__all__ = ["add_parser"]

REQUIRED = ("numpy", "pillow", "safetensors", "tqdm")
OPTIONAL = (
    ("matplotlib", "plot", "learning curves"),
    ("pooch", "datasets", "downloads of data sets"),
)
VARIABLES = ("CNNRS_NUM_THREADS", "CNNRS_SIMD", "CNNRS_WINOGRAD", "CNNRS_DATA", "CNNRS_CACHE")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = (
        "Show versions, CPU features, threads and data folders, and test the kernels against "
        "known results. Include the output in bug reports."
    )
    parser = subparsers.add_parser(
        "doctor",
        help="show versions, CPU features, threads, data folders",
        description=text,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; exit code 1 if a kernel returns wrong results."""
    sound = kernels_are_sound()
    rows = [
        *machine(),
        (
            "self-test",
            "passed" if sound else "FAILED: the kernels give wrong results on this machine",
        ),
        *software(),
        *data(),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0 if sound else 1


def machine() -> Iterator[tuple[str, str]]:
    """Describe the CPU and what cnnrs uses of it."""
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "CPU features", ", ".join(ops.cpu_features()) or "none that the kernels use"
    yield "SIMD path", ops.simd_level()
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity is not None else os.cpu_count()
    yield (
        "threads",
        f"{ops.get_num_threads()} (this process may use {usable} of {os.cpu_count()} CPUs)",
    )
    yield "Winograd", "allowed" if ops.get_winograd() else "off"


def kernels_are_sound() -> bool:
    """Compare kernels with NumPy: sums of 3 x 3 windows plus 1, and the squares of 1 to 40."""
    x = np.arange(36).reshape(1, 6, 6, 1)
    expected = (
        np.lib.stride_tricks.sliding_window_view(x[0, :, :, 0], (3, 3)).sum(axis=(2, 3))[
            np.newaxis, :, :, np.newaxis
        ]
        + 1
    )
    numbers = np.arange(1, 41)
    for dtype in (np.float32, np.float64):
        y = ops.conv2d(
            x.astype(dtype), np.ones((3, 3, 1, 20), dtype=dtype), np.ones(20, dtype=dtype)
        )
        row = numbers[np.newaxis].astype(dtype)
        if (
            not (np.abs(y - expected) <= 1e-3).all()
            or ops.matmul(row, row.T)[0, 0] != (numbers**2).sum()
        ):
            return False
    return True


def software() -> Iterator[tuple[str, str]]:
    """Return the versions of this package, Python and the libraries."""
    yield "cnnrs", f"{_version('cnnrs') or 'not installed'} in {Path(ops.__file__).parent.parent}"
    yield "Python", f"{platform.python_version()} ({sys.executable})"
    for name in REQUIRED:
        yield name, _version(name) or "MISSING"
    for name, extra, purpose in OPTIONAL:
        yield name, _version(name) or f"not installed: no {purpose} (pip install 'cnnrs[{extra}]')"


def data() -> Iterator[tuple[str, str]]:
    """Return the data folders and the environment variables that are set."""
    folder = os.environ.get("CNNRS_DATA")
    yield (
        "data folder",
        f"{folder}: {_holds(Path(folder).expanduser())}"
        if folder
        else "none ($CNNRS_DATA is not set)",
    )
    yield "cache folder", f"{datasets.cache_dir()}: {_holds(datasets.cache_dir())}"
    for name in VARIABLES:
        if name in os.environ:
            yield f"${name}", os.environ[name]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _holds(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    found = [name for name in datasets.names() if (folder / name).is_dir()]
    return "holds " + ", ".join(found) if found else "holds no data set that cnnrs knows by name"
