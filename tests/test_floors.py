"""The floors of the package: imports go down only, one package touches the compiled module, and
`import cnnrs` stays light.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "cnnrs"

FLOORS = {
    "_core": 1,
    "errors": 2,
    "_arguments": 2,
    "_streams": 2,
    "ops": 2,
    "layers": 3,
    "initializers": 3,
    "losses": 3,
    "optimizers": 3,
    "schedules": 3,
    "metrics": 3,
    "data": 3,
    "datasets": 3,
    "augment": 3,
    "model": 4,
    "notation": 5,
    "trainer": 5,
    "callbacks": 5,
    "testing": 5,
    "zoo": 6,
    "transfer": 6,
    "detection": 6,
    "segmentation": 6,
    "distributed": 6,
    "explain": 7,
    "plot": 7,
    "cli": 7,
    "sklearn": 7,
    "onnx": 7,
}
# Within a floor: what stands on what.
BESIDE = {
    ("_arguments", "errors"),
    ("ops", "errors"),
    ("ops", "_arguments"),
    ("layers", "initializers"),
    ("augment", "data"),
    ("datasets", "data"),
    ("trainer", "callbacks"),
    ("cli", "plot"),
    ("cli", "onnx"),
}
TOP = {"__init__", "__main__"}  # these stand above all floors
HEAVY = (
    "PIL",
    "matplotlib",
    "safetensors",
    "tqdm",
    "pooch",
    "sklearn",
    "scipy",
    "onnx",
    "mpi4py",
    "torch",
)
REACHABLE = (
    *("layers", "ops", "losses", "optimizers", "schedules", "metrics"),
    *("data", "datasets", "augment", "zoo", "callbacks", "errors", "testing"),
)


def part_of(path: Path) -> str:
    """The module or package directly under `cnnrs` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The dotted names of everything a module imports, wherever in it; relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(name.name.split(".")) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            yield from ((*base, name.name) for name in node.names)


def is_module(name: str) -> bool:
    return name == "_core" or (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def faults_in(source: str, path: Path) -> list[str]:
    """What the imports of one file do that its floor does not allow."""
    part = part_of(path)
    package = ("cnnrs", *path.relative_to(PACKAGE).parts[:-1])
    found = []
    for name in imports_of(ast.parse(source), package):
        if name[0] != "cnnrs" or part in TOP:
            continue
        target = name[1] if len(name) > 1 else ""
        if not target or not is_module(target):
            if FLOORS[part] < 7:  # a lower floor that imports the whole of cnnrs
                found.append(f"{part} imports cnnrs itself ({'.'.join(name)})")
        elif target == "_core" and part != "ops":
            found.append(f"{part} imports _core; only cnnrs.ops may")
        elif target != part and FLOORS[target] >= FLOORS[part] and (part, target) not in BESIDE:
            found.append(f"{part} (floor {FLOORS[part]}) imports {target} (floor {FLOORS[target]})")
    return found


# What git ignores is nobody's code: the stand-in that may lie beside the compiled module.
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_core.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    assert part_of(path) in TOP | FLOORS.keys(), "a new module: give it a floor in FLOORS"
    assert faults_in(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("ops/matmul.py", "from cnnrs.layers import Dense"),
        ("layers/dense.py", "from cnnrs import _core"),
        ("layers/dense.py", "import cnnrs._core"),
        ("layers/dense.py", "from cnnrs.losses import CrossEntropy"),
        ("layers/dense.py", "from cnnrs import Sequential"),
        ("layers/dense.py", "import cnnrs"),
        ("layers/dense.py", "from .. import _core"),
        ("layers/dense.py", "from ..model import graph"),
        ("model/graph.py", "def late():\n    from cnnrs.trainer import Trainer"),
        ("errors.py", "from cnnrs import ops"),
        ("zoo.py", "from cnnrs.cli import main"),
    ],
)
def test_the_check_sees_a_climbing_import(file: str, line: str) -> None:
    assert faults_in(line, PACKAGE / file)


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("ops/matmul.py", "from cnnrs import _core"),
        ("layers/dense.py", "from cnnrs import _arguments, ops"),
        ("layers/dense.py", "from .base import Layer"),
        ("layers/dense.py", "import numpy as np"),
        ("cli/train.py", "from cnnrs import Trainer"),
        ("__init__.py", "from cnnrs import cli"),
    ],
)
def test_the_check_lets_a_falling_import_pass(file: str, line: str) -> None:
    assert faults_in(line, PACKAGE / file) == []


def loaded_after(statement: str) -> set[str]:
    """The modules in a fresh interpreter after one statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_is_light() -> None:
    assert loaded_after("import cnnrs").isdisjoint(HEAVY)


def test_import_is_quick() -> None:
    code = (
        "import time, numpy; start = time.perf_counter(); import cnnrs; print(time.perf_counter() "
        "- start)"
    )
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(5)
    ]
    assert min(seconds) < 0.03, "`import cnnrs` may take 30 ms beyond NumPy"


def test_all_that_a_user_reaches_for_is_there() -> None:
    names = [name for name in REACHABLE if is_module(name)]
    assert {"layers", "ops", "data", "datasets", "errors"} <= set(names)
    assert "cnnrs.ops" in loaded_after(f"import cnnrs\nfor name in {names}: getattr(cnnrs, name)")


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in FILES
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert long == {}, "a file past about 400 lines is asking to be two"
