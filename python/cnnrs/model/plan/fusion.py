"""Rules that fuse two layers into one, or leave out a layer that need not run.

A rule is a function ``(first, second, facts) -> Layer | None``. The plan calls the rules for each
layer (`second`), in order, and takes the first answer that is not None. The answer is the layer
that runs in the place of both; or `Alias`, if `second` need not run: its output is then its input,
perhaps in another shape. `first` is the preceding layer, which may be fused already. It is None
where nothing can be fused into the preceding layer: it is an input of the model, another layer
reads its output too, or its output is an output of the model. A rule that matches only `second`
answers with a layer that runs in its place.

Rules compare classes with ``type(layer) is ...``: a subclass may compute something else.

To add a rule, append it to `RULES` before a model makes its plan.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from cnnrs.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Layer,
    MaxPool2D,
    ReLU,
    SeparableConv2D,
)
from cnnrs.layers.fused import (
    AddReLU,
    Alias,
    BatchNormReLU,
    ConvMaxPool,
    Folded,
    Fused,
    LinearReLU,
    is_2x2,
    is_faster,
)
from cnnrs.layers.linear import Linear
from cnnrs.layers.node import Shape

__all__ = ["RULES", "PairFacts", "Rule", "fold"]


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What a rule may know about the place of two layers in a graph.

    Attributes
    ----------
    training : bool
        Whether the plan is for training, with a backward pass, or for prediction.
    dtype : dtype
        The dtype of the model.
    input_shapes : tuple of shapes
        The shapes that the first layer reads, without the batch axis; empty without a first layer.
    shape : tuple of int
        The shape between the two layers.
    non_negative : bool
        Whether the values between the two layers are never negative.
    """

    training: bool
    dtype: np.dtype[Any]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    non_negative: bool


Rule: TypeAlias = Callable[[Layer | None, Layer, PairFacts], Layer | None]

# The layers whose kernel applies ReLU to its own output.
_APPLY_RELU = (Conv2D, DepthwiseConv2D, SeparableConv2D, Dense)
# The layers into whose weights factors and summands of the channels can be folded.
_FOLD = (*_APPLY_RELU, Conv2DTranspose)


def innermost(layer: Layer | None) -> Layer | None:
    """Return the first of the layers that were fused into one."""
    while isinstance(layer, Fused):
        layer = layer.first
    return layer


# --- layers that need not run ---------------------------------------------------------------------
def relu_of_non_negative(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Leave out a ReLU on values that are never negative."""
    if type(second) is ReLU and facts.non_negative:
        return Alias("its input is never negative")
    return None


def view(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Leave out a layer whose output is its input in another shape."""
    return Alias() if second.memory.view else None


def identity_in_prediction(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Leave out a layer that does nothing in prediction, such as dropout."""
    if second.facts.identity_in_prediction and not facts.training:
        return Alias("does nothing in prediction")
    return None


# --- ReLU -----------------------------------------------------------------------------------------
def relu_into_weights(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Apply ReLU in the kernel of a convolution or dense layer."""
    single = first.first if type(first) is Folded else first
    if type(second) is ReLU and type(single) in _APPLY_RELU:
        return LinearReLU(cast(Linear, first), second)
    return None


def relu_into_batch_norm(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Apply ReLU in the kernel of batch normalisation."""
    if type(second) is ReLU and type(first) is BatchNorm:
        return BatchNormReLU(first, second)
    return None


def relu_into_sum(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Apply ReLU in the kernel of a sum."""
    if type(second) is ReLU and type(first) is Add:
        return AddReLU(first, second)
    return None


# --- prediction only ------------------------------------------------------------------------------
def fold(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Fold a layer with a method ``scale_and_shift`` into preceding weights, in prediction."""
    if type(first) in _FOLD and not facts.training:
        return Folded(cast(Linear, first), second)
    return None


def batch_norm_into_weights(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Fold batch normalisation into the preceding weights, in prediction."""
    return fold(first, second, facts) if type(second) is BatchNorm else None


def max_pool_into_convolution(first: Layer | None, second: Layer, facts: PairFacts) -> Layer | None:
    """Pool by 2 × 2 in the kernel of a convolution of few filters, in prediction."""
    conv = innermost(first)
    if facts.training or type(second) is not MaxPool2D or type(first) is ConvMaxPool:
        return None
    if type(conv) not in (Conv2D, DepthwiseConv2D) or not is_2x2(second, facts.shape):
        return None
    convolution = cast(Conv2D, conv).convolution(facts.input_shapes[0])
    if is_faster(convolution, facts.dtype):
        return ConvMaxPool(cast(Conv2D, first), second)
    return None


RULES: list[Rule] = [
    relu_of_non_negative,
    view,
    identity_in_prediction,
    max_pool_into_convolution,
    relu_into_weights,
    relu_into_batch_norm,
    relu_into_sum,
    batch_norm_into_weights,
]
