"""`Network`: the graph of a model with its parameters.

`Model` adds prediction, reports and files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Layer, Node
from cnnrs.layers.node import Shape
from cnnrs.model.graph.graph import Graph, as_nodes
from cnnrs.model.run.runtime import Runtime

__all__ = ["Network"]


class Network:
    """Base class of `Model`, which describes the arguments.

    Attributes
    ----------
    dtype : dtype
        Dtype of parameters and activations.
    seed : int
        Seed of the initial weights.
    name : str or None
    graph : Graph
        The nodes, in the order of computation, and the names of the layers.
    runtime : Runtime
        Plans, memory and the storage of the parameters; for the package and for tools.
    """

    _file_kind: ClassVar[str] = "Model"  # the kind of model that a file of it holds

    @_renamed.keywords()
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
        self.runtime = Runtime(self.graph, self.dtype, self.seed)
        self._class_names: tuple[str, ...] | None = None
        self.class_names = class_names

    # --- what it is -------------------------------------------------------------------------------
    @property
    def layers(self) -> list[Layer]:
        """The layers, each once, in the order in which they run."""
        return list(self.graph.layers)

    def layer(self, name: str) -> Layer:
        """Return the layer with this name.

        Raises
        ------
        ArgumentError
            If there is no such layer.
        """
        for layer, label in self.graph.names.items():
            if label == name:
                return layer
        raise ArgumentError(
            f"name: the model has no layer {name!r}; it has {', '.join(self.graph.names.values())}"
        )

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
        """The name of each class, or None."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                raise DTypeError("class_names: expected a sequence of strings")
            if len(names) != self.output_shape[-1]:
                raise ArgumentError(
                    f"class_names: {len(names)} names for an output of {self.output_shape[-1]} "
                    "classes"
                )
        self._class_names = None if names is None else tuple(names)

    @property
    def num_parameters(self) -> int:
        """Number of trainable values."""
        return sum(layer.num_parameters for layer in self.graph.layers)

    def parameters(self) -> dict[str, Any]:
        """Return the trainable parameters by name, such as ``conv2d_1.weight``.

        They are views, which can be edited in place.
        """
        return {name: parameter.value for name, parameter in self._named() if parameter.trainable}

    def gradients(self) -> dict[str, Any]:
        """Return the gradients of the last backward pass by parameter name, as views."""
        arena = self.runtime.arena
        return {
            name: arena.gradient(parameter)
            for name, parameter in self._named()
            if parameter.trainable
        }

    def _named(self) -> list[tuple[str, Any]]:
        return [
            (f"{label}.{name}", parameter)
            for layer, label in self.graph.names.items()
            for name, parameter in layer.parameters.items()
        ]

    def state_dict(self) -> dict[str, Any]:
        """Return copies of all parameters, and of state such as running means, by name."""
        return {name: parameter.value.copy() for name, parameter in self._named()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Load the values of a `state_dict`; if any of them does not fit, nothing is changed.

        Raises
        ------
        ArgumentError
            If a name is missing or unknown.
        ShapeError, DTypeError
            If an array has another shape, or does not hold real numbers.
        """
        expected = dict(self._named())
        if not expected.keys() <= state.keys():
            state = {_current_name(name, expected): value for name, value in state.items()}
        missing, extra = (
            [name for name in expected if name not in state],
            [name for name in state if name not in expected],
        )
        if missing:
            raise ArgumentError(
                f"state: {missing[0]!r} is missing"
                + (f", and {len(missing) - 1} more" if len(missing) > 1 else "")
            )
        if extra:
            raise ArgumentError(
                f"state: the model has no {extra[0]!r}"
                + (f", nor {len(extra) - 1} more" if len(extra) > 1 else "")
            )
        arrays = {
            name: _arguments.as_array(f"state: {name}", value) for name, value in state.items()
        }
        for name, array in arrays.items():
            if array.shape != expected[name].shape:
                raise ShapeError(
                    f"state: {name} has shape {array.shape}, the model needs {expected[name].shape}"
                )
            if array.dtype.kind not in "fiu":
                raise DTypeError(f"state: {name} has dtype {array.dtype}; expected real numbers")
        arena = self.runtime.arena
        arena.allocate(initialize=len(arena.slots) > len(expected))
        for name, array in arrays.items():
            expected[name].value[...] = array

    def release_memory(self) -> None:
        """Free the memory for the next run: activations, their gradients, prepared weights."""
        self.runtime.release_memory()


def _current_name(name: str, known: Mapping[str, Any]) -> str:
    """Return the name of a parameter that version 0.1 saved under another name.

    It wrote ``conv2dtranspose_1.weight`` for a `Conv2DTranspose` without a name.
    """
    current = name.replace("conv2dtranspose_", "conv2d_transpose_")
    return current if name not in known and current in known else name
