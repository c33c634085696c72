"""What goes wrong on the command line: one clear message, the right exit code, no traceback."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnnrs
from cnnrs.cli import main

Command = Callable[..., Any]
Captured = pytest.CaptureFixture[str]


def failure(capsys: Captured, *arguments: object) -> tuple[int, str]:
    """The exit code and the message of a command that fails."""
    code = main(list(map(str, arguments)))
    err = capsys.readouterr().err
    assert "Traceback" not in err
    messages = [line for line in err.splitlines() if line.startswith("cnnrs: error: ")]
    assert len(messages) == 1, err
    return code, messages[0]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "COMMAND"),
        (["fly"], "'fly'"),
        (["train", "--epochs", "0"], "--epochs: expected at least 1, got 0"),
        (["train", "--epochs", "-1"], "--epochs: expected at least 1, got -1"),
        (["train", "--epochs", "many"], "'many'"),
        (["train", "--epoch", "3"], "--epoch; did you mean --epochs?"),
        (["train", "--model", "lenet"], "did you mean 'lenet5'?"),
        (["train", "--grey"], "--grey: expected a folder of images as DATA"),
        (["train", "--image-size", "8"], "--image-size: expected a folder of images as DATA"),
        (["data", "digits", "--out", "no/such/folder/s.png"], "there is no folder"),
        (["train", "--lr", "nan"], "--lr: expected a finite number above 0"),
        (["train", "--lr", "-1"], "--lr"),
        (["train", "--seed", "-1"], "--seed"),
        (["train", "--threads", "0"], "--threads"),
        (["train", "--batch-size", "1.5"], "--batch-size"),
        (["train", "--model", "huge"], "'small', 'squeezenet1.0'"),
        (["train", "--model", "unet"], "invalid choice: 'unet'"),
        (["train", "--optimizer", "newton"], "'sgd', 'adam'"),
        (["train", "--checkpoint-every", "5"], "--checkpoint-every: needs --checkpoint-dir"),
        (["train", "--resume", "auto"], "--resume auto: needs --checkpoint-dir"),
        (["train", "--resume", "no/such/file"], "there is no such file"),
        (
            ["train", "digits", "--model", "vgg16"],
            "--model vgg16: does not take images of 8x8x1; it was made for 224x224x3",
        ),
        (["train", "digits", "--augment", "photos"], "--augment photos: varies colours"),
        (["train", "--colour", "red"], "--colour"),
        (["predict", "model.cnnrs"], "IMAGE"),
        (["train", "--out", "no/such/folder/m.cnnrs"], "there is no folder"),
        (["train", "--out", "."], "is a folder"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], part: str, capsys: Captured) -> None:
    code, message = failure(capsys, *arguments)
    assert code == 2
    assert part.strip("'") in message.replace("'", "") or part in message


def test_an_unknown_data_set_names_the_known_ones(capsys: Captured) -> None:
    code, message = failure(capsys, "train", "minst")
    assert code == 2
    assert "did you mean 'mnist'?" in message
    for name in cnnrs.datasets.names():
        assert name in message


def test_files_of_a_data_set_that_are_nowhere(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CNNRS_DATA", raising=False)
    monkeypatch.setenv("CNNRS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "pooch", None)  # as if not installed
    code, message = failure(capsys, "train", "mnist", "--data-dir", tmp_path)
    assert code == 1
    assert "'mnist' was not found" in message


def test_an_empty_folder(tmp_path: Path, capsys: Captured) -> None:
    code, message = failure(capsys, "train", tmp_path)
    assert code == 1
    assert f"{tmp_path}: expected one sub-folder of images per class" in message


@pytest.mark.parametrize("command", ["train", "data"])
def test_a_file_where_a_folder_is_expected(
    command: str, class_folder: Path, capsys: Captured
) -> None:
    file = class_folder / "dark" / "5.png"
    code, message = failure(capsys, command, file)
    assert code == 2
    assert f"{file}: expected a folder" in message


def test_a_folder_where_a_file_is_expected(
    class_folder: Path, digits_model: Path, capsys: Captured
) -> None:
    assert f"{class_folder}: expected a model file" in failure(capsys, "summary", class_folder)[1]
    _, message = failure(capsys, "predict", digits_model, class_folder)
    assert f"{class_folder}: expected an image file, got a folder" in message


@pytest.mark.parametrize("command", [["data", "digits"], ["augment", "image.png"]])
def test_a_picture_of_unknown_format(command: list[str], tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("matplotlib")
    code, message = failure(capsys, *command, "--out", tmp_path / "sheet.xyz")
    assert code == 1
    assert "--out: expected a file name that ends with one of" in message


def test_a_class_without_images(class_folder: Path, capsys: Captured) -> None:
    (class_folder / "empty").mkdir()
    code, message = failure(capsys, "train", class_folder)
    assert code == 1
    assert "expected images of the class 'empty', got none" in message


def test_one_class_only(class_folder: Path, capsys: Captured) -> None:
    for image in (class_folder / "dark").iterdir():
        image.unlink()
    (class_folder / "dark").rmdir()
    code, message = failure(capsys, "train", class_folder)
    assert code == 1
    assert "one class" in message


def test_too_few_images_in_a_class(class_folder: Path, capsys: Captured) -> None:
    for image in list((class_folder / "dark").iterdir())[2:]:
        image.unlink()
    code, message = failure(capsys, "train", class_folder)
    assert code == 1
    assert "dark: holds 2 images; at least 3" in message


def test_a_broken_image_is_named_or_skipped(
    class_folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    (class_folder / "dark" / "5.png").write_bytes(b"\x89PNG and no more")
    code, message = failure(capsys, "train", class_folder)
    assert code == 1
    assert "5.png" in message
    assert "--skip-broken" in message
    code, message = failure(capsys, "data", class_folder)
    assert code == 1
    assert "--skip-broken" in message
    assert main(["data", str(class_folder), "--skip-broken"]) == 0
    capsys.readouterr()
    assert (
        main(
            [
                "train",
                str(class_folder),
                "--skip-broken",
                "--epochs",
                "1",
                "--out",
                str(tmp_path / "m.cnnrs"),
            ]
        )
        == 0
    )
    err = capsys.readouterr().err
    assert "cnnrs: warning: skipped 1 damaged" in err
    assert "23 images" in err


def test_more_pixels_than_the_command_allows(class_folder: Path, capsys: Captured) -> None:
    code, message = failure(capsys, "train", class_folder, "--image-size", "100000")
    assert code == 1
    assert "--image-size" in message


@pytest.mark.slow
@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_truncated_model_file(
    keep: int, digits_model: Path, tmp_path: Path, capsys: Captured
) -> None:
    damaged = tmp_path / "damaged.cnnrs"
    damaged.write_bytes(digits_model.read_bytes()[:keep])
    for arguments in (
        ["summary", damaged],
        ["evaluate", damaged, "digits"],
        ["predict", damaged, "a.png"],
    ):
        code, message = failure(capsys, *arguments)
        assert code == 1
        assert str(damaged) in message


def test_a_model_file_that_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    code, message = failure(capsys, "summary", tmp_path / "none.cnnrs")
    assert code == 1
    assert message == f"cnnrs: error: {tmp_path / 'none.cnnrs'}: No such file or directory"


def test_a_learning_rate_that_diverges(tmp_path: Path, capsys: Captured) -> None:
    code, message = failure(
        capsys, "train", "--lr", "1e30", "--epochs", "2", "--out", tmp_path / "m.cnnrs"
    )
    assert code == 1
    assert "step" in message
    assert list(tmp_path.iterdir()) == []


def test_a_defect_shows_its_traceback_on_request(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("cnnrs.cli.summary.load_model", lambda path: 1 / 0)
    code, message = failure(capsys, "summary", "m")
    assert code == 1
    assert "ZeroDivisionError" in message
    assert "CNNRS_DEBUG=1" in message
    monkeypatch.setenv("CNNRS_DEBUG", "1")
    assert main(["summary", "m"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_help_and_version(command: Command, capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"cnnrs {cnnrs.__version__}\n"
    done = command("train", "--help")
    assert done.returncode == 0
    assert "--threads" in done.stdout


def test_a_reader_that_leaves_early(digits_model: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnrs", "summary", str(digits_model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert err == ""


@pytest.mark.timing
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_interrupted(tmp_path: Path) -> None:
    line = [
        sys.executable,
        "-m",
        "cnnrs",
        "train",
        "--epochs",
        "100000",
        "--out",
        str(tmp_path / "m.cnnrs"),
    ]

    with subprocess.Popen(
        line,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # the summary: training starts
        time.sleep(1)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert time.monotonic() - start < 5
    assert process.returncode == 130
    assert err.splitlines()[-1] == "cnnrs: interrupted"
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []
