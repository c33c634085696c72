"""`cnnrs evaluate`, `predict`, `summary`, `doctor`: what is done with a model once it is there."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import cnnrs
from cnnrs.cli import main
from cnnrs.layers import Conv2D, Dense, Flatten

Command = Callable[..., Any]
Captured = pytest.CaptureFixture[str]


def save_image(pixels: np.ndarray[Any, Any], path: Path) -> str:
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)
    return str(path)


def test_evaluate_gives_the_figure_of_the_training(digits_model: Path, capsys: Captured) -> None:
    assert main(["evaluate", str(digits_model), "digits"]) == 0
    out = capsys.readouterr().out
    digits = cnnrs.datasets.load("digits")
    right = int((cnnrs.load(digits_model).predict(digits.x_test) == digits.y_test).sum())
    assert out.splitlines()[-1] == f"test accuracy {100 * right / 360:.2f} % (360 images)"
    matrix = [
        list(map(int, re.sub(r"\.", "0", line).split()[1:])) for line in out.splitlines()[2:12]
    ]
    assert np.sum(matrix) == 360
    assert np.trace(matrix) == right
    assert np.sum(matrix, axis=1).tolist() == np.bincount(digits.y_test).tolist()


def test_evaluate_matches_classes_by_name(
    digits_model: Path, tmp_path: Path, capsys: Captured
) -> None:
    digits = cnnrs.datasets.load("digits")
    right = cnnrs.load(digits_model).predict(digits.x_test) == digits.y_test
    for name in ("7", "3"):  # a folder with two of the ten classes: its labels are 0 and 1
        (tmp_path / name).mkdir()
        for index in np.flatnonzero(right & (digits.y_test == int(name)))[:4]:
            save_image(digits.x_test[index], tmp_path / name / f"{index}.png")
    assert main(["evaluate", str(digits_model), str(tmp_path), "--all"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "test accuracy 100.00 % (8 images)"
    (tmp_path / "3").rename(tmp_path / "three")
    assert main(["evaluate", str(digits_model), str(tmp_path), "--all"]) == 1
    assert "'three'" in capsys.readouterr().err


def test_evaluate_refuses_images_of_another_size(
    digits_model: Path, data_dir: Path, capsys: Captured
) -> None:
    assert main(["evaluate", str(digits_model), "mnist", "--data-dir", str(data_dir)]) == 1
    assert "8x8x1" in capsys.readouterr().err


def test_predict_names_the_digit(digits_model: Path, tmp_path: Path, capsys: Captured) -> None:
    digits = cnnrs.datasets.load("digits")
    image = digits.x_test[0]
    probabilities = cnnrs.load(digits_model).predict_proba(image[np.newaxis])[0]
    path = save_image(image, tmp_path / "a.png")
    assert main(["predict", str(digits_model), path, path]) == 0
    captured = capsys.readouterr()
    best = np.argsort(-probabilities)[:3]
    assert (
        captured.out.splitlines()
        == [f"{path}: " + ", ".join(f"{k} {100 * probabilities[k]:.2f} %" for k in best)] * 2
    )
    assert captured.err == ""  # nothing was resized


@pytest.mark.slow
def test_predict_on_an_mnist_image(data_dir: Path, tmp_path: Path, capsys: Captured) -> None:
    mnist = cnnrs.datasets.load("mnist", data_dir)
    model = cnnrs.zoo.create("lenet5", input_shape=(28, 28, 1), num_classes=10, seed=0)
    model = cnnrs.Sequential(
        (28, 28, 1), [cnnrs.layers.Rescale(1 / 255), model], class_names=mnist.class_names
    )
    trainer = cnnrs.Trainer(
        model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.05, momentum=0.9), seed=0
    )
    trainer.fit((mnist.x_train[:6000], mnist.y_train[:6000]), epochs=2, batch_size=64)
    file = tmp_path / "mnist.cnnrs"
    model.save(file)
    images = [save_image(mnist.x_test[index], tmp_path / f"{index}.png") for index in range(20)]
    assert main(["predict", str(file), *images]) == 0
    named = [re.match(r".*\.png: (\d) ", line)[1] for line in capsys.readouterr().out.splitlines()]  # type: ignore[index]
    right = sum(int(name) == label for name, label in zip(named, mnist.y_test, strict=False))
    assert right >= 18
    assert named[0] == "7"  # the first test image of MNIST


def test_predict_brings_an_image_to_the_size_and_colours_of_the_model(
    digits_model: Path, tmp_path: Path, capsys: Captured
) -> None:
    digits = cnnrs.datasets.load("digits")
    large = digits.x_test[0].repeat(5, axis=0).repeat(5, axis=1).repeat(3, axis=2)
    plain = save_image(digits.x_test[0], tmp_path / "small.png")
    assert (
        main(
            [
                "predict",
                str(digits_model),
                plain,
                save_image(large, tmp_path / "large.png"),
                "--top",
                "1",
            ]
        )
        == 0
    )
    captured = capsys.readouterr()
    answers = [line.split(": ")[1].split()[0] for line in captured.out.splitlines()]
    assert answers[0] == answers[1]
    assert captured.err.strip().endswith("resized from 40x40 to 8x8 (height x width)")


def test_predict_goes_on_after_a_broken_image(
    digits_model: Path, tmp_path: Path, capsys: Captured
) -> None:
    good = save_image(cnnrs.datasets.load("digits").x_test[0], tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(Path(good).read_bytes()[:60])
    (tmp_path / "text.png").write_text("no image")
    missing = [
        str(tmp_path / "broken.png"),
        str(tmp_path / "text.png"),
        str(tmp_path / "none.png"),
        str(tmp_path),
    ]
    assert main(["predict", str(digits_model), *missing, good]) == 1
    captured = capsys.readouterr()
    assert [line.split(":")[0] for line in captured.out.splitlines()] == [good]
    errors = captured.err.splitlines()
    assert len(errors) == 4
    assert all(
        line.startswith(f"cnnrs: error: {path}: ")
        for line, path in zip(errors, missing, strict=True)
    )


def test_predict_without_class_names_gives_numbers(tmp_path: Path, capsys: Captured) -> None:
    cnnrs.Sequential((4, 4, 3), [Flatten(), Dense(2)]).save(tmp_path / "m.cnnrs")
    image = save_image(np.zeros((4, 4, 3), dtype=np.uint8), tmp_path / "a.png")
    assert main(["predict", str(tmp_path / "m.cnnrs"), image]) == 0
    assert capsys.readouterr().out == f"{image}: 0 50.00 %, 1 50.00 %\n"


def test_predict_refuses_a_model_of_another_kind(tmp_path: Path, capsys: Captured) -> None:
    cnnrs.Sequential((4, 4, 5), [Conv2D(2, 3)]).save(tmp_path / "m.cnnrs")
    assert main(["predict", str(tmp_path / "m.cnnrs"), "a.png"]) == 1
    assert "not a classifier" in capsys.readouterr().err


def test_summary(digits_model: Path, capsys: Captured) -> None:
    assert main(["summary", str(digits_model)]) == 0
    out = capsys.readouterr().out
    assert f"{cnnrs.load(digits_model).num_parameters:,}" in out


def test_doctor(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    done = command("doctor", CNNRS_SIMD="portable", CNNRS_NUM_THREADS="2", CNNRS_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.splitlines())
    assert rows["SIMD path"] == "portable"
    assert rows["threads"].startswith("2 ")
    assert rows["self-test"] == "passed"
    assert rows["numpy"] == np.__version__
    assert rows["data folder"] == f"{tmp_path}: holds mnist"


def test_doctor_notices_wrong_kernels(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setattr(cnnrs.ops, "matmul", lambda a, b: a @ b + 1)
    assert main(["doctor"]) == 1
    assert "FAILED" in capsys.readouterr().out
