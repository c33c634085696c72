"""Layers: the parts that models are made of.

Arrays are ``(n, height, width, channels)`` or ``(n, features)``; the shapes that ``build`` sees leave out ``n``. A layer keeps no
activations, so it can stand in several places of a graph and run in several threads. To write your own, derive from `Layer`.
"""

from cnnrs.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from cnnrs.layers.base import Layer, Parameter, Traits, Window
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.dense import Dense
from cnnrs.layers.dropout import Dropout
from cnnrs.layers.merge import Add, Concat, Multiply
from cnnrs.layers.node import Input, Node
from cnnrs.layers.normalization import BatchNorm
from cnnrs.layers.pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, LpPool2D, MaxPool2D
from cnnrs.layers.preprocessing import Normalize, Rescale
from cnnrs.layers.reshape import Flatten
from cnnrs.layers.sample_normalization import GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm

__all__ = [
    "Add",
    "AveragePool2D",
    "BatchNorm",
    "Concat",
    "Context",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePool2D",
    "GlobalMaxPool2D",
    "GroupNorm",
    "Input",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "LocalResponseNorm",
    "LpPool2D",
    "MaxPool2D",
    "Multiply",
    "Node",
    "Normalize",
    "Parameter",
    "ReLU",
    "Rescale",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Traits",
    "Window",
]
