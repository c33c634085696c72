"""`import cnnrs` is quick and loads nothing heavy, and everything is reachable from it."""

import subprocess
import sys

import pytest

import cnnrs

HEAVY = (
    "PIL",
    "matplotlib",
    "safetensors",
    "tqdm",
    "pooch",
    "sklearn",
    "scipy",
    "onnx",
    "mpi4py",
    "torch",
)


def output_of(code: str) -> str:
    """Return what a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy():
    loaded = set(output_of("import cnnrs, sys\nprint(*sys.modules)").split())
    assert "cnnrs" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.timing
def test_import_takes_at_most_30_ms_beyond_numpy():
    code = (
        "import numpy, time; start = time.perf_counter(); import cnnrs; "
        "print(time.perf_counter() - start)"
    )
    assert min(float(output_of(code)) for _ in range(5)) < 0.03


def test_everything_is_reachable():
    """Each name of `cnnrs.__all__`, in a fresh interpreter, which has not loaded its module yet."""
    code = (
        "import cnnrs\nfor name in cnnrs.__all__: print(name, type(getattr(cnnrs, name)).__name__)"
    )
    kinds = dict(line.split() for line in output_of(code).splitlines())
    assert kinds.keys() == set(cnnrs.__all__)
    modules = {name for name, kind in kinds.items() if kind == "module"}
    assert {"layers", "ops", "losses", "optimizers", "schedules", "metrics", "data"} <= modules
    assert {"datasets", "augment", "zoo", "callbacks", "errors", "testing"} <= modules
    assert {name for name, kind in kinds.items() if kind == "type"} >= {"Model", "Trainer"}
    assert set(cnnrs.__all__) <= set(dir(cnnrs))


def test_the_rest_is_an_attribute_error():
    assert isinstance(cnnrs.__version__, str)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cnnrs.nonsense
