"""Check the README: its example runs, CI runs its commands, its folders exist."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = ("pip install . && cnnrs train", "pip install '.[test]' && pytest")


def blocks(language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_example_runs_and_learns(tmp_path: Path) -> None:
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example + "\nprint('ACCURACY', "
                                                        "trainer.evaluate(digits.test)['accuracy'])"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"^ACCURACY ([\d.]+)$", done.stdout, flags=re.MULTILINE)
    assert accuracy is not None
    assert 0.96 <= float(accuracy[1]) <= 1
    assert (tmp_path / "digits.cnnrs").is_file()


def test_the_example_is_short() -> None:
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 20


def test_the_two_commands_are_those_of_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"{command}\n" in blocks("bash")
        assert f'"{command}"' in script


def test_the_folders_of_the_map_exist() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", README, flags=re.MULTILINE)
    assert len(rows) >= 8
    assert [row for row in rows if not (ROOT / row).exists()] == []


def test_every_command_line_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnrs.cli.run import build_parser

    lines = [
        line.split("#")[0].split()
        for block in blocks("bash")
        for line in block.splitlines()
        if line.startswith("cnnrs ")
    ]
    assert {words[1] for words in lines} == {
        "train",
        "evaluate",
        "predict",
        "summary",
        "data",
        "augment",
        "doctor",
    }
    for words in lines:
        build_parser().parse_args(words[1:])


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
def test_ci_script_is_sound() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    bash = shutil.which("bash")
    assert bash is not None
    assert subprocess.run([bash, "-n", str(script)], check=False).returncode == 0
