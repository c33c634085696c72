"""What a layer is handed while it runs: the `Context` of one layer in one run.

Everything that a run must remember is here and not in the layer, so that one layer can stand in
several places of a graph and run in several threads. The arrays that a context gives out belong to
the workspace of the run: they are valid until the run ends and are used again afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from cnnrs import _streams
from cnnrs._arguments import Floats
from cnnrs.errors import ArgumentError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Context", "Destination", "Saved"]


class Destination(TypedDict):
    """Where an operation of `cnnrs.ops` puts its result: the array, and whether to add to it."""

    out: Floats
    accumulate: bool


class Saved(dict[str, Any]):
    """What ``forward`` kept for ``backward``, by name: ``ctx.saved.x``.

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
    """The surroundings of one layer in one run.

    Attributes
    ----------
    training : bool
        Whether this is a training run; in prediction nothing is saved and there is no backward
        pass.
    dtype : dtype
        float32 or float64: that of the model, of every array handed to the layer, and of what it
        must return.
    saved : Saved
        What ``forward`` kept with `save`.
    activation : str or None
        An activation that the plan has fused into this layer: it is applied to the layer's own
        output.
    max_pool : bool
        Whether the plan has fused a max-pooling by 2 × 2 into this layer: it keeps the largest of
        each 2 × 2 outputs.
    seed, stream, step : int
        The key of this layer's random numbers; see `random`.

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
        "_gradients",
        "_overwrite",
        "_scratch",
        "_touched",
        "activation",
        "dtype",
        "max_pool",
        "needs_parameter_gradients",
        "saved",
        "seed",
        "step",
        "stream",
        "training",
        "weights",
    )

    def __init__(self, dtype: np.dtype[Any], *, training: bool, stream: int) -> None:
        self.training = training
        self.dtype = dtype
        self.saved = Saved()
        self.activation: str | None = None
        self.max_pool = False
        self.weights: Callable[[], tuple[Any, Any]] | None = (
            None  # prediction only: weight and bias, transformed or with a layer folded in
        )
        self.needs_parameter_gradients = training
        self.seed = 0
        self.stream = stream
        self.step = 0
        self._buffers: list[
            Floats | None
        ] = []  # forward: the output; backward: the gradient of each input, None where not needed
        self._overwrite: list[bool] = []  # backward: whether the gradient of each input starts here
        self._gradients: dict[str, Floats] = {}  # parameter gradients by name
        self._touched: set[str] = set()  # names of parameter gradients that hold this run's sums
        self._scratch: dict[str, NDArray[Any]] = {}

    def save(self, **arrays: Any) -> None:
        """Keep arrays (or anything else) for ``backward``; does nothing in prediction."""
        if self.training:
            self.saved.update(arrays)

    def out(self, shape: tuple[int, ...] | None = None, *, index: int = 0) -> Any:
        """An uninitialised array of the workspace for the result; using it is faster than making
        one, never required.

        Parameters
        ----------
        shape : tuple of int, optional
            Shape of the result, with the batch axis, as a check.
        index : int
            In ``backward`` of a layer with several inputs: which input's gradient.

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
        """The array that the layer asked for in its `Layer.scratch`; it keeps its values from
        ``forward`` to ``backward``.
        """
        return self._scratch[name]

    def random(self) -> np.random.Generator:
        """A stream of random numbers for this layer and step: the same in every call, the same at
        any thread count.
        """
        return _streams.generator(self.seed, self.stream, _streams.Purpose.LAYER, self.step)

    # --- backward ---------------------------------------------------------------------------------
    def needs_input_gradient(self, index: int = 0) -> bool:
        """Whether anything behind that input is trained; if not, ``backward`` returns None for it."""
        return self._buffers[index] is not None

    def gradient(self, name: str) -> Any:
        """The gradient of a parameter, to be added to in place: ``ctx.gradient("weight")[...] +=
        ...``.
        """
        array = self._gradients[name]
        if name not in self._touched:
            self._touched.add(name)
            array.fill(0)
        return array

    def parameter_destination(self, name: str) -> Destination:
        """Where an operation puts the gradient of a parameter: ``ops.conv2d_backward_bias(g,
        **ctx.parameter_destination("bias"))``.
        """
        accumulate = name in self._touched
        self._touched.add(name)
        return {"out": self._gradients[name], "accumulate": accumulate}

    def input_destination(self, index: int = 0) -> Destination:
        """Where an operation puts the gradient of an input, which must be needed; ``backward`` then
        returns that array.
        """
        buffer = self._buffers[index]
        assert buffer is not None
        return {"out": buffer, "accumulate": not self._overwrite[index]}
