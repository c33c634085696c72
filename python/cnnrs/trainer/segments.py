"""Which stretches of the arena an update goes over."""

from __future__ import annotations

from cnnrs.model import Model
from cnnrs.model.arena import Arena
from cnnrs.model.memory import ALIGNMENT, round_up

__all__ = ["segments"]


def segments(model: Model, arena: Arena, *, decay_biases: bool) -> list[tuple[slice, bool]]:
    """Stretches of the trainable array that belong to layers which are not frozen, each with whether it decays.

    Neighbours are joined: a model without frozen layers and without decay is one stretch.
    """
    parts: list[tuple[int, int, bool]] = []
    for layer in model.layers:
        if not layer.trainable:
            continue
        for parameter in layer.parameters.values():
            if parameter.trainable:
                slot = arena.slots[parameter]
                end = slot.offset + round_up(slot.size, ALIGNMENT // arena.dtype.itemsize)
                parts.append((slot.offset, end, decay_biases or len(parameter.shape) > 1))
    joined: list[tuple[int, int, bool]] = []
    for start, end, decays in sorted(parts):
        if joined and joined[-1][1] == start and joined[-1][2] == decays:
            joined[-1] = (joined[-1][0], end, decays)
        else:
            joined.append((start, end, decays))
    return [(slice(start, end), decays) for start, end, decays in joined]
