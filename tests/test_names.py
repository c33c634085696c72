"""Check the table of names in docs/names.md against the package."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cnnrs

PAGE = Path(__file__).parents[1] / "docs" / "names.md"
# The variables of the table.
ROOTS = {"cnnrs": cnnrs, "model": cnnrs.Model, "trainer": cnnrs.Trainer}


def spans() -> Iterator[str]:
    """Return every piece of code in the column of cnnrs."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    for row in rows[2:]:
        assert row.count("|") == 4, row
        yield from re.findall(r"`([^`]+)`", row.split("|")[3])


def value_of(node: ast.expr) -> Any:
    """Return what an expression names; a call of a class stands for the class."""
    if isinstance(node, ast.Call):
        return value_of(node.func)
    if isinstance(node, ast.Attribute):
        return getattr(value_of(node.value), node.attr)
    assert isinstance(node, ast.Name), ast.dump(node)
    return ROOTS[node.id] if node.id in ROOTS else getattr(cnnrs, node.id)


@pytest.mark.parametrize("code", list(dict.fromkeys(spans())))
def test_a_name_of_the_table_exists(code: str) -> None:
    """Every call of the table fits the signature of the function that it names."""
    tree = ast.parse(code, mode="eval").body
    if isinstance(tree, ast.Constant):
        assert cnnrs.losses.get(tree.value)
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = value_of(call.func)
        owner = value_of(call.func.value) if isinstance(call.func, ast.Attribute) else cnnrs
        itself = [owner] if isinstance(owner, type) else []
        named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        inspect.signature(function).bind(*itself, *call.args, **named)
