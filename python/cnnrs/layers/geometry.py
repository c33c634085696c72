"""Sizes of windows that slide over images, and the convolutions that layers are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import ops
from cnnrs._arguments import PaddingLike, Pair, Sides
from cnnrs.errors import ShapeError
from cnnrs.layers.node import Shape, shape_text
from cnnrs.ops.geometry import output_sizes, padding_sides

__all__ = ["Convolution", "Kernel", "Pass", "check_image", "kernels_of", "output_size", "sides"]

Pass: TypeAlias = Literal["forward", "backward_weight", "backward_input"]

# Output positions of a batch. Above this number, transforming the weights at each call is a few per
# cent of the work, and not worth the memory.
MOST_POSITIONS = 4096


def check_image(layer: object, input_shape: Shape) -> tuple[int, int, int]:
    """Return height, width and channels of an input that must be an image."""
    if len(input_shape) != 3:
        raise ShapeError(
            f"{type(layer).__name__} needs images of shape height x width x channels, got "
            f"{shape_text(input_shape)}"
        )
    height, width, channels = input_shape
    return height, width, channels


def output_size(
    size: Pair, kernel_size: Pair, stride: Pair, padding: PaddingLike, dilation: Pair, rounding: str
) -> Pair:
    """``(W - K + 2P) / S + 1`` in both directions."""
    return output_sizes(
        size,
        kernel_size,
        stride,
        padding_sides(padding, size, kernel_size, stride, dilation),
        dilation,
        rounding,
    )


def sides(
    size: Pair, kernel_size: Pair, stride: Pair, padding: PaddingLike, dilation: Pair
) -> Sides:
    """Return the padding as ``(top, bottom, left, right)``."""
    return padding_sides(padding, size, kernel_size, stride, dilation)


@dataclass(frozen=True)
class Convolution:
    """The sizes of one convolution, without the batch.

    Examples
    --------
    >>> Convolution((28, 28, 1), (5, 5, 1, 6), padding="same").multiply_adds
    117600
    """

    input_shape: Shape
    weight_shape: Shape
    stride: Pair = (1, 1)
    padding: PaddingLike = 0
    dilation: Pair = (1, 1)
    groups: int = 1

    @cached_property
    def geometry(self) -> ops.Conv2dGeometry:
        """The checked sizes as `cnnrs.ops` takes them."""
        return ops.Conv2dGeometry(
            self.input_shape,
            self.weight_shape,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    @property
    def output_size(self) -> Pair:
        """Height and width of the output."""
        height, width, _ = self.geometry.output_shape
        return height, width

    @property
    def multiply_adds(self) -> int:
        """Products for one sample, as the direct method computes them."""
        return math.prod(self.output_size) * math.prod(self.weight_shape)

    def prepares(self, count: int) -> bool:
        """Return whether a prediction of `count` samples should use weights prepared once."""
        if count == 0:
            return False
        if count * math.prod(self.output_size) <= MOST_POSITIONS:
            return True
        # For a single sample, prediction may choose another algorithm than a plain call. It must
        # then do so for any batch, so that the bits are the same.
        return self.geometry.method("prediction") != self.geometry.method("forward")

    def prepare(self, weight: Any) -> ops.PreparedConv2dWeight:
        """Transform and pack the filters for prediction.

        The algorithm is chosen from the geometry of one sample: it must not depend on the batch.
        """
        chosen = self.geometry.method("prediction") if weight.dtype == np.float32 else None
        return ops.prepare_conv2d_weight(weight, geometry=self.geometry, algorithm=chosen)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One convolution that a layer runs in one of its passes.

    Attributes
    ----------
    layer_pass : {"forward", "backward_weight", "backward_input"}
        The pass of the layer.
    convolution : Convolution
    direction : {"forward", "backward_weight", "backward_input"}
        The pass of the convolution that is run: a transposed convolution runs ``backward_input`` in
        its forward pass.
    prepared : bool
        Whether the layer uses weights prepared once in prediction.
    fused : dict
        Further arguments of the operation, for what is fused into it.
    """

    layer_pass: Pass
    convolution: Convolution
    direction: Pass
    prepared: bool = False
    fused: dict[str, Any] = field(default_factory=dict)

    def algorithm(self, *, training: bool) -> str:
        """Return the name of the algorithm."""
        direction = "prediction" if self.prepared and not training else self.direction
        return self.convolution.geometry.method(direction)

    def is_prepared(self, count: int, *, training: bool) -> bool:
        """Return whether a batch of `count` samples runs on prepared weights."""
        return self.prepared and not training and self.convolution.prepares(count)

    def scratch(
        self, count: int, dtype: DTypeLike, *, training: bool
    ) -> tuple[list[int], list[int], int]:
        """Return the bytes taken beside the arrays; see `cnnrs.ops.Conv2dGeometry.scratch`."""
        return self.convolution.geometry.scratch(
            self.direction,
            batch=count,
            prepared=self.is_prepared(count, training=training),
            **self.fused,
            dtype=dtype,
        )


def kernels_of(
    convolution: Convolution, passes: Sequence[tuple[Pass, Pass]] = (), *, prepared: bool = False
) -> tuple[Kernel, ...]:
    """Return the kernels of a layer that runs one convolution.

    Parameters
    ----------
    convolution : Convolution
    passes : sequence of (pass of the layer, pass of the convolution), optional
        By default each pass of the layer runs the same pass of the convolution.
    prepared : bool
        Whether the forward pass uses prepared weights in prediction.
    """
    same: list[tuple[Pass, Pass]] = [
        ("forward", "forward"),
        ("backward_weight", "backward_weight"),
        ("backward_input", "backward_input"),
    ]
    return tuple(
        Kernel(mine, convolution, direction, prepared and mine == "forward")
        for mine, direction in passes or same
    )
