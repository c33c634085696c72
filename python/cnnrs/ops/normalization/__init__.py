"""Normalisation of activations: by batch, group, layer and neighbouring channels."""

from cnnrs.ops.normalization.batch_norm import (
    batch_norm,
    batch_norm_backward,
    batch_norm_scale_shift,
)
from cnnrs.ops.normalization.group_norm import group_norm, group_norm_backward
from cnnrs.ops.normalization.layer_norm import layer_norm, layer_norm_backward
from cnnrs.ops.normalization.local_response_norm import (
    local_response_norm,
    local_response_norm_backward,
)
from cnnrs.ops.normalization.scale_shift import scale_shift, scale_shift_backward

__all__ = [
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_scale_shift",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "local_response_norm",
    "local_response_norm_backward",
    "scale_shift",
    "scale_shift_backward",
]
