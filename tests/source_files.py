"""Read the source files of the repository: where they are, what they import, which form circles."""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "cnnrs"
KERNELS = ROOT / "rust" / "kernels"
SOURCE_FOLDERS = ("python", "rust", "tests", "benches", "examples")


def files(folder: Path, suffix: str) -> list[Path]:
    """Return the files under `folder` with a suffix, sorted, without what git ignores."""
    ignored = {"_core.py", "__pycache__", "target", "node_modules"}
    return sorted(p for p in folder.rglob(f"*{suffix}") if ignored.isdisjoint(p.parts))


def name_of(path: Path, folder: Path = ROOT) -> str:
    """Return a path relative to `folder`, with forward slashes."""
    return path.relative_to(folder).as_posix()


@functools.cache
def text_of(path: Path) -> str:
    """Return the content of a source file."""
    return path.read_text(encoding="utf-8")


def python_imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the dotted names of all imports, also those in functions and under TYPE_CHECKING.

    Relative imports are made absolute from `package`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(name.name.split(".")) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            yield from ((*base, name.name) for name in node.names)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a Python file."""
    return ast.parse(text_of(path))


def package_of(path: Path) -> tuple[str, ...]:
    """Return the dotted name of the package that a Python file is in."""
    return ("cnnrs", *path.relative_to(PACKAGE).parts[:-1])


def python_graph() -> dict[str, set[str]]:
    """Return which files of the package each of its files imports.

    ``from cnnrs.layers import base`` is an import of ``layers/base.py``; ``from cnnrs.layers
    import Layer`` is one of ``layers/__init__.py``.
    """
    paths = {
        path for path in files(PACKAGE, ".py") if path.parent != PACKAGE or "__" not in path.name
    }
    graph: dict[str, set[str]] = {}
    for path in paths:
        imported = {
            target
            for name in python_imports(tree_of(path), package_of(path))
            if (target := _python_file(name)) in paths
        }
        graph[name_of(path, PACKAGE)] = {name_of(target, PACKAGE) for target in imported - {path}}
    return graph


def _python_file(name: tuple[str, ...]) -> Path | None:
    """Return the file of a module, or of the module that an object is imported from."""
    if name[0] != "cnnrs":
        return None
    for parts in (name[1:], name[1:-1]):
        base = PACKAGE.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def rust_imports(source: str, module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the absolute paths, from the root of the crate, that Rust code refers to.

    Both `use` lines and paths within expressions count. `module` is the module of the code, such
    as ``("kernels", "pool2d", "max")``. Comments are left out, and so is everything from the first
    ``mod tests {`` on, whose `super` means another module.
    """
    source = re.sub(r"//[^\n]*", "", source).split("mod tests {")[0]
    for match in re.finditer(r"\b((?:crate|super)(?:\s*::\s*\w+)*)(\s*::\s*\{)?", source):
        parts = re.split(r"\s*::\s*", match[1])
        tails = _heads(source, match.end()) if match[2] else [()]
        climbs = parts.count("super")
        base = module[: len(module) - climbs] if climbs else ()
        yield from ((*base, *parts[max(climbs, 1) :], *tail) for tail in tails)


def _heads(source: str, start: int) -> list[tuple[str, ...]]:
    """Return the first name of each item of a list in braces that begins at `start`."""
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        end += 1
    flat = source[start : end - 1]
    while "{" in flat:
        flat = re.sub(r"\{[^{}]*\}", "", flat)
    return [(head[0],) for item in flat.split(",") if (head := re.findall(r"\w+", item))]


def module_of(path: Path) -> tuple[str, ...]:
    """Return the module path of a Rust file, from the root of the crate."""
    parts = path.relative_to(ROOT / "rust").with_suffix("").parts
    return parts[:-1] if parts[-1] == "mod" else parts


def rust_graph() -> dict[str, set[str]]:
    """Return which files under `rust/kernels` each of them imports.

    A module may use what the modules above it define (`super::Thing`), so imports of a file's own
    parents are left out.
    """
    modules = {module_of(path): path for path in files(KERNELS, ".rs") if path.stem != "tests"}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        imported = set()
        for name in rust_imports(text_of(path), module):
            target = max((m for m in modules if name[: len(m)] == m), key=len, default=module)
            if module[: len(target)] != target:
                imported.add(name_of(modules[target], KERNELS))
        graph[name_of(path, KERNELS)] = imported
    return graph


def circles(graph: Mapping[str, set[str]]) -> set[tuple[str, ...]]:
    """Return the groups of files that import one another, directly or through others."""
    reached = {name: _reached(graph, name) for name in graph}
    return {
        tuple(sorted({name} | {other for other in reached[name] if name in reached[other]}))
        for name in graph
        if name in reached[name]
    }


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return found
