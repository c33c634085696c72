"""The base class of every layer, and the parameters that a layer declares.

A layer is small: ``build(input_shape) -> output_shape`` declares its parameters, ``forward(ctx, x)
-> y`` computes, and ``backward(ctx, grad_y) -> grad_x`` adds to the parameter gradients. Shapes
given to ``build`` are those of one sample; arrays have the batch axis in front. A layer with
several inputs takes them one after another: ``build(shape_1, shape_2)``, ``forward(ctx, x_1,
x_2)``, and ``backward`` returns a tuple.

Each argument of a layer's constructor is kept in an attribute of the same name; saving a model
relies on that.
"""

from __future__ import annotations

import inspect
import itertools
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike

from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers.node import Node, Shape, apply, shape_text

if TYPE_CHECKING:
    from cnnrs._arguments import Pair, Sides

__all__ = ["WHOLE", "Layer", "Parameter", "Traits", "Window"]


stamps = itertools.count(1)  # each number once, in any thread


class Storage(Protocol):
    """Who keeps the values of a parameter."""

    def view(self, parameter: Parameter) -> Any: ...


class Parameter:
    """A named array that a layer owns; its values live in the arena of the model.

    Attributes
    ----------
    name : str
        Name within the layer, such as ``weight``.
    shape : tuple of int
    initializer : Initializer or None
        Where the values start; None leaves the choice to the model (He-normal, and small in the
        head).
    trainable : bool
        False for state such as running means, which is saved but not trained.
    stamp : int
        Another number after each time that `value` was asked for: somebody may have written to it.
    """

    __slots__ = ("initializer", "name", "shape", "stamp", "storage", "trainable", "view")

    def __init__(
        self, name: str, shape: Shape, initializer: Initializer | None, trainable: bool
    ) -> None:
        self.name = name
        self.shape = shape
        self.initializer = initializer
        self.trainable = trainable
        self.stamp = 0
        self.storage: Storage | None = None
        self.view: Any = None

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def value(self) -> Any:
        """The values, a view into the arena of the model."""
        view = self.peek()
        self.stamp = next(
            stamps
            # while the view is held: at no moment does a view exist that neither stamp nor count tells
            # of
        )
        return view

    def peek(self) -> Any:
        """The values for somebody who only reads them, and keeps no reference."""
        if self.view is None:
            if self.storage is None:
                raise ArgumentError(
                    f"{self.name}: the layer is in no model yet; its values exist once a Model or "
                    "Sequential holds it"
                )
            self.view = self.storage.view(self)
        return self.view

    def is_held(self) -> bool:
        """Whether anybody has kept the view, or a view of it, and may write to it unseen."""
        return sys.getrefcount(self.view) > _REFERENCES

    def __repr__(self) -> str:
        return f"<Parameter {self.name} {shape_text(self.shape)}>"


def _own_references() -> int:
    """How many references `Parameter.is_held` counts where there is no other: it depends on the
    interpreter.
    """
    parameter = Parameter("", (), None, False)
    parameter.view = object()
    return sys.getrefcount(parameter.view)


_REFERENCES = _own_references()


@dataclass(frozen=True, slots=True)
class Traits:
    """What the plan may know about a layer; the defaults are right for any layer.

    Attributes
    ----------
    saves_input, saves_output : bool
        Whether ``backward`` reads the layer's input, its output; those arrays are kept until then.
    in_place : bool
        ``forward`` may write its output over its input, and ``backward`` the input's gradient over
        the output's.
    sums_inputs : bool
        The output is the sum of the inputs: ``forward`` may write it over the first or second of
        them, and the gradient of every input is that of the output, so that one array may serve all
        of them.
    writes_gradient : bool
        ``backward`` changes the gradient of the output, which it is handed.
    view : bool
        The output is the input in another shape, and so are the gradients; nothing is computed.
    identity_in_prediction : bool
        The output is the input when not training.
    affine_in_prediction : bool
        When not training, the output is the input times one number for each channel (of the last
        axis) plus another; `Layer.scale_and_shift` gives them, and the plan may fold them into the
        layer in front.
    folds : bool
        The layer takes the weights that ``ctx.weights`` hands it, with such numbers folded in.
    fuses : tuple of str
        Activations that the layer can apply to its own output when ``ctx.activation`` asks for it.
    activation : str or None
        Which of those activations this layer is.
    non_negative : {"never", "keeps", "always"}
        Whether the output has no negative value: always, or if no input has one.
    """

    saves_input: bool = True
    saves_output: bool = True
    in_place: bool = False
    sums_inputs: bool = False
    writes_gradient: bool = False
    view: bool = False
    identity_in_prediction: bool = False
    affine_in_prediction: bool = False
    folds: bool = False
    fuses: tuple[str, ...] = ()
    activation: str | None = None
    non_negative: Literal["never", "keeps", "always"] = "never"


@dataclass(frozen=True, slots=True)
class Window:
    """What one output pixel sees of a layer's input: a window that slides; the default sees one
    pixel.

    Attributes
    ----------
    kernel_size, stride, dilation : pair of int
    padding : (top, bottom, left, right)
    whole : bool
        Every output sees the whole input.
    upsampling : pair of int
        How many outputs there are to one place of the window: above 1 where a layer enlarges.
    """

    kernel_size: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Sides = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    whole: bool = False
    upsampling: Pair = (1, 1)


WHOLE = Window(whole=True)


