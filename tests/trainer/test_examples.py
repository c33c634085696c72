"""The experiments under examples/: each runs, in its quick form, and prints the published figure beside its own."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA_FREE = {"learning_rate_too_high.py", "vanishing_gradients.py", "deep_plain_against_residual.py"}
EXPERIMENTS = {
    *DATA_FREE,
    *("lenet5_mnist.py", "batch_norm_mnist.py", "dropout_mnist.py", "relu_against_tanh.py"),
}


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), "--quick", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_an_experiment_runs(name, request):
    arguments = [] if name in DATA_FREE else ["--data-dir", str(request.getfixturevalue("data_dir"))]
    output = run(name, *arguments)
    assert "published" in output or "the limit is 2 / 4" in output
    assert name == "learning_rate_too_high.py" or "nan" not in output.lower()  # that one shows how a loss ends as NaN


def test_the_limit_of_the_learning_rate_is_met_exactly():
    lines = [line.split() for line in run("learning_rate_too_high.py").splitlines() if "|w|" in line]
    verdicts = {float(line[2]): line[6] for line in lines}
    assert verdicts == {0.1: "converges", 0.4: "converges", 0.49: "converges", 0.5: "stays", 0.51: "diverges", 0.6: "diverges"}
