"""A trained model and class folders for the tests of the commands."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnrs.cli import main

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def command() -> Callable[..., Finished]:
    """Run ``python -m cnnrs`` in a process of its own."""

    def run(*arguments: object, cwd: Path | None = None, **environment: str) -> Finished:
        line = [sys.executable, "-m", "cnnrs", *map(str, arguments)]
        return subprocess.run(
            line,
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file, from few epochs on the embedded digits."""
    path = tmp_path_factory.mktemp("model") / "digits.cnnrs"
    assert main(["train", "digits", "--epochs", "3", "--out", str(path)]) == 0
    return path


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """Twelve images of 12 x 10 pixels in each of two classes that are easy to tell apart: dark ones
    and bright ones.
    """
    random = np.random.default_rng(3)
    for name, low in (("dark", 0), ("bright", 150)):
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for index in range(12):
            pixels = random.integers(low, low + 100, (12, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "photos"
