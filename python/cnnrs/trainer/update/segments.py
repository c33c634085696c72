"""Split the parameters into contiguous segments with equal optimizer settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cnnrs.model import Model
from cnnrs.model.parameters.arena import Arena
from cnnrs.model.parameters.memory import ALIGNMENT, round_up
from cnnrs.optimizers import Optimizer

__all__ = ["Constraint", "Segment", "segments"]


@dataclass(frozen=True, slots=True)
class Segment:
    """Contiguous parameters that are updated with the same settings.

    Attributes
    ----------
    region : slice
        Place in the arena.
    rate_factor, weight_decay, l1 : float
    shape : tuple of int or None
        Shape of the parameter, if the segment is a single one.
    head : bool
        Whether it belongs to the last layer that has parameters.
    missed : int
        Number of updates that its layers missed.
    """

    region: slice
    rate_factor: float
    weight_decay: float
    l1: float
    shape: tuple[int, ...] | None = None
    head: bool = False
    missed: int = 0

    @property
    def settings(self) -> tuple[float, ...]:
        """Settings that must be equal for neighbours to be joined."""
        return self.rate_factor, self.weight_decay, self.l1, self.missed


@dataclass(frozen=True, slots=True)
class Constraint:
    """Upper limit on the norm of each column of a parameter: the incoming weights of a unit."""

    region: slice
    shape: tuple[int, ...]
    limit: float


def segments(
    model: Model, arena: Arena, optimizer: Optimizer, missed: Mapping[str, int]
) -> tuple[list[Segment], list[Constraint]]:
    """Return the segments of all layers that are not frozen, and the constraints on them.

    Neighbours with the same settings are joined, unless the optimizer updates every parameter
    separately: a model without frozen layers and without decay is one segment. `missed` is the
    number of updates that each layer missed, by its name.
    """
    named = [
        (layer, label, f"{label}.{name}", parameter)
        for layer, label in model.graph.names.items()
        for name, parameter in layer.parameters.items()
        if parameter.trainable
    ]
    last = named[-1][0] if named else None
    found: list[Segment] = []
    constraints: list[Constraint] = []
    for layer, label, name, parameter in named:
        if not layer.trainable:
            continue
        slot = arena.slots[parameter]
        end = slot.offset + round_up(slot.size, ALIGNMENT // arena.dtype.itemsize)
        factor, decay, l1, max_norm = _settings(optimizer, name, parameter)
        alone = optimizer.by_parameter
        region = slot.region if alone else slice(slot.offset, end)
        shape = parameter.shape if alone else None
        found.append(
            Segment(region, factor, decay, l1, shape, alone and layer is last, missed.get(label, 0))
        )
        if max_norm is not None and len(parameter.shape) > 1:
            constraints.append(Constraint(slot.region, parameter.shape, max_norm))
    return (found if optimizer.by_parameter else _joined(found)), constraints


def _settings(
    optimizer: Optimizer, name: str, parameter: Any
) -> tuple[float, float, float, float | None]:
    """Return the factor of the rate, the decay, L1 and the largest norm of one parameter."""
    decays = optimizer.decay_biases or len(parameter.shape) > 1
    decay, l1, max_norm = (
        (optimizer.weight_decay, optimizer.l1, optimizer.max_norm) if decays else (0.0, 0.0, None)
    )
    for group in optimizer.groups:
        if group.matches(name, parameter):
            return (
                group.rate_factor,
                decay if group.weight_decay is None else group.weight_decay,
                l1 if group.l1 is None else group.l1,
                max_norm if group.max_norm is None else group.max_norm,
            )
    return 1.0, decay, l1, max_norm


def _joined(parts: list[Segment]) -> list[Segment]:
    """Join neighbours with the same settings."""
    joined: list[Segment] = []
    for part in sorted(parts, key=lambda part: int(part.region.start)):
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.region.stop == part.region.start
            and before.settings == part.settings
        ):
            joined[-1] = replace(before, region=slice(before.region.start, part.region.stop))
        else:
            joined.append(part)
    return joined
