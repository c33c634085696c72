"""Check the imports of the Rust kernels, from their source text.

Each list of exceptions only shrinks: a test fails when an entry is no longer needed.
"""

import re

import pytest

import source_files
from source_files import KERNELS, module_of, name_of, rust_imports, text_of

# The modules of rust/kernels that `simd` may use: none is an operation.
BELOW_SIMD = {
    "Element",
    "dry_run",
    "element",
    "error",
    "geometry",
    "math",
    "memory",
    "simd",
    "tuning",
}
CIRCLES: set[tuple[str, ...]] = set()


def kernel_files():
    paths = source_files.files(KERNELS, ".rs")
    assert len(paths) > 50
    return paths


def test_kernels_do_not_know_of_python() -> None:
    found = {
        name_of(path)
        for path in kernel_files()
        if re.search(r"\b(bindings|pyo3|numpy)\s*::", re.sub(r"//.*", "", text_of(path)))
    }
    assert found == set()


def test_simd_imports_no_operation() -> None:
    found = {
        (name_of(path, KERNELS), name[1])
        for path in kernel_files()
        if module_of(path)[:2] == ("kernels", "simd")
        for name in rust_imports(text_of(path), module_of(path))
        if len(name) > 1 and name[0] == "kernels" and name[1] not in BELOW_SIMD
    }
    assert found == set(), "the operations are above simd"


def test_files_do_not_import_one_another_in_circles() -> None:
    graph = source_files.rust_graph()
    assert sum(map(len, graph.values())) > 200, "the imports were not found"
    found = source_files.circles(graph)
    assert found - CIRCLES == set(), "these files import one another"
    assert CIRCLES - found == set(), "remove these exceptions, which are no longer needed"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("use super::max::at;", {("kernels", "pool2d", "max", "at")}),
        ("use super::super::Element;", {("kernels", "Element")}),
        (
            "use crate::kernels::simd::{Vector, isa::{a, b}};",
            {("kernels", "simd", "Vector"), ("kernels", "simd", "isa")},
        ),
        ("let y = crate::kernels::matmul::run(x);", {("kernels", "matmul", "run")}),
        ("// use super::max;", set()),
        ("use rayon::prelude::*;", set()),
    ],
)
def test_the_reader_finds_imports(line: str, expected: set) -> None:
    assert set(rust_imports(line, ("kernels", "pool2d", "lp"))) == expected
