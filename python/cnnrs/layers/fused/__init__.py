"""Fused layers: two or more layers that run in one step.

A plan puts them in the place of the layers that they fuse; the rules are in
`cnnrs.model.plan.fusion`. A model, its files and its summary never show them.
"""

from cnnrs.layers.fused.activated import AddReLU, BatchNormReLU, LinearReLU
from cnnrs.layers.fused.base import Alias, Fused
from cnnrs.layers.fused.folded import Folded
from cnnrs.layers.fused.max_pooled import ConvMaxPool, is_2x2, is_faster

__all__ = [
    "AddReLU",
    "Alias",
    "BatchNormReLU",
    "ConvMaxPool",
    "Folded",
    "Fused",
    "LinearReLU",
    "is_2x2",
    "is_faster",
]
