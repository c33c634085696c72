"""Table of the activations that layers know by name, with their usual parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cnnrs.ops.activation.exponentials import (
    elu,
    elu_backward,
    selu,
    selu_backward,
    softplus,
    softplus_backward,
)
from cnnrs.ops.activation.rectifiers import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
)
from cnnrs.ops.activation.sigmoids import (
    gelu,
    gelu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    tanh,
    tanh_backward,
)


class Activation(NamedTuple):
    """An activation that layers know by name, with its usual parameters.

    Attributes
    ----------
    forward : callable
        ``forward(x, out=...)``; `out` may be `x`.
    backward : callable
        ``backward(grad_output, saved, out=..., accumulate=...)``; `out` may be `grad_output`.
    reads_output : bool
        Whether ``saved`` is the output of `forward`, not its input.
    non_negative : bool
        Whether no output is below 0.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    reads_output: bool = True
    non_negative: bool = False


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(relu, relu_backward, non_negative=True),
    "sigmoid": Activation(sigmoid, sigmoid_backward, non_negative=True),
    "tanh": Activation(tanh, tanh_backward),
    "elu": Activation(elu, elu_backward),
    "gelu": Activation(gelu, gelu_backward, reads_output=False),
    "hard_sigmoid": Activation(hard_sigmoid, hard_sigmoid_backward, non_negative=True),
    "hard_swish": Activation(hard_swish, hard_swish_backward, reads_output=False),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward),
    "relu6": Activation(relu6, relu6_backward, non_negative=True),
    "selu": Activation(selu, selu_backward),
    "silu": Activation(silu, silu_backward, reads_output=False),
    "softplus": Activation(softplus, softplus_backward, non_negative=True),
}
