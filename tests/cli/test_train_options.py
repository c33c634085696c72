"""`cnnrs train` with options: networks, optimizers, augmentation, checkpoints, and a training that
is killed and goes on.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnrs
from cnnrs.cli import main
from cnnrs.cli.parts import Parts
from cnnrs.cli.recipe import AUGMENTATIONS, MODELS, OPTIMIZERS, build
from cnnrs.layers import Normalize
from subset import rest_is_slow

Command = Callable[..., Any]


@pytest.mark.parametrize("name", MODELS)
def test_every_network_is_built_for_images_and_classes_of_the_data(name: str) -> None:
    shape = cnnrs.zoo.ENTRIES[name].input_shape
    part = np.zeros((1, *shape), np.uint8), np.zeros(1, np.int64)
    model = build(
        name, Parts("data", "", ("cat", "dog", "fox"), part, part, part), Normalize(0.5, 0.5), 0
    )
    assert model.input_shape == shape
    assert model.output_shape == (3,)
    assert model.class_names == ("cat", "dog", "fox")
    assert not model.runtime.arena.allocated


def test_only_networks_that_put_out_a_map_are_left_out() -> None:
    left = set(cnnrs.zoo.names()) - set(MODELS)
    assert left == {
        name for name in cnnrs.zoo.names() if len(cnnrs.zoo.create(name).output_shape) > 1
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    rest_is_slow(["lenet5-original", "resnet20-cifar", "mobilenet-v1"], ["resnet20-cifar"]),
)
def test_other_networks_train(name: str, class_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.cnnrs"
    line = [
        "train",
        str(class_folder),
        "--image-size",
        "32",
        "--model",
        name,
        "--epochs",
        "1",
        "--out",
        str(file),
    ]
    assert main(line) == 0
    assert cnnrs.load(file).output_shape == (2,)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", rest_is_slow(OPTIMIZERS, ["adamw"]))
def test_optimizers_learn(
    optimizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "m.cnnrs"
    assert main(["train", "--epochs", "3", "--optimizer", optimizer, "--out", str(file)]) == 0
    accuracy = float(capsys.readouterr().out.splitlines()[-1].split()[2])
    assert accuracy > 60  # of ten classes


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", rest_is_slow(AUGMENTATIONS, ["cifar"]))
def test_augmentation_changes_what_is_learnt_and_keeps_the_size(
    augmentation: str, class_folder: Path, tmp_path: Path
) -> None:
    plain, varied = tmp_path / "plain.cnnrs", tmp_path / "varied.cnnrs"
    line = ["train", str(class_folder), "--epochs", "2", "--out"]
    assert main([*line, str(plain)]) == 0
    assert main([*line, str(varied), "--augment", augmentation]) == 0
    first, second = cnnrs.load(plain), cnnrs.load(varied)
    assert second.input_shape == first.input_shape == (12, 10, 3)
    same = all(
        np.array_equal(value, second.state_dict()[name])
        for name, value in first.state_dict().items()
    )
    assert same == (augmentation == "none")


@pytest.mark.slow
def test_checkpoints_are_written_and_taken_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, whole, parts = tmp_path / "run", tmp_path / "whole.cnnrs", tmp_path / "parts.cnnrs"
    assert main(["train", "--epochs", "3", "--out", str(whole)]) == 0
    capsys.readouterr()
    line = [
        "train",
        "--epochs",
        "3",
        "--out",
        str(parts),
        "--checkpoint-dir",
        str(folder),
        "--checkpoint-every",
        "30",
    ]
    assert main(line) == 0
    assert whole.read_bytes() == parts.read_bytes()
    assert "epoch 1/3" in capsys.readouterr().err
    files = sorted(folder.iterdir())
    assert len(files) == 2
    parts.unlink()
    assert main(line) == 0  # there is nothing left to train
    assert "epoch" not in capsys.readouterr().err.replace("trained 3 epochs", "")
    assert whole.read_bytes() == parts.read_bytes()
    assert (
        main([*line[:-4], "--resume", str(files[0])]) == 0
    )  # of the last epoch, what comes after that checkpoint
    assert "epoch 3/3" in (said := capsys.readouterr().err)
    assert "epoch 2/3" not in said
    assert whole.read_bytes() == parts.read_bytes()
    assert main([*line, "--resume", "never"]) == 0
    assert "epoch 1/3" in capsys.readouterr().err


@pytest.mark.slow
def test_a_checkpoint_of_another_training_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = [
        "train",
        "--epochs",
        "1",
        "--out",
        str(tmp_path / "m.cnnrs"),
        "--checkpoint-dir",
        str(tmp_path / "run"),
    ]
    assert main(line) == 0
    for option in (
        ["--optimizer", "adam"],
        ["--augment", "mnist"],
        ["--batch-size", "32"],
        ["--seed", "1"],
        ["--model", "classic"],
    ):
        capsys.readouterr()
        assert main([*line, *option]) == 1
        assert "the checkpoint is of another training" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kill -9")
@pytest.mark.parametrize(
    "options",
    [[], ["--optimizer", "adamw", "--augment", "mnist"]],
    ids=["plain", "adamw and augmentation"],
)
def test_a_training_that_is_killed_gives_the_same_file(
    options: list[str], command: Command, tmp_path: Path, rng: np.random.Generator
) -> None:
    line = ["train", "digits", "--epochs", "5", *options]
    assert command(*line, "--out", tmp_path / "whole.cnnrs").returncode == 0
    line = [
        *line,
        "--out",
        str(tmp_path / "killed.cnnrs"),
        "--checkpoint-dir",
        str(tmp_path / "run"),
        "--checkpoint-every",
        "5",
    ]

    def newest() -> list[Path]:
        return sorted((tmp_path / "run").glob("*.safetensors"))[-1:]

    killed = 0
    for attempt in range(13):
        threads = str(rng.integers(1, 4))
        process = subprocess.Popen(
            [sys.executable, "-m", "cnnrs", *line, "--threads", threads],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        before, until = newest(), time.monotonic() + 120
        while (
            process.poll() is None
            and attempt < 12
            and newest() == before
            and time.monotonic() < until
        ):
            time.sleep(0.01)
            if attempt % 4 == 3:  # before it has done anything
                break
        time.sleep(rng.uniform(0, 0.1) if attempt < 12 else 0)
        if attempt < 12:
            process.kill()
        _, said = process.communicate(timeout=300)
        killed += process.returncode == -signal.SIGKILL
    assert process.returncode == 0, said
    assert killed >= 5
    assert (tmp_path / "killed.cnnrs").read_bytes() == (tmp_path / "whole.cnnrs").read_bytes()
