"""Layers: the parts that models are made of.

Arrays are ``(n, height, width, channels)`` or ``(n, features)``; the shapes that ``build`` sees
leave out ``n``. A layer keeps no activations, so it can stand in several places of a graph and run
in several threads. To write your own, derive from `Layer`.
"""

from cnnrs.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from cnnrs.layers.activation_curves import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    ReLU6,
    SiLU,
    Softplus,
)
from cnnrs.layers.base import Layer, Parameter, Traits, Window
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.conv_transpose import Conv2DTranspose
from cnnrs.layers.dense import Dense
from cnnrs.layers.depthwise import DepthwiseConv2D, SeparableConv2D
from cnnrs.layers.dropout import Dropout, GaussianDropout, SpatialDropout2D
from cnnrs.layers.lenet import ChannelScale, RBFCodes, TableConv2D
from cnnrs.layers.merge import Add, Concat, Multiply
from cnnrs.layers.node import Input, Node
from cnnrs.layers.normalization import BatchNorm
from cnnrs.layers.padding import Crop2D, ZeroPad2D, ZeroPadChannels
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
from cnnrs.layers.upsampling import AdaptiveAveragePool2D, MaxUnpool2D, UpSample2D

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AdaptiveAveragePool2D",
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "ChannelScale",
    "Concat",
    "Context",
    "Conv2D",
    "Conv2DTranspose",
    "Crop2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
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
    "Multiply",
    "Node",
    "Normalize",
    "PReLU",
    "Parameter",
    "Permute",
    "RBFCodes",
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
    "TableConv2D",
    "Tanh",
    "Traits",
    "UpSample2D",
    "Window",
    "ZeroPad2D",
    "ZeroPadChannels",
]
