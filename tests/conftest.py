"""Fixtures for all tests."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(
    0, str(Path(__file__).parent)
)  # for `import reference`, whatever pytest's import mode


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets, $CNNRS_DATA; tests that need it are skipped where it is absent."""
    value = os.environ.get("CNNRS_DATA")
    if not value:
        pytest.skip("$CNNRS_DATA is not set: no real data sets here")
    path = Path(value).expanduser().resolve()
    if not path.is_dir():
        pytest.skip(f"$CNNRS_DATA is {value}, which is no folder")
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts the same in every test."""
    return np.random.default_rng(20240607)


@pytest.fixture
def thread_count() -> Iterator[None]:
    """Gives the number of threads back after a test that sets it."""
    from cnnrs import ops

    before = ops.get_num_threads()
    yield
    ops.set_num_threads(before)


@pytest.fixture
def without_winograd() -> Iterator[None]:
    """Direct multiplication only: exact on integers, NaN stays where it enters."""
    from cnnrs import ops

    before = ops.get_winograd()
    ops.set_winograd(False)
    yield
    ops.set_winograd(before)
