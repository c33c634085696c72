"""Parameters: the named arrays that layers declare, and how an edit of their values is noticed.

Values that a prediction derives from parameters, such as transformed weights, are kept until the
parameters change. An edit in place is noticed in two ways. `Parameter.value` hands out a writable
view and sets a new stamp. `Parameter.is_held` counts the references to that view: while somebody
keeps it, values may change without a new stamp. Layers read through `Parameter.read`, whose arrays
are read-only, so that reading leaves no trace.
"""

from __future__ import annotations

import itertools
import math
import sys
import sysconfig
from typing import Any, NamedTuple, Protocol

import numpy as np

from cnnrs.errors import ArgumentError
from cnnrs.initializers import Initializer
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Parameter", "Storage", "counts_references", "stamps"]


stamps = itertools.count(1)  # each number once, in any thread


def counts_references() -> bool:
    """Return whether the reference count of an object tells if somebody holds it.

    Interpreters without a global lock, and others than CPython, do not keep exact counts. There
    every view counts as held, and the values are compared at each prediction.
    """
    return sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")


class Storage(Protocol):
    """Owner of the memory of parameters."""

    def view(self, parameter: Parameter) -> Any: ...


class _Views(NamedTuple):
    """The two arrays that show the values of a parameter."""

    writable: Any
    read_only: Any


class Parameter:
    """A named array that a layer owns; its values are stored in the arena of the model.

    Attributes
    ----------
    name : str
        Name within the layer, such as ``weight``.
    shape : tuple of int
    initializer : Initializer or None
        Sets the initial values; None leaves the choice to the model (He-normal, and small in the
        head).
    trainable : bool
        False for state such as running means, which is saved but not trained.
    stamp : int
        Changes whenever `value` is accessed, since the caller may then write to it.
    """

    __slots__ = ("_views", "initializer", "name", "shape", "stamp", "storage", "trainable")

    def __init__(
        self, name: str, shape: Shape, initializer: Initializer | None, trainable: bool
    ) -> None:
        self.name = name
        self.shape = shape
        self.initializer = initializer
        self.trainable = trainable
        self.stamp = 0
        self.storage: Storage | None = None
        self._views: _Views | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def value(self) -> Any:
        """The values: a view into the arena of the model, which may be written to."""
        view = (self._views or self._make_views()).writable
        # The stamp changes while the view is held: at each moment the stamp or the reference count
        # shows that somebody may write.
        self.stamp = next(stamps)
        return view

    def read(self) -> Any:
        """Return the values as a read-only array."""
        return (self._views or self._make_views()).read_only

    def _make_views(self) -> _Views:
        if self.storage is None:
            raise ArgumentError(
                f"{self.name}: the layer is in no model yet; its values exist once a Model or "
                "Sequential holds it"
            )
        self._views = _both(self.storage.view(self))
        return self._views

    def forget_views(self) -> None:
        """Make new views at the next access: the values have moved."""
        self._views = None

    def is_held(self) -> bool:
        """Return whether anybody keeps a writable view and may write to it unseen."""
        if not counts_references():
            return True
        return self._views is not None and sys.getrefcount(self._views.writable) > _REFERENCES

    def __repr__(self) -> str:
        return f"<Parameter {self.name} {shape_text(self.shape)}>"


def _both(writable: Any) -> _Views:
    read_only = writable.view()
    read_only.flags.writeable = False
    return _Views(writable, read_only)


def _own_references() -> int:
    """Return the number of references that `Parameter.is_held` counts where nobody holds a view.

    It depends on the interpreter.
    """
    parameter = Parameter("", (), None, False)
    parameter._views = _both(np.zeros(1))
    return sys.getrefcount(parameter._views.writable)


_REFERENCES = _own_references()
