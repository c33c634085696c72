"""Fusion has one home: no layer and no other file of the model knows of a fused step."""

import ast
from pathlib import Path

import pytest

import cnnrs

PACKAGE = Path(cnnrs.__file__).parent
FILES = sorted(
    str(path.relative_to(PACKAGE))
    for folder in ("layers", "model", "trainer")
    for path in (PACKAGE / folder).rglob("*.py")
)


def words_of(file):
    """Names, attributes, arguments and imports of a file."""
    for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.alias, ast.FunctionDef)):
            yield node.name
        elif isinstance(node, (ast.arg, ast.keyword)):
            yield node.arg


@pytest.mark.parametrize("file", FILES)
def test_pooling_in_a_convolution_is_spelt_in_two_places(file):
    if not file.startswith("layers/fused") and file != "model/plan/fusion.py":
        assert {"max_pool", "pools", "halves"}.isdisjoint(words_of(file))
