"""`Layer`: the base class of all layers.

A layer is small. ``build(input_shape) -> output_shape`` declares its parameters, ``forward(ctx, x)
-> y`` computes, and ``backward(ctx, grad_y) -> grad_x`` adds to the gradients of the parameters.
``build`` sees the shape of one sample; arrays have the batch axis first. A layer with several
inputs takes them one after another: ``build(shape_1, shape_2)``, ``forward(ctx, x_1, x_2)``, and
``backward`` returns a tuple.

Each argument of the constructor is kept in an attribute of the same name. Saving a model relies on
that.
"""

from __future__ import annotations

import copy
import inspect
import re
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _renamed
from cnnrs._representation import call_text
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers import spellings
from cnnrs.layers.facts import Facts, FieldOfView, Memory, Work
from cnnrs.layers.node import Node, Shape, apply
from cnnrs.layers.parameter import Parameter

__all__ = ["Layer", "trains"]

# Names of version 0.1 that a layer of a user may still define.
_RENAMED = {
    "traits": "memory and facts",
    "window": "field_of_view",
    "multiplications_per_output": "work",
}


@_renamed.keywords(spellings.ARGUMENTS)
class Layer:
    """Base class of layers: built-in layers and your own.

    Parameters
    ----------
    name : str, optional
        Unnamed layers are numbered by kind when a model is made: ``conv2d_1``.

    Attributes
    ----------
    name : str or None
        The given name; in a model, the name within the model.
    parameters : dict of str to Parameter
        What the layer declared with `add_parameter`; ``layer.weight`` is the array of values.
    trainable : bool
        Set to False to freeze the layer: its parameters keep their values, and their gradients are
        not computed.
    memory : Memory
        Which arrays ``forward`` and ``backward`` read and write.
    facts : Facts
        What is known about the output.
    head : {"no", "keeps", "yes"}
        Whether the weight starts small where the layer ends a model; ``"keeps"`` passes the
        question to the preceding layer.

    Examples
    --------
    A layer that multiplies each channel by a learnt factor:

    >>> import numpy as np
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.add_parameter("factor", input_shape[-1:], initializer="ones")
    ...         return input_shape
    ...     def forward(self, ctx, x):
    ...         ctx.save(x=x)
    ...         return x * ctx.parameter("factor")
    ...     def backward(self, ctx, grad_y):
    ...         product = grad_y * ctx.saved.x
    ...         ctx.gradient("factor")[...] += product.sum(axis=tuple(range(product.ndim - 1)))
    ...         return grad_y * ctx.parameter("factor")
    >>> import cnnrs
    >>> model = cnnrs.Sequential((2, 2, 3), [Scale()])
    >>> model.num_parameters
    3
    >>> cnnrs.testing.check_gradients(Scale(), (2, 2, 3)).passed
    True
    """

    memory: Memory = Memory()
    facts: Facts = Facts()
    head: ClassVar[Literal["no", "keeps", "yes"]] = "no"
    # The state of a new layer: on the class, since a subclass may forget to call __init__. The
    # dictionary of parameters is made when it is first needed.
    name: str | None = None
    trainable: bool = True
    _name_given: bool = False
    parameters: dict[str, Parameter]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Return to the cautious records in a class that overrides a known pass.

        The records of a class describe its own ``forward`` and ``backward``. A class that replaces
        one of them states its own records, or gets the defaults.
        """
        super().__init_subclass__(**kwargs)
        for name, new in _RENAMED.items():
            if name in cls.__dict__:
                warnings.warn(
                    f"{cls.__name__}.{name} has no effect; it is now {new}",
                    DeprecationWarning,
                    stacklevel=2,
                )
        parent = cls.__mro__[1]
        replaced = {"forward", "backward"} & cls.__dict__.keys()
        if replaced and getattr(parent, "forward", None) is not Layer.forward:
            for record, cautious in (("memory", Memory()), ("facts", Facts())):
                if record not in cls.__dict__:
                    setattr(cls, record, cautious)

    def __init__(self, *, name: str | None = None) -> None:
        if name is not None:
            if not isinstance(name, str) or not name or "." in name:
                raise ArgumentError(f"name: expected a word without dots, got {name!r}")
            self.name = name
            self._name_given = True

    # --- what a subclass defines ------------------------------------------------------------------
    def build(self, *input_shape: Shape) -> Shape:
        """Declare the parameters for inputs of this shape, and return the shape of the output.

        Shapes describe one sample, without the batch axis.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(self, input_shape)")

    def forward(self, ctx: Any, *x: Any) -> Any:
        """Compute the output of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, ctx, x)")

    def backward(self, ctx: Any, grad_output: Any) -> Any:
        """Add to the gradients of the parameters, and return the gradient of the input.

        For several inputs, return a tuple of gradients.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(self, ctx, grad_y)")

    # --- what a subclass may define ---------------------------------------------------------------
    def scratch(self, *input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:
        """Return the arrays that the layer keeps from ``forward`` to ``backward``.

        Its input and output are not among them. Each name maps to the shape for one sample and the
        dtype; None stands for the dtype of the model. See `Context.scratch`.
        """
        return {}

    def work(self, *input_shape: Shape) -> Work:
        """Return what the layer computes for inputs of this shape."""
        return Work()

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the part of the input that one output pixel sees."""
        return FieldOfView()

    @property
    def followed_by(self) -> Layer | None:
        """A layer without parameters that a model applies to the output, or None.

        ``Conv2D(8, 3, activation="relu")`` is followed by `ReLU`, as if that were the next layer.
        """
        return None

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments, as values that JSON can hold."""
        result: dict[str, Any] = {}
        for name, argument in inspect.signature(type(self)).parameters.items():
            if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
                continue
            if name == "name":
                value: Any = self.name if self._name_given else None
            elif hasattr(self, name):
                value = getattr(self, name)
            else:
                raise ArgumentError(
                    f"{type(self).__name__}: the argument {name!r} is not kept as an attribute; "
                    f"set self.{name} or define config(self)"
                )
            result[name] = _plain(value)
        return result

    # --- parameters -------------------------------------------------------------------------------
    def add_parameter(
        self,
        name: str,
        shape: Sequence[int],
        initializer: str | Initializer | None = "zeros",
        *,
        trainable: bool = True,
    ) -> None:
        """Declare a parameter, in ``build``; afterwards it is an attribute of the layer.

        Raises
        ------
        ShapeError
            If the layer is shared, and its inputs would need different shapes of the parameter.
        """
        wanted = tuple(int(size) for size in shape)
        known = self.parameters.get(name)
        if known is not None:
            if known.shape != wanted:
                raise ShapeError(
                    f"{name}: this {type(self).__name__} is shared, and its {name} has shape "
                    f"{known.shape} where this input needs {wanted}"
                )
            return
        if not name.isidentifier() or hasattr(self, name):
            raise ArgumentError(
                f"name: {type(self).__name__} cannot have a parameter called {name!r}; the "
                "attribute exists already"
            )
        self.parameters[name] = Parameter(
            name, wanted, None if initializer is None else get_initializer(initializer), trainable
        )

    def __getattr__(self, name: str) -> Any:
        if name == "parameters":
            return self.__dict__.setdefault(name, {})
        parameters = self.__dict__.get("parameters")
        if parameters is not None and name in parameters:
            return parameters[name].value
        hint = f"; {spellings.ATTRIBUTES[name]}" if name in spellings.ATTRIBUTES else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        parameter = self.__dict__.get("parameters", {}).get(name)
        if parameter is None:
            object.__setattr__(self, name, value)
            return
        if np.shape(value) != parameter.shape:
            raise ShapeError(f"{name}: expected shape {parameter.shape}, got {np.shape(value)}")
        parameter.value[...] = value

    @property
    def num_parameters(self) -> int:
        """Number of trainable values; 0 before the layer is in a model."""
        return sum(parameter.size for parameter in self.parameters.values() if parameter.trainable)

    # --- graph ------------------------------------------------------------------------------------
    def __getstate__(self) -> dict[str, Any]:
        """Return the state for a copy or a pickle of a layer that is in no model yet."""
        if any(parameter.storage is not None for parameter in self.parameters.values()):
            raise DTypeError(
                f"{self.name or type(self).__name__}: the model holds the values of this layer; "
                "copy or pickle the model (model.copy(), pickle.dumps(model))"
            )
        parameters = {name: copy.copy(value) for name, value in self.parameters.items()}
        return {**self.__dict__, "parameters": parameters}

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Apply the layer to a node, or to a list of nodes, and return the node of its output."""
        nodes = (inputs,) if isinstance(inputs, Node) else inputs
        if (
            not isinstance(nodes, (list, tuple))
            or not nodes
            or not all(isinstance(node, Node) for node in nodes)
        ):
            raise DTypeError(
                f"{type(self).__name__} is called on nodes (cnnrs.Input or the result of a layer), "
                f"got {type(inputs).__name__}; "
                "to compute, put it into a model and call the model on arrays"
            )
        return apply(self, tuple(nodes))

    def _shown(self) -> dict[str, Any]:
        """Return the arguments that `repr` shows in another way than as their attribute.

        A pair of equal sizes is shown as one number.
        """
        shown: dict[str, Any] = {"name": self.name if self._name_given else None}
        for name, argument in inspect.signature(type(self)).parameters.items():
            value = getattr(self, name, None)
            if re.search("PairLike|PaddingLike", str(argument.annotation)) and (
                isinstance(value, tuple) and len(set(value)) == 1
            ):
                shown[name] = value[0]
        return shown

    def __repr__(self) -> str:
        return call_text(self, self._shown())


def trains(layer: Layer) -> bool:
    """Return whether a layer has parameters that are trained."""
    return layer.trainable and any(parameter.trainable for parameter in layer.parameters.values())


def _plain(value: Any) -> Any:
    """Return a constructor argument as JSON can hold it."""
    if isinstance(value, Initializer):
        return value.config()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
