"""Element-wise activations, their gradients, and the table of names that layers know."""

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
from cnnrs.ops.activation.table import ACTIVATIONS, Activation

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "hard_swish",
    "hard_swish_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]
