"""Check the structure of the source: floors, circles among files, and file sizes.

Each list of exceptions only shrinks: a test fails when an entry is no longer needed.
"""

import ast
from pathlib import Path

import pytest

import source_files
from source_files import (
    PACKAGE,
    ROOT,
    SOURCE_FOLDERS,
    name_of,
    package_of,
    python_imports,
    text_of,
    tree_of,
)

FLOORS = {
    "_core": 1,
    "errors": 2,
    "_arguments": 2,
    "_streams": 2,
    "_renamed": 2,
    "_representation": 2,
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
# Allowed imports between parts on the same floor.
BESIDE = {
    ("_arguments", "errors"),
    ("_renamed", "errors"),
    ("ops", "errors"),
    ("ops", "_arguments"),
    ("ops", "_renamed"),
    ("layers", "initializers"),
    ("augment", "data"),
    ("datasets", "data"),
    ("trainer", "callbacks"),
    ("cli", "plot"),
    ("cli", "onnx"),
}
TOP = {"__init__", "__main__"}  # above all floors
MAX_LINES = 400

LONG_FILES: set[str] = set()
CIRCLES: set[tuple[str, ...]] = set()
# Files under model/ that name a layer class. `fusion` and `notation` may.
LAYERS_IN_MODEL: set[str] = set()


def part_of(path: Path) -> str:
    """Return the module or package directly under `cnnrs` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_module(name: str) -> bool:
    return name == "_core" or (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def faults_in(tree: ast.Module, path: Path) -> list[str]:
    """Return the imports of one file that its floor does not allow."""
    part = part_of(path)
    found = []
    for name in python_imports(tree, package_of(path)):
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


def check_exceptions(found: set, allowed: set, rule: str) -> None:
    """Compare what breaks a rule with the exceptions to it, both ways."""
    assert found - allowed == set(), rule
    assert allowed - found == set(), "remove these exceptions, which are no longer needed"


def test_imports_go_down_only() -> None:
    faults = {}
    for path in source_files.files(PACKAGE, ".py"):
        assert part_of(path) in TOP | FLOORS.keys(), f"give {part_of(path)} a floor in FLOORS"
        if found := faults_in(tree_of(path), path):
            faults[name_of(path)] = found
    assert faults == {}


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
def test_the_check_finds_an_import_that_goes_up(file: str, line: str) -> None:
    assert faults_in(ast.parse(line), PACKAGE / file)


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
def test_the_check_accepts_an_import_that_goes_down(file: str, line: str) -> None:
    assert faults_in(ast.parse(line), PACKAGE / file) == []


def test_files_do_not_import_one_another_in_circles() -> None:
    graph = source_files.python_graph()
    assert sum(map(len, graph.values())) > 300, "the imports were not found"
    check_exceptions(source_files.circles(graph), CIRCLES, "these files import one another")


def test_the_check_finds_circles() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}
    assert source_files.circles(graph) == {("a", "b", "c"), ("d", "e")}
    assert source_files.circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


def layer_classes() -> set[str]:
    """Return the names of the built-in layers."""
    from cnnrs import layers

    found = {
        name
        for name in dir(layers)
        if isinstance(value := getattr(layers, name), type) and issubclass(value, layers.Layer)
    }
    assert {"Conv2D", "MaxPool2D", "Softmax"} <= found
    return found - {"Layer"}


def test_the_model_floor_names_no_layer() -> None:
    classes = layer_classes()
    model = PACKAGE / "model"
    found = set()
    for path in source_files.files(model, ".py"):
        tree = ast.walk(tree_of(path))
        named = {getattr(node, "id", getattr(node, "attr", None)) for node in tree} & classes
        if named and path.stem not in ("fusion", "notation"):
            found.add(name_of(path, model))
    check_exceptions(found, LAYERS_IN_MODEL, "only fusion.py and notation.py may name a layer")


@pytest.mark.parametrize("suffix", [".py", ".rs"])
def test_files_stay_small(suffix: str) -> None:
    paths = [path for f in SOURCE_FOLDERS for path in source_files.files(ROOT / f, suffix)]
    assert len(paths) > 100
    found = {name_of(path) for path in paths if len(text_of(path).splitlines()) > MAX_LINES}
    allowed = {name for name in LONG_FILES if name.endswith(suffix)}
    check_exceptions(found, allowed, f"split these files, which have more than {MAX_LINES} lines")
