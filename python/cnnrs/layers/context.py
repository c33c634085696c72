"""`Context`: what a layer reads from and writes to while it runs.

Everything that a run must remember is stored in the context and not in the layer, so that one layer
can be used at several places of a graph and in several threads. The arrays that a context gives out
belong to the workspace of the run: they are valid until the run ends, and are overwritten later.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from cnnrs import _streams
from cnnrs._arguments import Floats
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers.parameter import Parameter

__all__ = ["Context", "Destination", "Destinations", "Saved"]

T = TypeVar("T")


class Destination(TypedDict):
    """Where an operation of `cnnrs.ops` puts its result, and whether to add to what is there."""

    out: Floats
    accumulate: bool


class Destinations(NamedTuple):
    """Where an operation puts several gradients; all of them are added to, or none."""

    out: tuple[Floats, ...]
    accumulate: bool


class Saved(dict[str, Any]):
    """The values that ``forward`` kept for ``backward``, by name: ``ctx.saved.x``.

    Examples
    --------
    >>> Saved(x=3).x
    3
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise ArgumentError(
                f"ctx.saved has no {name!r}; forward saves what backward needs with "
                f"ctx.save({name}=array)"
            ) from None


class Context:
    """The state of one layer in one run.

    Attributes
    ----------
    training : bool
        Whether this is a training run. In prediction nothing is saved, and there is no backward
        pass.
    dtype : dtype
        float32 or float64: the dtype of the model, of every array handed to the layer, and of every
        array that it returns.
    saved : Saved
        The values that ``forward`` kept with `save`.
    needs_parameter_gradients : bool
        Whether ``backward`` must compute the gradients of the parameters.
    seed, stream, step : int
        The key of the layer's random numbers; see `random`.

    Examples
    --------
    A layer in plain NumPy uses the context like this:

    >>> from cnnrs.layers import Layer
    >>> class Square(Layer):
    ...     def build(self, input_shape):
    ...         return input_shape
    ...     def forward(self, ctx, x):
    ...         ctx.save(x=x)
    ...         return x * x
    ...     def backward(self, ctx, grad_y):
    ...         return 2 * ctx.saved.x * grad_y
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Square()])([[2.0, -3.0]]).tolist()
    [[4.0, 9.0]]
    """

    __slots__ = (
        "_buffers",
        "_derive",
        "_gradients",
        "_once",
        "_overwrite",
        "_parameters",
        "_scratch",
        "_touched",
        "dtype",
        "needs_parameter_gradients",
        "saved",
        "seed",
        "step",
        "stream",
        "training",
    )

    def __init__(
        self,
        dtype: np.dtype[Any],
        *,
        training: bool,
        stream: int,
        parameters: Mapping[str, Parameter] | None = None,
    ) -> None:
        self.training = training
        self.dtype = dtype
        self.saved = Saved()
        self.needs_parameter_gradients = training
        self.seed = 0
        self.stream = stream
        self.step = 0
        self._parameters: Mapping[str, Parameter] = {} if parameters is None else parameters
        # forward: the output; backward: the gradient of each input, None where it is not needed
        self._buffers: list[Floats | None] = []
        # backward: whether this is the first layer to write the gradient of an input
        self._overwrite: list[bool] = []
        self._gradients: dict[str, Floats] = {}
        self._touched: set[Parameter] = set()  # those whose gradients hold sums of this run
        self._scratch: dict[str, NDArray[Any]] = {}
        self._once: dict[Hashable, Any] = {}
        # prediction: keeps values derived from the parameters
        self._derive: Callable[[Hashable, Callable[[], Any]], Any] | None = None

    # --- parameters -------------------------------------------------------------------------------
    def parameter(self, name: str) -> Any:
        """Return the values of a parameter, read-only.

        Layers read their parameters in this way. The attribute ``layer.weight`` is for people: it
        may be written to, so that each access makes the next prediction check for an edit.
        """
        return self._parameters[name].read()

    def state(self, name: str) -> Any:
        """Return the values of a parameter that the layer changes, such as a running mean."""
        return self._parameters[name].value

    def derived(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` computes from the parameters of the layer.

        In prediction the result is kept until one of the layer's parameters changes, under a key
        that is unique within the layer; in training it is computed at each call.
        """
        return make() if self._derive is None else self._derive(key, make)

    def once(self, key: Hashable, make: Callable[..., T], *arguments: Any) -> T:
        """Return ``make(*arguments)``, which must depend on the shapes alone.

        `make` is called once for each batch size.
        """
        try:
            return self._once[key]  # type: ignore[no-any-return]
        except KeyError:
            result = self._once[key] = make(*arguments)
            return result

    # --- forward ----------------------------------------------------------------------------------
    def save(self, **arrays: Any) -> None:
        """Keep arrays (or anything else) for ``backward``; does nothing in prediction."""
        if self.training:
            self.saved.update(arrays)

    def out(self, shape: tuple[int, ...] | None = None, *, index: int = 0) -> Any:
        """Return an uninitialised array of the workspace for the result.

        Using it is faster than making an array, and never required.

        Parameters
        ----------
        shape : tuple of int, optional
            Shape of the result, with the batch axis, as a check.
        index : int
            In ``backward`` of a layer with several inputs: the number of the input.

        Raises
        ------
        ShapeError
            If the result has another shape.
        """
        buffer = self._buffers[index]
        if buffer is None or (self._overwrite and not self._overwrite[index]):
            if buffer is None and shape is None:
                raise ArgumentError(
                    "ctx.out: the gradient of this input is not needed; return None for it, or "
                    "give a shape"
                )
            return np.empty(shape if buffer is None else buffer.shape, self.dtype)
        if shape is not None and shape != buffer.shape:
            raise ShapeError(
                f"ctx.out: expected shape {buffer.shape}, which build promised, got {shape}"
            )
        return buffer

    def scratch(self, name: str) -> NDArray[Any]:
        """Return an array that the layer asked for in `Layer.scratch`.

        It keeps its values from ``forward`` to ``backward``.
        """
        return self._scratch[name]

    def random(self) -> np.random.Generator:
        """Return a stream of random numbers for this layer and step.

        It is the same in every call and at any number of threads.
        """
        return _streams.generator(self.seed, self.stream, _streams.Purpose.LAYER, self.step)

    # --- backward ---------------------------------------------------------------------------------
    def needs_input_gradient(self, index: int = 0) -> bool:
        """Return whether the gradient of this input is needed.

        If not, ``backward`` returns None for it.
        """
        return self._buffers[index] is not None

    def gradient(self, name: str) -> Any:
        """Return the gradient of a parameter, to be added to in place.

        For example ``ctx.gradient("weight")[...] += ...``.
        """
        array = self._gradients[name]
        parameter = self._parameters[name]
        if parameter not in self._touched:
            self._touched.add(parameter)
            array.fill(0)
        return array

    def parameter_destination(self, name: str) -> Destination:
        """Return where an operation puts the gradient of a parameter.

        For example ``ops.conv2d_backward_bias(g, **ctx.parameter_destination("bias"))``.
        """
        parameter = self._parameters[name]
        accumulate = parameter in self._touched
        self._touched.add(parameter)
        return {"out": self._gradients[name], "accumulate": accumulate}

    def parameter_destinations(self, *names: str) -> Destinations:
        """Return where one operation puts the gradients of several parameters.

        Raises
        ------
        ArgumentError
            If some of the gradients hold a sum of this run already and others do not.
        """
        destinations = [self.parameter_destination(name) for name in names]
        flags = {destination["accumulate"] for destination in destinations}
        if len(flags) != 1:
            raise ArgumentError(
                f"ctx.parameter_destinations: the gradients of {' and '.join(names)} must be "
                "written together, but only some of them were written before"
            )
        return Destinations(tuple(item["out"] for item in destinations), flags.pop())

    def input_destination(self, index: int = 0) -> Destination:
        """Return where an operation puts the gradient of an input.

        The gradient must be needed, and ``backward`` must return the array.
        """
        buffer = self._buffers[index]
        assert buffer is not None
        return {"out": buffer, "accumulate": not self._overwrite[index]}
