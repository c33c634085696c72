"""Executor: runs the steps of a plan in one block of memory, for one batch size.

It allocates no arrays. A `Run` belongs to one caller at a time. The arrays that it returns are
views of its block, valid until its next use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs._arguments import Floats
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.layers.base import trains
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape
from cnnrs.layers.parameter import Parameter
from cnnrs.model.parameters.arena import Arena
from cnnrs.model.plan.placement import Buffer
from cnnrs.model.plan.plan import Plan
from cnnrs.model.plan.step import Step
from cnnrs.model.run.prepared import PreparedWeights

__all__ = ["Run"]


class Run:
    """A plan bound to a block of memory, for batches of one size.

    Parameters
    ----------
    plan : Plan
    arena : Arena
    block : ndarray of uint8
        At least ``plan.bytes_per_sample * count`` bytes, 64-byte aligned.
    count : int
        Samples in a batch.
    prepared : PreparedWeights, optional
        Keeps values derived from the parameters, in prediction.
    """

    def __init__(
        self,
        plan: Plan,
        arena: Arena,
        block: NDArray[np.uint8],
        count: int,
        prepared: PreparedWeights | None = None,
    ) -> None:
        self.plan = plan
        self.arena = arena
        self.block = block
        self.count = count
        self.generation = -1
        shapes = self.shapes = plan.shapes
        self.values: list[Any] = [None] * len(shapes)
        self.buffers = {
            root: self._array(buffer, shapes[root], plan.dtype)
            for root, buffer in plan.values.items()
        }
        # one object for each gradient in each shape, so that `is` shows what is shared
        self._arrays: dict[tuple[int, Shape], Any] = {}
        self.gradients = {root: self._gradient(root, shapes[root]) for root in plan.gradients}
        # by root: the values that are equal to it, with their shapes
        self._views_of: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
        for index, root in enumerate(plan.root):
            if root != index:
                self._views_of.setdefault(root, []).append((index, (count, *shapes[index])))
        self._touched: set[Parameter] = set()  # those whose gradients hold sums of this run
        self.contexts = [self._context(step, prepared) for step in plan.steps]
        self._forward = [
            (step, step.layer.forward, ctx, step.inputs, self.buffers[plan.root[step.output]])
            for step, ctx in zip(plan.steps, self.contexts, strict=True)
        ]
        self._backward = [
            self._bind(step, ctx)
            for step, ctx in zip(plan.steps, self.contexts, strict=True)
            if step.backward
        ][::-1]
        self._trained: list[tuple[Parameter, Any]] = []  # with their gradients

    def _array(self, buffer: Buffer, shape: Shape, dtype: np.dtype[Any]) -> Any:
        start = buffer.offset * self.count
        size = math.prod(shape) * dtype.itemsize * self.count
        return self.block[start : start + size].view(dtype).reshape(self.count, *shape)

    def _gradient(self, root: int, shape: Shape) -> Any:
        buffer = self.plan.gradients[root]
        key = id(buffer), shape
        if key not in self._arrays:
            self._arrays[key] = self._array(buffer, shape, self.plan.dtype)
        return self._arrays[key]

    def _bind(self, step: Step, ctx: Context) -> tuple[Any, ...]:
        """Collect what the backward pass of a step works on."""
        root, shapes = self.plan.root, self.shapes
        targets = [
            self._gradient(root[source], shapes[source]) if needed else None
            for source, needed in zip(step.inputs, step.needs, strict=True)
        ]
        return (
            step,
            step.layer.backward,
            ctx,
            targets,
            list(step.starts),
            self._gradient(root[step.output], shapes[step.output]),
        )

    def _context(self, step: Step, prepared: PreparedWeights | None) -> Context:
        ctx = Context(
            self.plan.dtype,
            training=self.plan.training,
            stream=step.stream,
            parameters=step.layer.parameters,
        )
        ctx.needs_parameter_gradients = self.plan.training and trains(step.layer)
        ctx._touched = self._touched
        ctx._scratch = {
            name: self._array(buffer, shape, dtype)
            for name, (buffer, shape, dtype) in step.scratch.items()
        }
        if prepared is not None and step.layer.parameters:
            ctx._derive = prepared.keeper(step.layer)
        return ctx

    def _bind_gradients(self) -> None:
        """Fetch the gradients again after the parameters have moved to another arena."""
        arena = self.arena
        for step, ctx in zip(self.plan.steps, self.contexts, strict=True):
            if ctx.needs_parameter_gradients:
                ctx._gradients = {
                    name: arena.gradient(parameter)
                    for name, parameter in step.layer.parameters.items()
                    if parameter.trainable
                }
        self._trained = [
            (parameter, arena.gradient(parameter))
            for layer in self.plan.graph.layers
            for parameter in layer.parameters.values()
            if parameter.trainable
        ]
        self.generation = arena.generation

    # --- forward ----------------------------------------------------------------------------------
    def forward(self, inputs: Sequence[NDArray[Any]], *, seed: int = 0, step: int = 0) -> list[Any]:
        """Compute the outputs from arrays of the right shape and of any real dtype."""
        plan, values = self.plan, self.values
        for index, x in zip(plan.graph.inputs, inputs, strict=True):
            if x.dtype == plan.dtype and x.flags.c_contiguous and x.flags.aligned:
                self._set(index, x)
            else:
                np.copyto(self.buffers[index], x, casting="unsafe")
                self._set(index, self.buffers[index])
        training = plan.training
        for current, compute, ctx, sources, buffer in self._forward:
            ctx.seed, ctx.step = seed, step
            ctx._buffers, ctx._overwrite = [buffer], []
            if training:
                ctx.saved.clear()
            y = compute(ctx, *[values[source] for source in sources])
            if y is not buffer:
                self._accept(current, "forward", y, buffer)
            values[current.output] = buffer
            if current.output in self._views_of:
                self._set(current.output, buffer)
        return [values[index] for index in plan.graph.outputs]

    def _set(self, index: int, value: Any) -> None:
        self.values[index] = value
        for other, shape in self._views_of.get(index, ()):
            self.values[other] = value.reshape(shape)

    def _accept(
        self, step: Step, method: str, result: Any, buffer: Floats, *, accumulate: bool = False
    ) -> None:
        """Check the result of a layer, and copy it to its buffer."""
        where = f"{step.name}.{method}"
        if not isinstance(result, np.ndarray):
            raise DTypeError(f"{where} must return an array, got {type(result).__name__}")
        if result.shape != buffer.shape:
            raise ShapeError(f"{where} must return shape {buffer.shape}, got {result.shape}")
        if result.dtype.kind not in "fiub":
            raise DTypeError(f"{where} must return real numbers, got dtype {result.dtype}")
        if accumulate:
            buffer += result
        elif (
            result.__array_interface__["data"] != buffer.__array_interface__["data"]
            or result.strides != buffer.strides
        ):
            np.copyto(buffer, result, casting="same_kind")

    # --- backward ---------------------------------------------------------------------------------
    def output_gradients(self) -> list[tuple[Any, bool]]:
        """Return for each output the array of its gradient, to be filled before `backward`.

        The flag is True if the gradient is to be written there, and False if it is to be added.
        """
        plan = self.plan
        result = []
        for position, index in enumerate(plan.graph.outputs):
            root = plan.root[index]
            shared = root in [plan.root[earlier] for earlier in plan.graph.outputs[:position]]
            result.append((self._gradient(root, self.shapes[index]), not shared))
        return result

    def backward(self, *, accumulate: bool = False) -> None:
        """Compute the gradients of all parameters, from the gradients in `output_gradients`.

        Parameters
        ----------
        accumulate : bool
            Whether to add to the gradients in the arena, or to overwrite them.
        """
        arena = self.arena
        if self.generation != arena.generation:
            self._bind_gradients()
        self._touched.clear()
        if accumulate:
            self._touched.update(parameter for parameter, _ in self._trained)
        for current, differentiate, ctx, targets, starts, grad_output in self._backward:
            ctx._buffers, ctx._overwrite = targets, starts
            results = differentiate(ctx, grad_output)
            if len(targets) == 1 and not isinstance(results, tuple):
                results = (results,)
            if len(results) != len(targets):
                raise ShapeError(
                    f"{current.name}.backward must return {len(targets)} "
                    f"gradients, got {len(results)}"
                )
            for result, target, begins in zip(results, targets, starts, strict=True):
                if target is not None and result is not target:
                    self._accept(current, "backward", result, target, accumulate=not begins)
        for parameter, gradient in self._trained:
            if parameter not in self._touched:
                gradient.fill(0)

    def input_gradient(self, index: int = 0) -> Any:
        """Return the gradient of an input, after `backward` of a plan that computes it."""
        return self.gradients[self.plan.graph.inputs[index]]
