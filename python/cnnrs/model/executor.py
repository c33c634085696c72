"""The executor: runs a plan on one block of memory for one batch size, step after step, without
allocating anything itself.

A `Run` belongs to one caller at a time. What it returns are views of its block, valid until its
next use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs._arguments import Floats
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape
from cnnrs.model.arena import Arena
from cnnrs.model.layout import Buffer
from cnnrs.model.plan import Plan, Step, trains
from cnnrs.model.prepared import PreparedWeights, transforms

__all__ = ["Run"]


class Run:
    """A plan made ready for batches of one size.

    Parameters
    ----------
    plan : Plan
    arena : Arena
    block : ndarray of uint8
        At least ``plan.bytes_per_sample * count`` bytes, 64-byte aligned.
    count : int
        Samples in a batch.
    prepared : PreparedWeights, optional
        Transformed weights to use in prediction.
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
        shapes = self.shapes = [node.shape for node in plan.graph.nodes]
        self.values: list[Any] = [None] * len(shapes)
        self.buffers = {
            root: self._array(buffer, shapes[root], plan.dtype)
            for root, buffer in plan.values.items()
        }
        self._arrays: dict[
            tuple[int, Shape], Any
        ] = {}  # one object for each gradient in each shape, so that `is` tells what is shared
        self.gradients = {root: self._gradient(root, shapes[root]) for root in plan.gradients}
        self._views_of: dict[
            int, list[tuple[int, tuple[int, ...]]]
        ] = {}  # by root: nodes that are it in another shape
        for index, root in enumerate(plan.root):
            if root != index:
                self._views_of.setdefault(root, []).append((index, (count, *shapes[index])))
        self._touched = {layer: set[str]() for layer in plan.graph.layers}
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
        self._untouched: list[tuple[set[str], str, Any]] = []

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
        """What the backward pass of a step works on."""
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
        ctx = Context(self.plan.dtype, training=self.plan.training, stream=step.stream)
        ctx.activation = step.activation
        ctx.max_pool = step.max_pool
        ctx.needs_parameter_gradients = self.plan.training and trains(step.layer)
        ctx._touched = self._touched[step.layer]
        ctx._scratch = {
            name: self._array(buffer, shape, dtype)
            for name, (buffer, shape, dtype) in step.scratch.items()
        }
        if prepared is not None:
            transform = transforms(
                step.layer, self.shapes[step.inputs[0]], self.shapes[step.nodes[0]], self.count
            )
            ctx.weights = prepared.hook(
                step.layer, step.folded, self.shapes[step.inputs[0]], transform
            )
        return ctx

    def _bind_gradients(self) -> None:
        """Fetch the gradient views anew after the arena has moved."""
        arena = self.arena
        for step, ctx in zip(self.plan.steps, self.contexts, strict=True):
            if ctx.needs_parameter_gradients:
                ctx._gradients = {
                    name: arena.gradient(parameter)
                    for name, parameter in step.layer.parameters.items()
                    if parameter.trainable
                }
        self._untouched = [
            (touched, name, arena.gradient(parameter))
            for layer, touched in self._touched.items()
            for name, parameter in layer.parameters.items()
            if parameter.trainable
        ]
        self.generation = arena.generation

    # --- forward ----------------------------------------------------------------------------------
    def forward(self, inputs: Sequence[NDArray[Any]], *, seed: int = 0, step: int = 0) -> list[Any]:
        """Compute the outputs; the inputs are arrays of the right shape and of any real dtype."""
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
        """Put what a layer returned where it belongs."""
        where = f"{self.plan.graph.names[step.layer]}.{method}"
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
        """For each output, the array in which `backward` expects its gradient, and whether it is to
        be written there (True) or added.
        """
        plan = self.plan
        result = []
        for position, index in enumerate(plan.graph.outputs):
            root = plan.root[index]
            shared = root in [plan.root[earlier] for earlier in plan.graph.outputs[:position]]
            result.append((self._gradient(root, self.shapes[index]), not shared))
        return result

    def backward(self, *, accumulate: bool = False) -> None:
        """Compute the gradients of all parameters into the arena, from those in `output_gradients`.

        Parameters
        ----------
        accumulate : bool
            Whether to add to the gradients that are there.
        """
        plan, arena = self.plan, self.arena
        if self.generation != arena.generation:
            self._bind_gradients()
        for layer, touched in self._touched.items():
            touched.clear()
            if accumulate:
                touched.update(layer.parameters)
        for current, differentiate, ctx, targets, starts, grad_output in self._backward:
            ctx._buffers, ctx._overwrite = targets, starts
            results = differentiate(ctx, grad_output)
            if len(targets) == 1 and not isinstance(results, tuple):
                results = (results,)
            if len(results) != len(targets):
                raise ShapeError(
                    f"{plan.graph.names[current.layer]}.backward must return {len(targets)} "
                    f"gradients, got {len(results)}"
                )
            for result, target, begins in zip(results, targets, starts, strict=True):
                if target is not None and result is not target:
                    self._accept(current, "backward", result, target, accumulate=not begins)
        for touched, name, gradient in self._untouched:
            if name not in touched:
                gradient.fill(0)

    def input_gradient(self, index: int = 0) -> Any:
        """The gradient of an input, after `backward` of a plan that computes it."""
        return self.gradients[self.plan.graph.inputs[index]]
