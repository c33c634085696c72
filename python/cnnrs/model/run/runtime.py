"""`Runtime`: the inside of a model, which runs its graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnrs.model.graph.graph import Graph
from cnnrs.model.parameters.arena import Arena
from cnnrs.model.plan.plan import Plan
from cnnrs.model.run.executor import Run
from cnnrs.model.run.workspace import Workspace

__all__ = ["Runtime"]


class Runtime:
    """The storage, the plans and the memory of one model, for the package and for tools.

    It may change from version to version; `cnnrs.Model` is what programs should use.

    Parameters
    ----------
    graph : Graph
    dtype : dtype
    seed : int

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((4,), [cnnrs.layers.Dense(3)])
    >>> model.runtime.held_bytes
    0
    """

    def __init__(self, graph: Graph, dtype: np.dtype[Any], seed: int) -> None:
        self._graph = graph
        self._dtype = dtype
        self._arena = Arena.of(graph.layers, graph.heads(), dtype, seed)
        self._workspace = Workspace()
        self._plans: dict[tuple[Any, ...], Plan] = {}

    @property
    def arena(self) -> Arena:
        """The storage of the parameters: the arena of the outer model, if this one is nested."""
        for layer in self._graph.layers:
            for parameter in layer.parameters.values():
                if isinstance(parameter.storage, Arena):
                    return parameter.storage
        return self._arena

    def plan_for(self, *, training: bool, input_gradients: bool = False) -> Plan:
        """Return the plan of one kind of run.

        It is made when it is first needed, and again when layers were frozen or unfrozen.
        """
        layers = self._graph.layers
        frozen = (layer.trainable for layer in layers) if training else ()
        key = (training, input_gradients, *frozen)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(
                self._graph, self._dtype, training=training, input_gradients=input_gradients
            )
        return plan

    def acquire(self, plan: Plan, count: int) -> tuple[Any, Run]:
        """Return a token and a run of a plan for one caller; `release` the token afterwards."""
        return self._workspace.acquire(plan, self.arena, count)

    def release(self, token: Any) -> None:
        """Give back a run of `acquire`."""
        self._workspace.release(token)

    @contextmanager
    def run(self, plan: Plan, count: int) -> Iterator[Run]:
        """Lend a run for the time of a ``with`` block."""
        token, run = self.acquire(plan, count)
        try:
            yield run
        finally:
            self.release(token)

    @property
    def held_bytes(self) -> int:
        """Bytes that the model keeps for its next run."""
        return self._workspace.nbytes

    def release_memory(self) -> None:
        """Free the memory for the next run."""
        self._workspace.clear()
