"""`import cnnrs` is quick, and everything is reachable from it."""

import subprocess
import sys

import pytest

import cnnrs


def test_import_takes_little_beyond_numpy():
    code = (
        "import numpy, time; start = time.perf_counter(); import cnnrs; print(time.perf_counter() "
        "- start)"
    )
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(5)
    ]
    assert min(times) < 0.03


@pytest.mark.parametrize("name", cnnrs.__all__)
def test_everything_is_reachable(name):
    assert getattr(cnnrs, name) is not None
    assert name in dir(cnnrs)


def test_the_rest_is_an_attribute_error():
    assert isinstance(cnnrs.__version__, str)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cnnrs.nonsense
