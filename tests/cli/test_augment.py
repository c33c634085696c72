"""`cnnrs augment`: a sheet is drawn, and what cannot be read is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cnnrs.cli import main

pytest.importorskip("matplotlib")


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["photos", "cifar", "mnist"])
def test_a_sheet_is_drawn(
    preset: str, class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sheet.png"
    Image.open(class_folder / "dark" / "0.png").resize((40, 40)).save(tmp_path / "a.png")
    assert (
        main(
            [
                "augment",
                str(tmp_path / "a.png"),
                "--out",
                str(out),
                "--preset",
                preset,
                "--count",
                "3",
            ]
        )
        == 0
    )
    assert "in 3 epochs of Compose(" in capsys.readouterr().out
    with Image.open(out) as sheet:
        assert min(sheet.size) > 200


@pytest.mark.slow
def test_what_is_no_image(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"text")
    done = command("augment", tmp_path / "a.png", "--out", tmp_path / "sheet.png")
    assert done.returncode == 1
    assert "a.png" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "sheet.png").exists()
