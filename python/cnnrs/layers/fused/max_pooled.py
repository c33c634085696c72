"""Max-pooling by 2 × 2 in the kernel of a convolution of few filters, for prediction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import DTypeLike

from cnnrs import ops
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.facts import Work
from cnnrs.layers.fused.activated import LinearReLU
from cnnrs.layers.fused.base import Fused
from cnnrs.layers.fused.folded import Folded
from cnnrs.layers.geometry import Convolution
from cnnrs.layers.node import Shape
from cnnrs.layers.pooling import MaxPool2D

__all__ = ["ConvMaxPool", "is_2x2", "is_faster"]


def is_2x2(pool: MaxPool2D, input_shape: Shape) -> bool:
    """Return whether the windows are 2 × 2 pixels, do not overlap and are inside the image."""
    height, width, channels = input_shape
    plain = pool.kernel_size == pool.stride == (2, 2)
    padded = any(pool.field_of_view(input_shape).padding)
    same = pool.build(input_shape) == (height // 2, width // 2, channels)
    return plain and same and not padded


def is_faster(convolution: Convolution, dtype: DTypeLike) -> bool:
    """Return whether a convolution of few filters is faster when it also pools its output."""
    return convolution.geometry.fuses_max_pool(dtype)


class ConvMaxPool(Fused):
    """A convolution that keeps only the largest of each 2 × 2 outputs; used in prediction."""

    first: Conv2D | Folded | LinearReLU

    def __init__(self, first: Conv2D | Folded | LinearReLU, second: MaxPool2D) -> None:
        super().__init__(first, second)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the pooled output of a batch."""
        return self.first.compute(ctx, x, operation=ops.conv2d_max_pool2d)

    def work(self, *input_shape: Shape) -> Work:
        """Return the work of the convolution, whose forward kernel pools."""
        work = self.first.work(*input_shape)
        kernels = (
            replace(kernel, fused={"max_pool": True}) if kernel.layer_pass == "forward" else kernel
            for kernel in work.kernels
        )
        return replace(work, kernels=tuple(kernels), unused_border=None)
