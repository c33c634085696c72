"""Fixtures for all tests, and a summary line that says what the default run leaves out."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# For `import reference`, whatever pytest's import mode.
sys.path.insert(0, str(Path(__file__).parent))

LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start counting the tests that are deselected by mark, and listen to SIGINT.

    A shell starts background jobs with SIGINT ignored, and their children inherit this: tests that
    wait for a KeyboardInterrupt would wait for ever.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[LEFT_OUT] = {"slow": 0, "timing": 0}


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the deselected tests that have a mark of the default run."""
    for item in items:
        counts = item.config.stash[LEFT_OUT]
        for mark in counts:
            if item.get_closest_marker(mark) is not None:
                counts[mark] += 1
                break


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how many slow and timing tests were left out, and how to run them."""
    counts = {mark: count for mark, count in config.stash[LEFT_OUT].items() if count}
    if counts and "not " in config.option.markexpr and not config.option.keyword:
        left_out = ", ".join(f"{count} {mark}" for mark, count in counts.items())
        terminalreporter.write_line(f"left out: {left_out} tests; run them with: pytest -m ''")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data sets, $CNNRS_DATA; skip the test if it is not set."""
    value = os.environ.get("CNNRS_DATA")
    if not value:
        pytest.skip("$CNNRS_DATA is not set: no real data sets here")
    path = Path(value).expanduser().resolve()
    if not path.is_dir():
        pytest.skip(f"$CNNRS_DATA is {value}, which is not a folder")
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a random generator with the same seed in every test."""
    return np.random.default_rng(20240607)


@pytest.fixture
def thread_count() -> Iterator[None]:
    """Restore the number of threads after the test."""
    from cnnrs import ops

    before = ops.get_num_threads()
    yield
    ops.set_num_threads(before)


@pytest.fixture
def without_winograd() -> Iterator[None]:
    """Turn Winograd off: direct convolution is exact on integers and does not spread NaN."""
    from cnnrs import ops

    before = ops.get_winograd()
    ops.set_winograd(False)
    yield
    ops.set_winograd(before)
