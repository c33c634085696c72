"""Choose which cases of a parametrized test run by default."""

from collections.abc import Iterable
from typing import Any

import pytest


def rest_is_slow(values: Iterable[Any], default: Iterable[Any]) -> list[Any]:
    """Return all values for `parametrize`, those that are not in `default` marked slow."""
    kept = list(default)
    return [
        value if value in kept else pytest.param(value, marks=pytest.mark.slow) for value in values
    ]
