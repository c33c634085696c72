"""Run the Python code of every page under docs/, and check the links between the pages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def program_of(text: str) -> str:
    """Return the Python blocks with all other lines empty, so that line numbers stay."""
    lines, inside = [], False
    for line in text.splitlines():
        fence = line.startswith("```")
        lines.append(line if inside and not fence else "")
        if fence:
            inside = line == "```python"
    return "\n".join(lines)


def links(text: str) -> list[str]:
    """Return the targets of links that are no web addresses, without the part after #."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    targets = (target.split("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text))
    return [target for target in targets if target and "://" not in target]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_runs(path: Path, tmp_path: Path) -> None:
    """All Python blocks, in order, in one fresh interpreter, with warnings as errors."""
    text = path.read_text(encoding="utf-8")
    code = blocks(text, "python")
    rust = blocks(text, "rust")
    assert all(block.strip() for block in code + rust), "an empty block"
    if path.parent.name == "howto":
        assert code or rust, "a how-to page shows code"
    if code:
        program = tmp_path / path.name
        program.write_text(program_of(text), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_links_lead_to_files() -> None:
    broken = set()
    for path in [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in links(path.read_text(encoding="utf-8")):
            file = (path.parent / target).resolve()
            if not file.exists():
                broken.add(file.relative_to(ROOT).as_posix())
    assert broken == set(), "links to files that do not exist"


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    names = {path.relative_to(DOCS).as_posix() for path in PAGES} - {"README.md"}
    assert {"howto/data_source.md", "howto/transform.md", "howto/optimizer.md"} <= names
    assert [name for name in sorted(names) if f"]({name})" not in index] == []


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./]+(?:\.py|\.rs|\.pyi|/))`", text))
    assert len(named) > 40
    bases = [
        ROOT,
        ROOT / "python" / "cnnrs",
        ROOT / "python",
        ROOT / "rust" / "kernels",
        *(ROOT / folder for folder in ("python/cnnrs/model/plan", "python/cnnrs/model/run")),
        *(ROOT / folder for folder in ("rust/kernels/conv2d", "docs")),
    ]
    missing = [name for name in sorted(named) if not any((base / name).exists() for base in bases)]
    assert missing == []
