"""Activations by name: the operations that compute them, and what is known about each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from cnnrs import ops
from cnnrs.layers.facts import Facts, Memory

__all__ = ["TABLE", "Curve"]


class Curve(NamedTuple):
    """An activation.

    Attributes
    ----------
    forward : callable
        ``forward(x, *settings, out=...)``; `out` may be `x` if `in_place`.
    backward : callable
        ``backward(grad_output, saved, *settings, out=..., accumulate=...)``; `out` may be
        `grad_output` if `in_place`.
    saves : {"input", "output"}
        Whether `backward` reads the input or the output of `forward`.
    non_negative : {"never", "keeps", "always"}
        Whether no output is negative: always, or if no input is.
    in_place : bool
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    saves: Literal["input", "output"]
    non_negative: Literal["never", "keeps", "always"]
    in_place: bool = True

    @property
    def memory(self) -> Memory:
        """The record of a layer that applies the activation."""
        return Memory(
            saves_input=self.saves == "input",
            saves_output=self.saves == "output",
            in_place=self.in_place,
        )

    @property
    def facts(self) -> Facts:
        """The record of a layer that applies the activation."""
        return Facts(non_negative=self.non_negative)


TABLE: dict[str, Curve] = {
    "relu": Curve(ops.relu, ops.relu_backward, "output", "always"),
    "sigmoid": Curve(ops.sigmoid, ops.sigmoid_backward, "output", "always"),
    "tanh": Curve(ops.tanh, ops.tanh_backward, "output", "never"),
    "elu": Curve(ops.elu, ops.elu_backward, "output", "keeps"),
    "gelu": Curve(ops.gelu, ops.gelu_backward, "input", "keeps"),
    "hard_sigmoid": Curve(ops.hard_sigmoid, ops.hard_sigmoid_backward, "output", "always"),
    "hard_swish": Curve(ops.hard_swish, ops.hard_swish_backward, "input", "keeps"),
    "leaky_relu": Curve(ops.leaky_relu, ops.leaky_relu_backward, "output", "keeps"),
    "relu6": Curve(ops.relu6, ops.relu6_backward, "output", "always"),
    "selu": Curve(ops.selu, ops.selu_backward, "output", "keeps"),
    "silu": Curve(ops.silu, ops.silu_backward, "input", "keeps"),
    "softplus": Curve(ops.softplus, ops.softplus_backward, "output", "always"),
    "softmax": Curve(ops.softmax, ops.softmax_backward, "output", "always", in_place=False),
}
