"""Sizes of a convolution, checked once and taken by every pass."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _core
from cnnrs._arguments import (
    PaddingLike,
    Pair,
    PairLike,
    Sides,
    choice,
    flag,
    float_dtype,
    integer,
    pair,
    shape_of,
)
from cnnrs._renamed import keywords
from cnnrs.errors import ArgumentError
from cnnrs.ops.geometry import padding_sides

SAMPLE_AXES = "(height, width, channels)"
IMAGE_AXES = "(n, height, width, channels)"
WEIGHT_AXES = "(kernel_height, kernel_width, channels / groups, filters)"
PASSES = ("forward", "backward_input", "backward_weight")
_ZERO, _ONE = 0, 1  # the default padding; the default stride, dilation and groups


class Conv2dGeometry:
    """Checked sizes of a convolution of one sample, for any batch size.

    Make it once and pass it as ``geometry=`` to `conv2d`, its gradients and
    `prepare_conv2d_weight`, in place of `stride`, `padding`, `dilation` and `groups`: the sizes are
    then not checked and computed again in every call.

    Parameters
    ----------
    input_shape : tuple of 3 int, (height, width, channels)
        Shape of one sample.
    weight_shape : tuple of 4 int, (kernel_height, kernel_width, channels / groups, filters)
    stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    groups : int

    Attributes
    ----------
    input_shape, weight_shape : tuple of int
    output_shape : tuple of 3 int, (out_height, out_width, filters)
        Shape of the output of one sample.
    stride, dilation : (int, int)
    padding : ((top, bottom), (left, right))
    groups : int

    Raises
    ------
    ShapeError
        If the shapes do not fit together or the window is larger than the padded input.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> geometry = ops.Conv2dGeometry((8, 8, 3), (3, 3, 3, 4), stride=2, padding="same")
    >>> geometry.output_shape
    (4, 4, 4)
    >>> ops.conv2d(np.ones((5, 8, 8, 3)), np.ones((3, 3, 3, 4)), geometry=geometry).shape
    (5, 4, 4, 4)
    """

    __slots__ = (
        "dilation",
        "groups",
        "handle",
        "input_shape",
        "output_shape",
        "padding",
        "stride",
        "weight_shape",
    )

    def __init__(
        self,
        input_shape: Sequence[int],
        weight_shape: Sequence[int],
        *,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        groups: int = 1,
    ) -> None:
        sample = shape_of("input_shape", input_shape, 3, SAMPLE_AXES)
        filters = shape_of("weight_shape", weight_shape, 4, WEIGHT_AXES)
        window = checked_window(sample, filters, stride, padding, dilation, groups)
        self.handle = _core.Conv2dGeometry(sample, filters, *window)  # type: ignore[arg-type]
        self.input_shape, self.weight_shape = sample, filters
        self.stride, (top, bottom, left, right), self.dilation, self.groups = window
        self.padding = (top, bottom), (left, right)
        self.output_shape = self.handle.output_shape

    def __repr__(self) -> str:
        return (
            f"Conv2dGeometry({self.input_shape}, {self.weight_shape}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, groups={self.groups})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        make = partial(
            Conv2dGeometry,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )
        return make, (self.input_shape, self.weight_shape)

    def method(self, pass_: str = "forward", *, dtype: DTypeLike = np.float32) -> str:
        """Return the name of the algorithm that a pass uses.

        Parameters
        ----------
        pass_ : {"forward", "backward_input", "backward_weight", "prediction"}
            The last is the forward pass of a model's prediction, whose filters are prepared once.
            It differs where a sample is a single tile and the filters are many.
        dtype : {float32, float64}

        Returns
        -------
        str

        Examples
        --------
        >>> from cnnrs import ops
        >>> ops.Conv2dGeometry((224, 224, 3), (7, 7, 3, 64), stride=2, padding=3).method()
        'direct'
        """
        choice("pass_", pass_, (*PASSES, "prediction"))
        return self.handle.method(pass_, float_dtype(dtype) == np.float64)

    def fuses_max_pool(self, dtype: DTypeLike = np.float32) -> bool:
        """Return whether `conv2d_max_pool2d` of many images writes the pooled result only.

        It does so where the filters are few.

        Parameters
        ----------
        dtype : {float32, float64}

        Returns
        -------
        bool

        Examples
        --------
        >>> from cnnrs import ops
        >>> ops.Conv2dGeometry((28, 28, 1), (5, 5, 1, 6)).fuses_max_pool()
        True
        >>> ops.Conv2dGeometry((28, 28, 64), (3, 3, 64, 64)).fuses_max_pool()
        False
        """
        return self.handle.fuses_max_pool(float_dtype(dtype) == np.float64)

    def scratch(
        self,
        pass_: str = "forward",
        *,
        batch: int = 1,
        prepared: bool = False,
        max_pool: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> tuple[list[int], list[int], int]:
        """Return the bytes that a pass takes besides its arrays, measured by a dry run.

        Parameters
        ----------
        pass_ : {"forward", "backward_input", "backward_weight"}
        batch : int
            Number of samples.
        prepared : bool
            Whether the filters of the forward pass are prepared once, as in a model's prediction.
        max_pool : bool
            Whether the forward pass is `conv2d_max_pool2d`.
        dtype : {float32, float64}

        Returns
        -------
        scratch : list of int
            Sizes of the buffers that the calling thread holds at the same time. It keeps the
            largest first one of all calls, the largest second one, and so on.
        worker_scratch : list of int
            Sizes of the buffers that each other thread holds, and keeps in the same way.
        prepared_bytes : int
            Size of the prepared filters; 0 without.

        Raises
        ------
        MemoryError
            For arrays that no address space holds.

        Examples
        --------
        >>> from cnnrs import ops
        >>> geometry = ops.Conv2dGeometry((28, 28, 64), (3, 3, 64, 64), padding=1)
        >>> scratch, worker_scratch, prepared_bytes = geometry.scratch(prepared=True)
        >>> prepared_bytes >= 3 * 3 * 64 * 64 * 4
        True
        """
        choice("pass_", pass_, PASSES)
        flags = flag("prepared", prepared), flag("max_pool", max_pool)
        double = float_dtype(dtype) == np.float64
        return self.handle.scratch(pass_, integer("batch", batch), *flags, double)


def checked_window(
    sample: tuple[int, ...],
    filters: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> tuple[Pair, Sides, Pair, int]:
    """Return stride, four sides of padding, dilation and groups."""
    steps, spread = pair("stride", stride), pair("dilation", dilation)
    sides = padding_sides(padding, sample[:2], filters[:2], steps, spread)  # type: ignore[arg-type]
    return steps, sides, spread, integer("groups", groups, 1)


def resolve(
    geometry: Conv2dGeometry | None,
    image_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> tuple[_core.Conv2dGeometry, tuple[int, int, int]]:
    """Return the kernels' geometry, made from the other arguments if there is none, and its output.

    `image_shape` is ``(n, height, width, channels)``.

    Raises
    ------
    ArgumentError
        If both a geometry and one of the four arguments are given.
    """
    if geometry is None:
        sample: Any = image_shape[1:]
        filters: Any = weight_shape
        window = checked_window(sample, filters, stride, padding, dilation, groups)
        handle = _core.Conv2dGeometry(sample, filters, *window)
        return handle, handle.output_shape
    if (
        stride is not _ONE
        or padding is not _ZERO
        or dilation is not _ONE
        or groups is not _ONE
        or geometry.__class__ is not Conv2dGeometry
    ):
        refuse(geometry, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return geometry.handle, geometry.output_shape


def refuse(geometry: Any, **arguments: Any) -> None:
    """Raise the error for a geometry that is none, or that comes with other arguments."""
    if not isinstance(geometry, Conv2dGeometry):
        raise ArgumentError(f"geometry: expected an ops.Conv2dGeometry or None, got {geometry!r}")
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    raise ArgumentError(f"geometry: replaces other arguments, but got {given} as well; pass one")


@keywords(direction="pass_")
def conv2d_algorithm(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    pass_: str = "forward",
) -> str:
    """Return the name of the algorithm that a float32 convolution of these shapes uses.

    Parameters
    ----------
    input_shape : tuple of 4 int, (n, height, width, channels)
    weight_shape : tuple of 4 int, (kernel_height, kernel_width, channels / groups, filters)
    stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    groups : int
        As in `conv2d`.
    pass_ : {"forward", "backward_input", "backward_weight", "prediction"}
        As in `Conv2dGeometry.method`.

    Returns
    -------
    str

    See Also
    --------
    Conv2dGeometry.method : The same for sizes that are already checked.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.conv2d_algorithm((1, 224, 224, 3), (7, 7, 3, 64), stride=2, padding=3)
    'direct'
    """
    shape = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    geometry = Conv2dGeometry(
        shape[1:], weight_shape, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    return geometry.method(pass_)
