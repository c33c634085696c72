"""Layers: the parts that models are made of.

Arrays have shape ``(n, height, width, channels)`` or ``(n, features)``; ``build`` sees the shape
without ``n``. A layer keeps no activations, so it can be used at several places of a graph and in
several threads. To write your own, derive a class from `Layer`.
"""

from typing import Any

from cnnrs import _renamed
from cnnrs.layers import spellings
from cnnrs.layers.activation import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.conv_transpose import Conv2DTranspose
from cnnrs.layers.dense import Dense
from cnnrs.layers.depthwise import DepthwiseConv2D, SeparableConv2D
from cnnrs.layers.dropout import Dropout, GaussianDropout, SpatialDropout2D
from cnnrs.layers.facts import Facts, FieldOfView, Memory, Work
from cnnrs.layers.merge import Add, Concat, Multiply
from cnnrs.layers.node import Input, Node
from cnnrs.layers.normalization import BatchNorm
from cnnrs.layers.padding import Crop2D, ZeroPad2D, ZeroPadChannels
from cnnrs.layers.parameter import Parameter
from cnnrs.layers.pooling import (
    AveragePool2D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    LpPool2D,
    MaxPool2D,
)
from cnnrs.layers.prelu import PReLU
from cnnrs.layers.preprocessing import Normalize, Rescale
from cnnrs.layers.reshape import Flatten, Permute, Reshape
from cnnrs.layers.sample_normalization import GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm
from cnnrs.layers.softmax import Softmax
from cnnrs.layers.upsampling import AdaptiveAveragePool2D, MaxUnpool2D, Upsample2D

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AdaptiveAveragePool2D",
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "Concat",
    "Context",
    "Conv2D",
    "Conv2DTranspose",
    "Crop2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Facts",
    "FieldOfView",
    "Flatten",
    "GaussianDropout",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Input",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LocalResponseNorm",
    "LpPool2D",
    "MaxPool2D",
    "MaxUnpool2D",
    "Memory",
    "Multiply",
    "Node",
    "Normalize",
    "PReLU",
    "Parameter",
    "Permute",
    "ReLU",
    "ReLU6",
    "Rescale",
    "Reshape",
    "SeparableConv2D",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SpatialDropout2D",
    "Tanh",
    "Upsample2D",
    "Work",
    "ZeroPad2D",
    "ZeroPadChannels",
]

_MOVED = ("ChannelScale", "RBFCodes", "TableConv2D")
_RENAMED = {
    "Traits": "Traits is now cnnrs.layers.Memory (attribute memory) and Facts (attribute facts)",
    "Window": "Window is now cnnrs.layers.FieldOfView, returned by field_of_view",
}
_old_name = _renamed.names(__name__, {"UpSample2D": "Upsample2D"})


def __getattr__(name: str) -> Any:
    if name in _MOVED:
        import warnings

        from cnnrs.layers.class_table import layer_class

        warnings.warn(
            f"cnnrs.layers.{name} is now cnnrs.zoo.lenet_layers.{name}",
            DeprecationWarning,
            stacklevel=2,
        )
        return layer_class(name)
    if name in _RENAMED:
        raise AttributeError(_RENAMED[name])
    if name in spellings.CLASSES:
        raise AttributeError(f"there is no cnnrs.layers.{name}; write {spellings.CLASSES[name]}")
    return _old_name(name)