class Layer:
    """Base class of layers, the built-in ones and yours.

    Parameters
    ----------
    name : str, optional
        Unnamed layers are numbered by kind when a model is made: ``conv2d_1``.

    Attributes
    ----------
    trainable : bool
        Set to False to freeze the layer: its parameters keep their values, and no gradients of them
        are computed.

    Examples
    --------
    A layer that multiplies each channel by a number it learns:

    >>> import numpy as np
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.add_parameter("factor", input_shape[-1:], initializer="ones")
    ...         return input_shape
    ...     def forward(self, ctx, x):
    ...         ctx.save(x=x)
    ...         return x * self.factor
    ...     def backward(self, ctx, grad_y):
    ...         product = grad_y * ctx.saved.x
    ...         ctx.gradient("factor")[...] += product.sum(axis=tuple(range(product.ndim - 1)))
    ...         return grad_y * self.factor
    >>> import cnnrs
    >>> model = cnnrs.Sequential((2, 2, 3), [Scale()])
    >>> model.num_parameters
    3
    >>> cnnrs.testing.check_gradients(Scale(), (2, 2, 3)).passed
    True
    """

    traits: Traits = Traits()
    name: str | None
    name_given: bool
    trainable: bool
    parameters: dict[str, Parameter]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        # here and not in __init__, so that a child may forget to call that
        self = super().__new__(cls)
        self.__dict__.update(parameters={}, name=None, name_given=False, trainable=True)
        return self

    def __init__(self, *, name: str | None = None) -> None:
        if name is not None:
            if not isinstance(name, str) or not name or "." in name:
                raise ArgumentError(f"name: expected a word without dots, got {name!r}")
            self.name = name
            self.name_given = True

    # --- what a child defines ---------------------------------------------------------------------
    def build(self, *input_shape: Shape) -> Shape:
        """Declare the parameters for inputs of that shape (of one sample), and return the shape of
        the output.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(self, input_shape)")

    def forward(self, ctx: Any, *x: Any) -> Any:
        """Compute the output of a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, ctx, x)")

    def backward(self, ctx: Any, grad_output: Any) -> Any:
        """Add to the parameter gradients, and return the gradient of the input (a tuple of them for
        several inputs).
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(self, ctx, grad_y)")

    # --- what a child may define ------------------------------------------------------------------
    def scratch(self, *input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:
        """Arrays that the layer keeps from ``forward`` to ``backward`` beside its input and output:
        name -> (shape per sample, dtype).

        A dtype of None stands for that of the model.
        """
        return {}

    def scale_and_shift(self) -> tuple[Any, Any]:
        """For a layer with the trait ``affine_in_prediction``: factor and summand of each channel,
        float64, from `Parameter.peek`.
        """
        raise NotImplementedError(f"{type(self).__name__} must define scale_and_shift(self)")

    def fold(self, scale: Any, shift: Any) -> tuple[Any, Any]:
        """For a layer with the trait ``folds``: weight and bias such that its output comes times
        `scale` plus `shift`, per channel.
        """
        raise NotImplementedError(f"{type(self).__name__} must define fold(self, scale, shift)")

    def pools(
        self, layer: Layer, input_shape: Shape, output_shape: Shape, dtype: np.dtype[Any]
    ) -> bool:
        """Whether in prediction this layer can pool its own output as another would, and gains by
        it; ``ctx.max_pool`` then asks for it.

        Parameters
        ----------
        layer : Layer
            Reads this layer's output, and nothing else does.
        input_shape, output_shape : tuple of int
            Of this layer, without the batch axis.
        dtype : dtype
            Of the model.
        """
        return False

    def multiplications_per_output(self, *input_shape: Shape) -> int:
        """How many multiplications make one value of the output; 0 where that is not what the layer
        does.
        """
        return 0

    def window(self, input_shape: Shape) -> Window:
        """What one output pixel sees of the input, for receptive fields."""
        return Window()

    def config(self) -> dict[str, Any]:
        """The constructor's arguments, as values that JSON can hold."""
        result: dict[str, Any] = {}
        for name, argument in inspect.signature(type(self)).parameters.items():
            if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
                continue
            if name == "name":
                value: Any = self.name if self.name_given else None
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
        """Declare a parameter, in ``build``; afterwards it is the attribute of that name.

        Raises
        ------
        ShapeError
            If the layer is shared between inputs for which the parameter would have different
            shapes.
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
        parameters = self.__dict__.get("parameters")
        if parameters is not None and name in parameters:
            return parameters[name].value
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

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
    @property
    def kind(self) -> str:
        """The name of the class in the style of a variable: ``conv2d``, ``max_pool2d``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", type(self).__name__).lower()

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """Put the layer into a graph, behind a node or, for layers with several inputs, a list of
        nodes.
        """
        nodes = (inputs,) if isinstance(inputs, Node) else inputs
        if (
            not isinstance(nodes, (list, tuple))
            or not nodes
            or not all(isinstance(node, Node) for node in nodes)
        ):
            raise DTypeError(
                f"{type(self).__name__} is called on nodes (cnnrs.Input or what a layer returned), "
                f"got {type(inputs).__name__}; "
                "to compute, put it into a model and call that on arrays"
            )
        return apply(self, tuple(nodes))

    def __repr__(self) -> str:
        try:
            arguments = ", ".join(
                f"{name}={value!r}" for name, value in self.config().items() if value is not None
            )
        except ArgumentError:
            arguments = ""
        return f"{type(self).__name__}({arguments})"


def _plain(value: Any) -> Any:
    """A constructor argument as JSON holds it."""
    if isinstance(value, Initializer):
        return value.config()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
