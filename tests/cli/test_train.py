"""`cnnrs train`: the figure, the files, the same figure again."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnrs
from cnnrs.cli import main
from cnnrs.cli.train import pixel_statistics
from subset import rest_is_slow

Command = Callable[..., Any]


def last_line(text: str) -> str:
    return text.splitlines()[-1]


def accuracy(text: str) -> float:
    found = re.fullmatch(r"test accuracy (\d+\.\d\d) % \((\d+) images?\)", last_line(text))
    assert found is not None, last_line(text)
    return float(found[1])


@pytest.mark.slow
def test_digits_by_default(command: Command, tmp_path: Path) -> None:
    done = command("train", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert last_line(done.stdout).endswith(" % (360 images)")
    assert accuracy(done.stdout) >= 98
    assert "confusion matrix" in done.stdout
    assert "precision" in done.stdout
    pytest.importorskip("matplotlib")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "cnnrs-digits-curves.png",
        "cnnrs-digits.cnnrs",
    ]
    assert (tmp_path / "cnnrs-digits-curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_same_figure_and_same_weights_with_any_number_of_threads(
    command: Command, tmp_path: Path
) -> None:
    outputs = []
    for threads in (1, 2, 3):
        file = tmp_path / f"{threads}.cnnrs"
        done = command(
            "train", "digits", "--epochs", 2, "--seed", 7, "--threads", threads, "--out", file
        )
        assert done.returncode == 0, done.stderr
        said = re.sub(
            "^peak memory .*\n", "", done.stdout, flags=re.MULTILINE
        )  # each thread has scratch of its own
        outputs.append(
            (said, {name: value.tobytes() for name, value in cnnrs.load(file).state_dict().items()})
        )
    assert outputs[0] == outputs[1] == outputs[2]


@pytest.mark.slow
def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    weights = []
    for seed in (1, 2):
        file = tmp_path / f"{seed}.cnnrs"
        assert main(["train", "--epochs", "1", "--seed", str(seed), "--out", str(file)]) == 0
        weights.append(next(iter(cnnrs.load(file).state_dict().values())))
    assert not np.array_equal(weights[0], weights[1])


@pytest.mark.parametrize("name", rest_is_slow(["small", "lenet5", "classic"], ["lenet5"]))
def test_a_folder_of_classes(
    name: str, class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "photos.cnnrs"
    assert (
        main(
            [
                "train",
                str(class_folder),
                "--image-size",
                "32",
                "--model",
                name,
                "--epochs",
                "15",
                "--out",
                str(file),
            ]
        )
        == 0
    )
    assert accuracy(capsys.readouterr().out) >= 75
    model = cnnrs.load(file)
    assert model.class_names == ("bright", "dark")
    assert model.input_shape == (32, 32, 3)
    bright = np.full((1, 32, 32, 3), 200, dtype=np.uint8)
    assert model.predict(np.concatenate([bright, bright // 8]), names=True) == ["bright", "dark"]


@pytest.mark.slow
def test_small_images_keep_their_size(class_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "photos.cnnrs"
    assert main(["train", str(class_folder), "--grey", "--epochs", "1", "--out", str(file)]) == 0
    assert cnnrs.load(file).input_shape == (12, 10, 1)


@pytest.mark.slow
def test_a_divided_folder_is_taken_as_divided(
    class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "divided"
    for part, numbers in (("train", range(9)), ("test", range(9, 12))):
        for name in ("dark", "bright"):
            (root / part / name).mkdir(parents=True)
            for index in numbers:
                (root / part / name / f"{index}.png").write_bytes(
                    (class_folder / name / f"{index}.png").read_bytes()
                )
    assert main(["train", str(root), "--epochs", "1", "--out", str(tmp_path / "a.cnnrs")]) == 0
    captured = capsys.readouterr()
    assert last_line(captured.out).endswith("(6 images)")
    assert "16 training, 2 validation, 6 test" in captured.err


@pytest.mark.slow
def test_progress_goes_to_stderr(digits_model: Path, command: Command, tmp_path: Path) -> None:
    done = command("train", "--epochs", 1, "--out", tmp_path / "a.cnnrs")
    assert "epoch" in done.stderr.lower()
    assert "epoch" not in done.stdout.lower()


def test_pixel_statistics_are_those_of_numpy(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (5, 7, 6, 3), dtype=np.uint8)
    mean, std = pixel_statistics(images)
    assert np.allclose(mean, images.mean(axis=(0, 1, 2)), atol=1e-3)
    assert np.allclose(std, images.std(axis=(0, 1, 2)), atol=1e-3)
    assert pixel_statistics(np.full((1, 2, 2, 1), 9, dtype=np.uint8)) == (
        [9.0],
        [1.0],
    )  # nothing to divide by


@pytest.mark.slow
def test_evaluate_finds_the_images_that_were_held_back(
    class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "photos.cnnrs")
    assert main(["train", str(class_folder), "--seed", "5", "--epochs", "2", "--out", file]) == 0
    trained = capsys.readouterr().out.splitlines()
    assert main(["evaluate", file, str(class_folder), "--seed", "5"]) == 0
    evaluated = capsys.readouterr().out.splitlines()
    assert trained[-len(evaluated) :] == evaluated
    assert evaluated[-1].endswith("(4 images)")
    assert main(["evaluate", file, str(class_folder), "--all"]) == 0
    assert last_line(capsys.readouterr().out).endswith("(24 images)")


@pytest.mark.slow
def test_classic_on_mnist(command: Command, data_dir: Path, tmp_path: Path) -> None:
    done = command(
        "train", "mnist", "--model", "classic", "--epochs", 3, "--data-dir", data_dir, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert last_line(done.stdout).endswith("(10000 images)")
    assert accuracy(done.stdout) >= 99
    again = command("evaluate", "cnnrs-mnist.cnnrs", "mnist", "--data-dir", data_dir, cwd=tmp_path)
    assert last_line(again.stdout) == last_line(done.stdout)
