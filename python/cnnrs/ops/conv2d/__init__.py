"""Two-dimensional convolution: its sizes, passes and prepared filters."""

from cnnrs.ops.conv2d.geometry import Conv2dGeometry, conv2d_algorithm
from cnnrs.ops.conv2d.passes import (
    conv2d,
    conv2d_backward_input,
    conv2d_backward_weight,
    conv2d_max_pool2d,
)
from cnnrs.ops.conv2d.prepared import PreparedConv2dWeight, prepare_conv2d_weight

__all__ = [
    "Conv2dGeometry",
    "PreparedConv2dWeight",
    "conv2d",
    "conv2d_algorithm",
    "conv2d_backward_input",
    "conv2d_backward_weight",
    "conv2d_max_pool2d",
    "prepare_conv2d_weight",
]
