"""Pooling of images: over windows, over the whole image, and max-unpooling."""

from cnnrs.ops.pool2d.average import average_pool2d, average_pool2d_backward
from cnnrs.ops.pool2d.global_average import global_average_pool2d, global_average_pool2d_backward
from cnnrs.ops.pool2d.lp import lp_pool2d, lp_pool2d_backward
from cnnrs.ops.pool2d.max import max_pool2d, max_pool2d_backward
from cnnrs.ops.pool2d.unpool import max_unpool2d, max_unpool2d_backward

__all__ = [
    "average_pool2d",
    "average_pool2d_backward",
    "global_average_pool2d",
    "global_average_pool2d_backward",
    "lp_pool2d",
    "lp_pool2d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_unpool2d",
    "max_unpool2d_backward",
]
