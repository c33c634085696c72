"""`Model`: a graph of layers with parameters, ready to predict, to be trained and to be saved."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _arguments, ops
from cnnrs import optimizers as optimizer_rules
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Layer, Node, Softmax
from cnnrs.layers.node import Prefix, Shape, ancestors, apply, shape_text
from cnnrs.model.arena import Arena
from cnnrs.model.batch import as_batch
from cnnrs.model.description import Description
from cnnrs.model.executor import Run
from cnnrs.model.graph import Graph, as_nodes
from cnnrs.model.plan import Plan
from cnnrs.model.receptive_field import ReceptiveField, receptive_fields
from cnnrs.model.report import PlanReport
from cnnrs.model.summary import Summary
from cnnrs.model.workspace import Workspace

if TYPE_CHECKING:
    from cnnrs.losses import Loss
    from cnnrs.model.profile import Profile
    from cnnrs.optimizers import Optimizer

__all__ = ["Model"]

BATCH_SIZE = 64  # samples that prediction works on at a time


class Model:
    """A network: the layers between inputs and outputs.

    Shapes are known, and checked, when the model is made. All trainable values are one array (`arena`); ``layer.weight`` is a view into it.
    Models put out logits: `predict` makes labels of them, `predict_proba` probabilities.

    Parameters
    ----------
    inputs, outputs : Node or sequence of Node
        From `cnnrs.Input`, and from layers called on nodes.
    seed : int
        Of the initial weights, at least 0; the same seed gives the same weights.
    dtype : {"float32", "float64"}
        Of parameters and activations; inputs are cast to it.
    class_names : sequence of str, optional
        One for each class, saved with the model.
    name : str, optional
        In front of the names of its layers where the model is part of another.

    Raises
    ------
    ShapeError, ArgumentError
        For a graph that cannot run.
    MemoryError
        For parameters that cannot fit into this machine.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Add, Conv2D, Dense, Flatten
    >>> inputs = cnnrs.Input((8, 8, 3))
    >>> x = Conv2D(4, 3, padding="same", activation="relu")(inputs)
    >>> x = Add()([x, Conv2D(4, 1)(inputs)])
    >>> model = cnnrs.Model(inputs, Dense(10)(Flatten()(x)), seed=0)
    >>> model.predict(np.zeros((2, 8, 8, 3))).shape
    (2,)
    """

    def __init__(
        self,
        inputs: Node | Sequence[Node],
        outputs: Node | Sequence[Node],
        *,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        self.graph = Graph(as_nodes("inputs", inputs), as_nodes("outputs", outputs))
        self.dtype = _arguments.float_dtype(dtype)
        self.seed = _arguments.counter("seed", seed, 64)
        if name is not None and (not isinstance(name, str) or not name or "." in name):
            raise ArgumentError(f"name: expected a word without dots, got {name!r}")
        self.name = name
        for layer, label in self.graph.names.items():
            if layer.name is None and "." not in label:
                layer.name = label
        self._arena = Arena.of(self.graph.layers, self.graph.heads(), self.dtype, self.seed)
        self._workspace = Workspace()
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._class_names: tuple[str, ...] | None = None
        self.class_names = class_names

    # --- what it is ---------------------------------------------------------------------------------------------------------
    @property
    def arena(self) -> Arena:
        """Where the parameters are: after the model became part of another one, in the arena of that."""
        for layer in self.graph.layers:
            for parameter in layer.parameters.values():
                if isinstance(parameter.storage, Arena):
                    return parameter.storage
        return self._arena

    @property
    def layers(self) -> list[Layer]:
        """The layers, each once, in the order in which they run."""
        return list(self.graph.layers)

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        for layer, label in self.graph.names.items():
            if label == name:
                return layer
        raise ArgumentError(f"name: the model has no layer {name!r}; it has {', '.join(self.graph.names.values())}")

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The input nodes."""
        return tuple(self.graph.nodes[index] for index in self.graph.inputs)

    @property
    def outputs(self) -> tuple[Node, ...]:
        """The output nodes."""
        return tuple(self.graph.nodes[index] for index in self.graph.outputs)

    @property
    def input_shape(self) -> Shape:
        """Shape of one sample of the first input."""
        return self.inputs[0].shape

    @property
    def output_shape(self) -> Shape:
        """Shape of one sample of the first output."""
        return self.outputs[0].shape

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """A name for each class, or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                raise DTypeError("class_names: expected a sequence of strings")
            if len(names) != self.output_shape[-1]:
                raise ArgumentError(f"class_names: {len(names)} names for an output of {self.output_shape[-1]} classes")
        self._class_names = None if names is None else tuple(names)

    @property
    def num_parameters(self) -> int:
        """Number of trainable values."""
        return sum(layer.num_parameters for layer in self.graph.layers)

    def parameters(self) -> dict[str, Any]:
        """The trainable parameters by name (``conv2d_1.weight``): views, to be read or edited in place."""
        return {name: parameter.value for name, parameter in self._named() if parameter.trainable}

    def gradients(self) -> dict[str, Any]:
        """The gradients of the last backward pass by parameter name: views."""
        arena = self.arena
        return {name: arena.gradient(parameter) for name, parameter in self._named() if parameter.trainable}

    def _named(self) -> list[tuple[str, Any]]:
        return [(f"{label}.{name}", parameter) for layer, label in self.graph.names.items() for name, parameter in layer.parameters.items()]

    def state_dict(self) -> dict[str, Any]:
        """Copies of all values that a trained model consists of, by name: parameters, and state such as running means."""
        return {name: parameter.value.copy() for name, parameter in self._named()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Take over the values of a `state_dict`; if anything does not fit, nothing is changed.

        Raises
        ------
        ArgumentError
            If a name is missing or unknown.
        ShapeError, DTypeError
            If an array has another shape, or is not of real numbers.
        """
        expected = dict(self._named())
        missing, extra = [name for name in expected if name not in state], [name for name in state if name not in expected]
        if missing:
            raise ArgumentError(f"state: {missing[0]!r} is missing" + (f", and {len(missing) - 1} more" if len(missing) > 1 else ""))
        if extra:
            raise ArgumentError(f"state: the model has no {extra[0]!r}" + (f", nor {len(extra) - 1} more" if len(extra) > 1 else ""))
        arrays = {name: np.asarray(value) for name, value in state.items()}
        for name, array in arrays.items():
            if array.shape != expected[name].shape:
                raise ShapeError(f"state: {name} has shape {array.shape}, the model needs {expected[name].shape}")
            if array.dtype.kind not in "fiu":
                raise DTypeError(f"state: {name} has dtype {array.dtype}; expected real numbers")
        self.arena.allocate(initialize=len(self.arena.slots) > len(expected))
        for name, array in arrays.items():
            expected[name].value[...] = array

    # --- prediction -----------------------------------------------------------------------------------------------------------
    def __call__(self, x: Any, *, batch_size: int = BATCH_SIZE) -> Any:
        """The outputs as they are (logits) for a batch of samples; or, called on nodes, the model as a part of a larger graph.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
            Any real dtype; cast to that of the model. For several inputs a list of arrays.
        batch_size : int
            How many samples are worked on at a time; the result does not depend on it.

        Returns
        -------
        ndarray of shape (n, *output_shape)
            For several outputs a list of arrays.
        """
        if isinstance(x, Node) or (isinstance(x, (list, tuple)) and x and all(isinstance(item, Node) for item in x)):
            return self._nest(as_nodes("inputs", x))
        arrays, count = as_batch(self.graph, x)
        size = _arguments.integer("batch_size", batch_size, 1)
        results = [np.empty((count, *node.shape), self.dtype) for node in self.outputs]
        plan, arena = self.plan_for(training=False), self.arena
        for start in range(0, count, size):
            part = slice(start, min(start + size, count))
            with self._workspace.run(plan, arena, part.stop - start) as run:
                for result, output in zip(results, run.forward([array[part] for array in arrays]), strict=True):
                    result[part] = output
        return results[0] if len(results) == 1 else results

    def predict(self, x: Any, *, names: bool = False, batch_size: int = BATCH_SIZE) -> Any:
        """The most probable class of each sample.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
        names : bool
            Whether to give class names instead of numbers.
        batch_size : int

        Returns
        -------
        ndarray of shape (n,), int64, or list of str
            For outputs that are images, one class for each pixel.
        """
        output = self._single(x, batch_size)
        if output.shape[-1] < 2:
            raise ArgumentError("predict: needs an output with at least two classes; call the model itself for the raw output")
        labels = output.argmax(axis=-1)
        if not names:
            return labels
        if self._class_names is None:
            raise ArgumentError("names: the model has no class names; set model.class_names")
        return np.array(self._class_names, dtype=object)[labels].tolist()

    def predict_proba(self, x: Any, *, batch_size: int = BATCH_SIZE) -> Any:
        """The probability of each class: softmax of the outputs, unless the model ends in one.

        Returns
        -------
        ndarray of shape (n, classes)
            Rows of non-negative values that sum to 1.
        """
        output = self._single(x, batch_size)
        return output if isinstance(self.outputs[0].layer, Softmax) else ops.softmax(output)

    def top_k(self, x: Any, k: int = 5, *, batch_size: int = BATCH_SIZE) -> tuple[Any, Any]:
        """The k most probable classes of each sample.

        Returns
        -------
        labels : ndarray of shape (n, k), int64
            The most probable first; of equal ones the lower number.
        probabilities : ndarray of shape (n, k)
        """
        k = _arguments.integer("k", k, 1, self.output_shape[-1])
        proba = self.predict_proba(x, batch_size=batch_size)
        labels = np.argsort(-proba, axis=-1, kind="stable")[..., :k]
        return labels, np.take_along_axis(proba, labels, axis=-1)

    def describe(self, x: Any, k: int | None = None) -> Description:
        """What one image shows, in words and numbers.

        Parameters
        ----------
        x : array-like of shape input_shape, or (1, *input_shape)
        k : int, optional
            How many classes; all by default.

        Returns
        -------
        Description
            A list of ``(class name, probability)``, the most probable first; printed, a sentence.
        """
        image = np.asarray(x)
        if image.shape == self.input_shape:
            image = image[None]
        if image.shape[:1] != (1,):
            raise ShapeError(f"x: describe takes one image, of shape {self.input_shape}, got shape {np.shape(x)}")
        classes = self.output_shape[-1]
        names = self._class_names or tuple(map(str, range(classes)))
        return Description(names, self.predict_proba(image)[0], classes if k is None else _arguments.integer("k", k, 1, classes))

    def activations(self, x: Any, *, batch_size: int = BATCH_SIZE) -> dict[str, Any]:
        """The output of every layer, by name, for a batch of samples."""
        graph = self.graph
        inner = [index for index, node in enumerate(graph.nodes) if node.layer is not None]
        whole = self._part([graph.nodes[index] for index in inner])
        outputs = whole(x, batch_size=batch_size)
        return {graph.node_name(index): output for index, output in zip(inner, outputs if len(inner) > 1 else [outputs], strict=True)}

    def node(self, name: str) -> Node:
        """What the layer of that name puts out, to build on: ``cnnrs.Model(model.inputs, [model.node("conv2d_2"), *model.outputs])``.

        Parameters
        ----------
        name : str
            Of a layer (``conv2d_1``, from the second time that it is used ``conv2d_1:2``) or of an input.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        return self.graph.nodes[self.graph.find(name)]

    def up_to(self, name: str) -> Model:
        """The model from its inputs to the layer of that name; it shares the parameters."""
        return self._part([self.node(name)])

    def without_softmax(self) -> Model:
        """The same model up to its logits, if it ends in softmax."""
        outputs = [node.inputs[0] if isinstance(node.layer, Softmax) else node for node in self.outputs]
        return self if outputs == list(self.outputs) else self._part(outputs)

    def _part(self, outputs: Sequence[Node]) -> Model:
        needed = set(ancestors(outputs))
        return Model([node for node in self.inputs if node in needed], outputs, seed=self.seed, dtype=self.dtype)

    def _single(self, x: Any, batch_size: int) -> Any:
        if len(self.graph.outputs) != 1:
            raise ArgumentError(f"the model has {len(self.graph.outputs)} outputs; call it for all of them, or make a Model of one")
        return self(x, batch_size=batch_size)

    def _nest(self, nodes: tuple[Node, ...]) -> Node | list[Node]:
        """Repeat the graph behind other nodes."""
        if len(nodes) != len(self.inputs):
            raise ShapeError(f"the model has {len(self.inputs)} inputs, got {len(nodes)} nodes")
        for node, mine in zip(nodes, self.inputs, strict=True):
            if node.shape != mine.shape:
                raise ShapeError(f"the model takes {shape_text(mine.shape)}, got a node of {shape_text(node.shape)}")
        prefix = Prefix("sequential" if type(self).__name__ == "Sequential" else "model", self.name, self.graph.names)
        copies: list[Node] = list(nodes)
        for original, sources in zip(self.graph.nodes[len(nodes) :], self.graph.sources[len(nodes) :], strict=True):
            assert original.layer is not None
            copy = apply(original.layer, tuple(copies[source] for source in sources))
            copy.prefix = prefix
            copies.append(copy)
        results = [copies[index] for index in self.graph.outputs]
        return results[0] if len(results) == 1 else results

    # --- plan and reports -------------------------------------------------------------------------------------------------------
    def plan_for(self, *, training: bool, input_gradients: bool = False) -> Plan:
        """The plan of one kind of run, made when first needed, and anew when layers were frozen or thawed."""
        key = training, input_gradients, *((layer.trainable for layer in self.graph.layers) if training else ())
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = Plan(self.graph, self.dtype, training=training, input_gradients=input_gradients)
        return plan

    def plan(self, batch_size: int = BATCH_SIZE) -> PlanReport:
        """What the plan fused, the algorithm of each convolution, and the bytes held; print it."""
        return PlanReport(self, _arguments.integer("batch_size", batch_size, 1))

    def summary(self, batch_size: int = 1, *, optimizer: str | Optimizer | None = None) -> Summary:
        """Shapes, parameters, multiplications, receptive fields and memory of each layer; print it.

        Parameters
        ----------
        batch_size : int
            For the peak memory of a training step and of prediction.
        optimizer : str or Optimizer, optional
            What will train the model, for the memory that it keeps; by default SGD with momentum.
        """
        rule = optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        return Summary(self, _arguments.integer("batch_size", batch_size, 1), len(rule.slots))

    def profile(
        self,
        x: Any,
        y: Any,
        *,
        loss: str | Loss = "cross_entropy",
        optimizer: str | Optimizer | None = None,
        repeats: int = 5,
    ) -> Profile:
        """How long each layer takes in a training step, forward and backward; print it. The model stays as it is, but for its gradients.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
        y : array-like
            Targets, as the loss takes them.
        loss : str or Loss
        optimizer : str or Optimizer, optional
            By default SGD with momentum.
        repeats : int
            Of the step, after two that do not count; the times are medians.

        Returns
        -------
        Profile

        Examples
        --------
        >>> import numpy as np
        >>> import cnnrs
        >>> model = cnnrs.parse("Input 8x8x1 -> Conv3x3x4 -> ReLU -> FC2")
        >>> report = model.profile(np.zeros((2, 8, 8, 1)), [0, 1])
        >>> [step.name for step in report.steps]
        ['conv2d_1 + relu_1', 'dense_1']
        """
        from cnnrs.model.profile import profile

        return profile(self, x, y, loss, optimizer, _arguments.integer("repeats", repeats, 1))

    def receptive_field(self, layer: str | Layer) -> ReceptiveField:
        """The part of the input that one output of a layer sees.

        Parameters
        ----------
        layer : str or Layer
            A layer, or its name.

        Returns
        -------
        ReceptiveField
        """
        name = self.graph.names.get(layer, "") if isinstance(layer, Layer) else layer
        return receptive_fields(self.graph)[self.graph.find(name)]

    def acquire(self, plan: Plan, count: int) -> tuple[Any, Run]:
        """A run of a plan for one caller, and a token with which to `release` it."""
        return self._workspace.acquire(plan, self.arena, count)

    def release(self, token: Any) -> None:
        """Give back what `acquire` gave."""
        self._workspace.release(token)

    @property
    def held_bytes(self) -> int:
        """Bytes that the model keeps for its next run."""
        return self._workspace.nbytes

    def release_memory(self) -> None:
        """Free what the model keeps for its next run: activations, gradients of activations, transformed weights."""
        self._workspace.clear()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole model to one file, conventionally ``.cnnrs``; see `cnnrs.load`."""
        from cnnrs.model.file import save

        save(self, path)

    def __repr__(self) -> str:
        ends = " and ".join(shape_text(node.shape) for node in self.inputs), " and ".join(shape_text(node.shape) for node in self.outputs)
        return f"<{type(self).__name__} {ends[0]} -> {ends[1]}, {len(self.graph.layers)} layers, {self.num_parameters:,} parameters>"
