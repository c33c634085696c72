"""Run the examples of all docstrings, and check the docstrings of public objects with numpydoc."""

import doctest
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest

import cnnrs

MODULES = [
    "cnnrs",
    *(
        module.name
        for module in pkgutil.walk_packages(cnnrs.__path__, "cnnrs.")
        if module.name not in ("cnnrs._core", "cnnrs.__main__")
    ),
]
# The checks of numpydoc: a summary in the imperative; all parameters, in order and with types; what
# is returned; an example.
CHECKS = {"SS01", "SS02", "SS03", "SS04", "SS05", "PR01", "PR02", "PR03", "PR04", "RT01", "EX01"}
EXCEPTIONS = Path(__file__).with_name("docstring_exceptions.txt")


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found():
    finder = doctest.DocTestFinder()
    tests = finder.find(importlib.import_module("cnnrs.ops.conv2d.passes"))
    assert any(test.examples for test in tests)
    assert len(MODULES) > 100


def public_names():
    """Return the dotted names of the public classes and functions."""
    found = set()
    for module in (cnnrs, *(getattr(cnnrs, name) for name in cnnrs.__all__)):
        if not inspect.ismodule(module):
            continue
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if callable(value) and (value.__module__ or "").startswith("cnnrs"):
                found.add(f"{module.__name__}.{name}")
    return sorted(found)


def path_of(name):
    """Return where an object is defined, if a package has the same public name."""
    if name not in sys.modules:
        return name
    package, _, name = name.rpartition(".")
    value = getattr(importlib.import_module(package), name)
    return f"{value.__module__}.{value.__qualname__}"


def faults_of(name):
    """Return the codes of numpydoc for a public object; a protocol has no constructor."""
    from numpydoc.validate import validate

    value = getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
    checks = CHECKS - {"PR01"} if getattr(value, "_is_protocol", False) else CHECKS
    return {code for code, _ in validate(path_of(name))["errors"]} & checks


def test_docstrings_of_public_objects():
    """The exceptions only shrink: the test fails when an entry is no longer needed."""
    names = public_names()
    assert {"cnnrs.Model", "cnnrs.ops.conv2d", "cnnrs.layers.Conv2D"} <= set(names)
    found = {f"{code} {name}" for name in names for code in faults_of(name)}
    allowed = set(EXCEPTIONS.read_text(encoding="utf-8").splitlines())
    assert sorted(found - allowed) == [], "see numpydoc.validate for what the codes mean"
    assert sorted(allowed - found) == [], f"remove these lines from {EXCEPTIONS.name}"
