"""Apply an optimizer to the parameters of a model, and hold its state between steps."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.model import Model
from cnnrs.model.parameters.arena import Arena
from cnnrs.optimizers import Average, Optimizer, Settings
from cnnrs.optimizers.base import rate_of
from cnnrs.trainer.update.interrupts import uninterrupted
from cnnrs.trainer.update.segments import Constraint, Segment, segments

__all__ = ["Updater"]


class Updater:
    """Applies an optimizer to all parameters of a model.

    Parameters
    ----------
    network : Model
    optimizer : Optimizer
    accumulate : int
        Number of batches whose gradients are combined into one update.
    average : Average, optional

    Attributes
    ----------
    updates : int
        Number of updates done.
    missed : dict of str to int
        Number of updates that a layer missed because it was frozen, by its name. They do not count
        as steps of its parameters: the bias correction of Adam begins when the layer joins.
    batches, samples : int
        Batches and samples since the last update.
    slots : dict of str to ndarray
        State arrays of the optimizer, laid out like the parameters.
    averages : dict of str to ndarray
        Averaged ``values`` and ``state`` of the arena; empty before the first average.
    averaged : int
        How often the averages were changed.
    schedule : float or callable
        Learning rate; a copy of the optimizer's schedule if that has a state.
    """

    def __init__(
        self,
        network: Model,
        optimizer: Optimizer,
        accumulate: int = 1,
        average: Average | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.accumulate = _arguments.integer("accumulate", accumulate, 1)
        if average is not None and not isinstance(average, Average):
            raise DTypeError(
                f"average: expected EMA(decay), SWA(start, every) or None, got {average!r}"
            )
        self.average = average
        self.updates = 0
        self.missed: dict[str, int] = {}
        self.batches = 0
        self.samples = 0
        self.slots: dict[str, Any] = {}
        self.averages: dict[str, Any] = {}
        self.averaged = 0
        has_state = hasattr(optimizer.learning_rate, "load_state_dict")
        self.schedule = (
            copy.deepcopy(optimizer.learning_rate) if has_state else optimizer.learning_rate
        )
        self._accumulated: Any = None
        self._key: Any = None
        self._segments: tuple[list[Segment], list[Constraint]] = ([], [])
        self._frozen: list[str] = []

    def rate(self, epoch: float, epochs: int) -> float:
        """Return the learning rate when `epoch` of `epochs` are done."""
        return rate_of(self.schedule, epoch, epochs)

    def observe(self, numbers: Mapping[str, float]) -> None:
        """Pass the numbers of an epoch to the schedule, if it depends on them."""
        if hasattr(self.schedule, "observe"):
            self.schedule.observe(numbers)

    # --- updating ---------------------------------------------------------------------------------
    def update(self, rate: float, samples: int = 1) -> bool:
        """Add the gradients of a batch, and change the parameters after every `accumulate` batches.

        Parameters
        ----------
        rate : float
            Learning rate.
        samples : int
            Number of samples of the batch: its weight in the mean gradient over several batches.

        Returns
        -------
        bool
            False if a gradient is infinite or not a number. The parameters are unchanged then, and
            the batches since the last update are forgotten.
        """
        arena = self.network.runtime.arena
        self._fit_arrays(arena)
        gradients = arena.gradients
        if self.accumulate > 1:
            gradients = self._add(gradients, samples)
        if self.batches + 1 < self.accumulate:
            self.batches += 1
            self.samples += samples
            return True
        scale = self._gradient_scale(
            gradients, 1.0 / (self.samples + samples) if self.accumulate > 1 else 1.0
        )
        self.batches = self.samples = 0
        if scale is None:
            return False
        optimizer, (parts, constraints) = self.optimizer, self._parts(arena)
        values = arena.values
        with uninterrupted():
            for part in parts:
                optimizer.update(
                    values[part.region],
                    gradients[part.region],
                    {name: array[part.region] for name, array in self.slots.items()},
                    Settings(
                        rate * part.rate_factor,
                        part.weight_decay,
                        part.l1,
                        self.updates - part.missed,
                        scale,
                        optimizer.clip_value,
                        part.shape,
                        part.head,
                    ),
                )
            for constraint in constraints:
                ops.constrain_norm(
                    values[constraint.region].reshape(constraint.shape), constraint.limit
                )
            self.updates += 1
            for label in self._frozen:
                self.missed[label] = self.missed.get(label, 0) + 1
            if self.average is not None:
                self._take_average(arena, self.average)
        return True

    def _add(self, gradients: Any, samples: int) -> Any:
        """Return the sum of the gradients over the samples of all batches since the last update."""
        if self._accumulated is None:
            self._accumulated = np.empty_like(gradients)
        if self.batches:
            self._accumulated += samples * gradients
        else:
            np.multiply(gradients, samples, out=self._accumulated)
        return self._accumulated

    def _gradient_scale(self, gradients: Any, scale: float) -> float | None:
        """Return the factor for the gradients: `scale`, reduced where their norm exceeds its limit.

        None if the gradients are not finite.
        """
        limit = self.optimizer.clip_norm
        if limit is None:
            return scale if ops.all_finite(gradients) else None
        norm = scale * self._norm(gradients)
        if not math.isfinite(norm):
            return None
        return scale * min(1.0, limit / norm) if norm > 0 else scale

    def _norm(self, gradients: Any) -> float:
        """Return the norm of the gradients of all parameters that are updated."""
        return math.hypot(
            *(
                ops.norm(gradients[part.region])
                for part in self._parts(self.network.runtime.arena)[0]
            )
        )

    def _parts(self, arena: Arena) -> tuple[list[Segment], list[Constraint]]:
        """Return the segments of the arena to update.

        They are recomputed when layers were frozen or thawed, or the arena has grown.
        """
        key = arena, arena.generation, [layer.trainable for layer in self.network.graph.layers]
        if self._key != key:
            self._key, self._segments = (
                key,
                segments(self.network, arena, self.optimizer, self.missed),
            )
            self._frozen = [
                label
                for layer, label in self.network.graph.names.items()
                if layer.num_parameters and not layer.trainable
            ]
        return self._segments

    def _fit_arrays(self, arena: Arena) -> None:
        """Allocate the state arrays, again if the model has become part of a larger one."""
        for name in self.optimizer.slots:
            if name not in self.slots or self.slots[name].size != arena.size:
                self.slots[name] = np.zeros(arena.size, arena.dtype)
                self.missed = (
                    dict.fromkeys(self.network.graph.names.values(), self.updates)
                    if self.updates
                    else {}
                )
        if self.averages and self.averages["values"].size != arena.size:
            self.averages, self.averaged = {}, 0
        if self._accumulated is not None and self._accumulated.size != arena.size:
            self._accumulated, self.batches, self.samples = None, 0, 0

    # --- averages ---------------------------------------------------------------------------------
    def _take_average(self, arena: Arena, average: Average) -> None:
        weight = average.weight(self.updates, self.averaged)
        if not weight:
            return
        if not self.averages:
            self.averages = {
                "values": np.zeros_like(arena.values),
                "state": np.zeros_like(arena.state),
            }
        ops.lerp(self.averages["values"], arena.values, weight)
        ops.lerp(self.averages["state"], arena.state, weight)
        self.averaged += 1

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Give the model the averaged weights inside the ``with`` block, and its own after it.

        Without averages, nothing changes.
        """
        arena = self.network.runtime.arena
        if not self.averages or self.averages["values"].size != arena.size:
            yield
            return
        own = arena.values.copy(), arena.state.copy()
        try:
            arena.values[...], arena.state[...] = self.averages["values"], self.averages["state"]
            yield
        finally:
            with uninterrupted():
                arena.values[...], arena.state[...] = own

    # --- checkpoints ------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, dict[str, Any]]:
        """Return the state for a checkpoint.

        Returns
        -------
        dict
            ``arrays``: copies by name, each of the size of the arena's values (``average.state``:
            of the arena's state). ``numbers``: values that JSON can hold.
        """
        arrays = {f"optimizer.{name}": array.copy() for name, array in self.slots.items()}
        arrays |= {f"average.{name}": array.copy() for name, array in self.averages.items()}
        if self.batches:
            arrays["accumulated"] = self._accumulated.copy()
        numbers: dict[str, Any] = {
            name: getattr(self, name) for name in ("updates", "batches", "samples", "averaged")
        }
        numbers["missed"] = dict(self.missed)
        if hasattr(self.schedule, "load_state_dict"):
            numbers["schedule"] = self.schedule.state_dict()  # type: ignore[union-attr]
        return {"arrays": arrays, "numbers": numbers}

    def load_state_dict(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Restore a `state_dict`. If anything does not fit, nothing is changed.

        Raises
        ------
        ArgumentError
            If something is missing, or is not part of the state of this optimizer.
        ShapeError
            If an array has another size.
        """
        arena = self.network.runtime.arena
        arrays, numbers = state["arrays"], state["numbers"]
        counts = self._checked_counts(numbers)
        missed = self._as_missed(numbers.get("missed"), counts["updates"])
        has_state = hasattr(self.schedule, "load_state_dict")
        if ("schedule" in numbers) != has_state:
            raise ArgumentError(
                f"state: expected {'the' if has_state else 'no'} state of a schedule, got "
                f"{'none' if has_state else 'one'}; was it saved with another schedule?"
            )
        self._check_arrays(arrays, counts)
        if has_state:
            self.schedule.load_state_dict(numbers["schedule"])  # type: ignore[union-attr]
        copies = {name: np.array(array, arena.dtype) for name, array in arrays.items()}
        self.slots, self.averages = (
            {
                name.removeprefix(prefix): array
                for name, array in copies.items()
                if name.startswith(prefix)
            }
            for prefix in ("optimizer.", "average.")
        )
        self._accumulated = copies.get("accumulated")
        for name, count in counts.items():
            setattr(self, name, count)
        self.missed = missed
        self._key = None

    def _checked_counts(self, numbers: Mapping[str, Any]) -> dict[str, int]:
        """Return the counts of a state by the names of their attributes."""
        counts = {
            name: _arguments.counter(f"state: {name}", numbers.get(name), 63)
            for name in ("updates", "averaged")
        }
        batches = _arguments.integer(
            "state: batches", numbers.get("batches"), 0, self.accumulate - 1
        )
        samples = _arguments.integer("state: samples", numbers.get("samples"), batches)
        return {**counts, "batches": batches, "samples": samples}

    def _check_arrays(self, arrays: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        """Check that a state has exactly the arrays that belong to its counts, with their sizes."""
        arena = self.network.runtime.arena
        expected = {
            f"optimizer.{name}": arena.size
            for name in self.optimizer.slots
            if counts["updates"] or f"optimizer.{name}" in arrays
        }
        if counts["averaged"] and self.average is not None:
            expected |= {"average.values": arena.size, "average.state": arena.state_size}
        if counts["batches"]:
            expected["accumulated"] = arena.size
        if arrays.keys() != expected.keys():
            raise ArgumentError(
                f"state: expected the arrays {', '.join(sorted(expected)) or 'none'}; got "
                f"{', '.join(sorted(arrays)) or 'none'}. "
                "Was it saved with another optimizer?"
            )
        for name, size in expected.items():
            if np.shape(arrays[name]) != (size,):
                raise ShapeError(
                    f"state: {name}: expected shape ({size},), got {np.shape(arrays[name])}"
                )

    def _as_missed(self, missed: Any, updates: int) -> dict[str, int]:
        labels = set(self.network.graph.names.values())
        if not isinstance(missed, Mapping) or not labels.issuperset(missed):
            raise ArgumentError(
                "state: missed: expected numbers of updates by names of layers of this model, got "
                f"{missed!r}"
            )
        return {
            label: _arguments.integer(f"state: missed: {label}", count, 0, updates)
            for label, count in missed.items()
        }
