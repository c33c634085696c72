"""The arena: all trainable values of a model in one array, all gradients in a second, and the state
that is saved but not trained in a third.

Every parameter starts on a 64-byte boundary. The elements between parameters are always zero. The
arrays are allocated when they are first needed. Models that share a layer share one arena: the
parameters of a nested model move into the arena of the outer model.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnrs import _streams
from cnnrs._arguments import Floats
from cnnrs.errors import ArgumentError
from cnnrs.initializers import HeNormal, Initializer, Zeros, head
from cnnrs.layers.base import Layer
from cnnrs.layers.parameter import Parameter, counts_references, stamps
from cnnrs.model.parameters.memory import ALIGNMENT, aligned_empty, check_fits, round_up

__all__ = ["Arena"]


class Anchor:
    """Makes an array the base of all its views, so that its reference count shows if there are any.

    NumPy sets the base of a view of a view to the array that owns the memory. It stops at an object
    that is no array.
    """

    __slots__ = ("__array_interface__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__

    @classmethod
    def view(cls, array: Any) -> Any:
        """Return the same array as a separate base."""
        return np.asarray(cls(array))


def _own_references() -> int:
    """Return the number of references that `Arena.is_held` counts where nobody holds an array.

    It depends on the interpreter.
    """
    arrays = [object()]
    return sys.getrefcount(arrays[0])


_REFERENCES = _own_references()


class Slot:
    """The place of one parameter, and the key of the random numbers that initialise it."""

    __slots__ = ("initializer", "offset", "ordinal", "seed", "size")

    def __init__(
        self, size: int, offset: int, initializer: Initializer, seed: int, ordinal: int
    ) -> None:
        self.size = size
        self.offset = offset  # elements
        self.initializer = initializer
        self.seed = seed
        self.ordinal = ordinal

    @property
    def region(self) -> slice:
        """The range of the values in the flat array."""
        return slice(self.offset, self.offset + self.size)


class Arena:
    """Storage of parameters.

    Attributes
    ----------
    dtype : dtype
        float32 or float64.
    slots : dict of Parameter to Slot
    size, state_size : int
        Number of elements of the trainable array and of the state, with those between parameters.
    generation : int
        Changes when the parameters have moved to another arena; earlier views show the old values.
    stamp : int
        Changes whenever `values` or `state` is accessed, since the caller may then write to them.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.slots: dict[Parameter, Slot] = {}
        self.size = 0
        self.state_size = 0
        self.generation = 0
        self.stamp = 0
        self._lock = threading.RLock()
        self._ready = False
        self._values: Any = None
        self._state: Any = None
        self._gradients: Any = None
        self._whole: list[Any] = []  # `values` and `state` for callers

    @classmethod
    def of(
        cls, layers: Sequence[Layer], heads: Iterable[Layer], dtype: np.dtype[Any], seed: int
    ) -> Arena:
        """Return an arena with the parameters of all layers: a new one, unless they share one.

        Parameters
        ----------
        layers : sequence of Layer
            In the order of the graph, which determines the ordinal of each layer with parameters.
        heads : iterable of Layer
            The layers whose weights start small.

        Raises
        ------
        ArgumentError
            If some are in an arena with another dtype.
        MemoryError
            If the values cannot fit into this machine.
        """
        small = set(heads)
        arena = cls(dtype)
        parents: list[Arena] = []
        fresh: dict[Parameter, tuple[Initializer, int]] = {}
        for ordinal, layer in enumerate(layer for layer in layers if layer.parameters):
            for parameter in layer.parameters.values():
                if not isinstance(parameter.storage, Arena):
                    fresh[parameter] = (
                        parameter.initializer or (head() if layer in small else HeNormal()),
                        ordinal,
                    )
                elif parameter.storage not in parents:
                    parents.append(parameter.storage)
        for parent in parents:
            if parent.dtype != dtype:
                raise ArgumentError(
                    f"dtype: this model is {dtype}, and a model within it, or one it shares a "
                    f"layer with, is {parent.dtype}"
                )
        if len(parents) == 1 and not fresh:
            return parents[0]
        for parent in parents:
            for parameter, slot in parent.slots.items():
                arena._place(parameter, slot.initializer, slot.seed, slot.ordinal)
        for parameter, (initializer, ordinal) in fresh.items():
            arena._place(parameter, initializer, seed, ordinal)
        check_fits(
            arena.nbytes, f"a model of {sum(slot.size for slot in arena.slots.values()):,} values"
        )
        arena._adopt(parents)
        return arena

    def _place(
        self, parameter: Parameter, initializer: Initializer, seed: int, ordinal: int
    ) -> None:
        padded = round_up(parameter.size, ALIGNMENT // self.dtype.itemsize)
        offset = self.size if parameter.trainable else self.state_size
        self.slots[parameter] = Slot(parameter.size, offset, initializer, seed, ordinal)
        if parameter.trainable:
            self.size += padded
        else:
            self.state_size += padded

    def _adopt(self, parents: list[Arena]) -> None:
        if any(parent.allocated for parent in parents):
            self.allocate()
        for parent in parents:
            if parent.allocated:
                for parameter, slot in parent.slots.items():
                    self.view(parameter)[...] = parent._array(parameter)[slot.region].reshape(
                        parameter.shape
                    )
            parent.generation += 1
        for parameter in self.slots:
            parameter.storage = self
            parameter.forget_views()

    # --- arrays -----------------------------------------------------------------------------------
    @property
    def allocated(self) -> bool:
        """Whether the values exist already."""
        return self._values is not None

    @property
    def nbytes(self) -> int:
        """Bytes of all values, without gradients."""
        return (self.size + self.state_size) * self.dtype.itemsize

    def allocate(self, *, initialize: bool = True) -> None:
        """Allocate the arrays, and initialise the values unless they will be read from a file."""
        if self._ready:
            return
        # Several threads may be the first to predict; none may see values before they are set.
        with self._lock:
            if self._values is not None:  # set by another thread, or being set by this one
                return
            values, state = self._zeros(self.size), self._zeros(self.state_size)
            self._values, self._state, self._whole = (
                values,
                state,
                [Anchor.view(values), Anchor.view(state)],
            )
            if initialize:
                for parameter, slot in self.slots.items():
                    if not isinstance(slot.initializer, Zeros):
                        stream = _streams.generator(
                            slot.seed, slot.ordinal, _streams.Purpose.INITIAL_VALUES
                        )
                        slot.initializer(self.view(parameter), stream)
            self._ready = True

    def _zeros(self, count: int) -> Any:
        array = aligned_empty(count, self.dtype)
        array.fill(0)
        return array

    @property
    def values(self) -> Floats:
        """All trainable values."""
        self.allocate()
        whole = self._whole[0]
        self.stamp = next(stamps)
        return whole  # type: ignore[no-any-return]

    @property
    def state(self) -> Floats:
        """All values that are saved but not trained."""
        self.allocate()
        whole = self._whole[1]
        self.stamp = next(stamps)
        return whole  # type: ignore[no-any-return]

    def is_held(self) -> bool:
        """Return whether anybody keeps `values`, `state` or a view of them, and may write to it."""
        if not counts_references():
            return True
        return any(
            sys.getrefcount(self._whole[index]) > _REFERENCES for index in range(len(self._whole))
        )

    @property
    def gradients(self) -> Floats:
        """All gradients, in the order of the trainable values."""
        if self._gradients is None:
            self._gradients = self._zeros(self.size)
        return self._gradients  # type: ignore[no-any-return]

    def _array(self, parameter: Parameter) -> Any:
        self.allocate()
        return self._values if parameter.trainable else self._state

    def view(self, parameter: Parameter) -> Any:
        """Return the values of one parameter, in its shape; used by `Parameter`."""
        return Anchor.view(
            self._array(parameter)[self.slots[parameter].region].reshape(parameter.shape)
        )

    def gradient(self, parameter: Parameter) -> Any:
        """Return the gradient of one trainable parameter, in its shape."""
        return self.gradients[self.slots[parameter].region].reshape(parameter.shape)
