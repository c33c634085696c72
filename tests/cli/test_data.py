"""`cnnrs data`: the figures of a data set, its parts, and what they share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnrs.cli import main

Captured = pytest.CaptureFixture[str]


def test_class_folders_are_counted(class_folder: Path, capsys: Captured) -> None:
    assert main(["data", str(class_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "all: 24 images, 0 of them repeated"
    assert lines[1:3] == ["  bright: 12", "  dark: 12"]
    assert lines[3] == "sizes (height x width): 12x10 (24)"
    pixels = (
        np.stack([np.asarray(Image.open(file)) for file in class_folder.rglob("*.png")])
        .reshape(-1, 3)
        .astype(float)
    )
    assert lines[4] == "mean per channel: " + ", ".join(
        f"{value:.2f}" for value in pixels.mean(axis=0)
    )
    assert lines[5] == "deviation per channel: " + ", ".join(
        f"{value:.2f}" for value in pixels.std(axis=0)
    )


def test_an_image_in_two_parts_is_named(
    class_folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    root = tmp_path / "divided"
    for part in ("train", "test"):
        for name in ("bright", "dark"):
            (root / part / name).mkdir(parents=True)
    for number in range(4):
        for name in ("bright", "dark"):
            (root / ("train" if number < 3 else "test") / name / f"{number}.png").write_bytes(
                (class_folder / name / f"{number}.png").read_bytes()
            )
    (root / "test" / "dark" / "again.png").write_bytes(
        (class_folder / "dark" / "1.png").read_bytes()
    )
    assert main(["data", str(root)]) == 0
    out = capsys.readouterr().out
    assert "train: 6 images" in out
    assert "test: 3 images" in out
    assert "images both in train and in test: 1\n" in out
    assert f"  {root / 'train' / 'dark' / '1.png'} = {root / 'test' / 'dark' / 'again.png'}" in out


@pytest.mark.slow
def test_boxes_are_counted(data_dir: Path, capsys: Captured) -> None:
    assert main(["data", str(data_dir / "detection" / "bccd")]) == 0
    out = capsys.readouterr().out
    counts = [line.split()[0] + line.split()[1] for line in out.splitlines() if " images, " in line]
    assert counts == ["train:205", "val:87", "test:72"]
    assert out.count("boxes of zero size: 1") == 2


@pytest.mark.slow
def test_a_sheet_is_drawn(class_folder: Path, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("matplotlib")
    assert main(["data", str(class_folder), "--out", str(tmp_path / "sheet.png")]) == 0
    assert "samples drawn: " in capsys.readouterr().out
    assert (tmp_path / "sheet.png").is_file()


def test_what_is_no_data_set(command: Callable[..., Any], tmp_path: Path) -> None:
    done = command("data", "nosuch")
    assert done.returncode == 2
    assert "no data set and no folder is called 'nosuch'" in done.stderr
    done = command("data", tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
