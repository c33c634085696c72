"""Run the experiments under examples/ with ``--quick`` on a few images.

Each prints the published figure beside its own.
"""

import gzip
import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnrs import datasets
from subset import rest_is_slow

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURE = "readme_picture.py"  # draws a picture and is no experiment
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != PICTURE)
RUNS = [(name,) for name in NAMES] + [
    ("learning_rate_too_high.py", "on MNIST"),
    ("lenet5_mnist.py", "--distort"),
]


def idx(array):
    """Return the bytes of an idx file of uint8."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(
        size.to_bytes(4, "big") for size in array.shape
    )
    return gzip.compress(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def few_images(tmp_path_factory):
    """Write the digits, enlarged, as the files of MNIST and of CIFAR-10; return the folder."""
    folder = tmp_path_factory.mktemp("data")
    digits = datasets.load_digits()
    (folder / "mnist").mkdir()
    (folder / "cifar10").mkdir()
    for stem, x, y in (("train", *digits.train), ("t10k", *digits.test)):
        large = x[..., 0].repeat(3, axis=1).repeat(3, axis=2)
        images = np.pad(large, ((0, 0), (2, 2), (2, 2)))
        (folder / "mnist" / f"{stem}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / "mnist" / f"{stem}-labels-idx1-ubyte.gz").write_bytes(idx(y))
        planes = np.pad(images, ((0, 0), (2, 2), (2, 2))).reshape(len(x), -1)
        records = np.concatenate([y[:, None].astype(np.uint8), planes, planes, planes], axis=1)
        parts = np.array_split(records, 5) if stem == "train" else [records]
        for number, part in enumerate(parts, 1):
            name = f"data_batch_{number}.bin" if stem == "train" else "test_batch.bin"
            (folder / "cifar10" / name).write_bytes(part.tobytes())
    return folder


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(name):
    """Import an example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("run_of", rest_is_slow(RUNS, [("dropout_mnist.py",)]), ids=" ".join)
@pytest.mark.slow
def test_an_experiment_runs(run_of, few_images):
    name, *options = run_of
    data_free = name == "learning_rate_too_high.py" and not options
    output = run(
        name,
        "--quick",
        *([] if data_free else ["--data-dir", str(few_images)]),
        *(option for option in options if option.startswith("--")),
    )
    assert "published" in output or "the limit is 2 / 4" in output
    assert (
        name == "learning_rate_too_high.py" or "nan" not in output.lower()
    )  # that one shows how a loss ends as NaN


@pytest.mark.slow
def test_the_picture_of_the_readme_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    run(PICTURE, "--out", str(tmp_path / "picture.png"))
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_every_experiment_is_in_the_table():
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"]({name})" not in table] == []


@pytest.mark.slow
def test_the_limit_of_the_learning_rate_is_met_exactly():
    lines = [
        line.split()
        for line in run("learning_rate_too_high.py", "--quick").splitlines()
        if "|w|" in line
    ]
    verdicts = {float(line[2]): line[6] for line in lines}
    assert verdicts == {
        0.1: "converges",
        0.4: "converges",
        0.49: "converges",
        0.5: "stays",
        0.51: "diverges",
        0.6: "diverges",
    }


def test_the_interval_of_a_few_gains():
    """By hand: 1, 2, 3 have mean 2 and deviation 1; t = 4.303 for two degrees of freedom."""
    assert load("augmentation_pays").mean_with_interval([1.0, 2.0, 3.0]) == pytest.approx(
        (2, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5)
    )


def test_the_interval_of_a_difference_on_the_same_images():
    """By hand: of 100 images, 10 only the first model gets wrong, 4 only the second, 5 both."""
    first, second = np.zeros(100, bool), np.zeros(100, bool)
    first[:15], second[10:19] = True, True
    gain, half = load("dropout_mnist").difference(first, second)
    assert gain == pytest.approx(6)
    assert half == pytest.approx(100 * 1.96 * math.sqrt((0.14 - 0.06**2) / 100))
