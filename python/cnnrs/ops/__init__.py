"""The operations: stateless functions on NumPy arrays, each forward beside its backward.

Images are ``(n, height, width, channels)``, float32 or float64. Anything array-like is taken:
integers, booleans and float16 become float32, float32 beside float64 becomes float64, and inputs
are never written to. ``out=`` is where the result goes; it overlaps no input except where a
function says so. Backward functions add to ``out`` with ``accumulate=True``, and take
``activation_output=`` after a fused activation.
"""

from cnnrs.ops.activation import relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward
from cnnrs.ops.activation_curves import (
    elu,
    elu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    leaky_relu,
    leaky_relu_backward,
    relu6,
    relu6_backward,
    selu,
    selu_backward,
)
from cnnrs.ops.add import add
from cnnrs.ops.augment import (
    AugmentStep,
    augment,
    augment_blend,
    augment_images,
    augment_paste,
    augment_uniform,
)
from cnnrs.ops.conv2d import (
    conv2d,
    conv2d_backward_bias,
    conv2d_backward_input,
    conv2d_backward_weight,
)
from cnnrs.ops.conv2d_scratch import conv2d_scratch
from cnnrs.ops.conv2d_weight import (
    PreparedConv2dWeight,
    conv2d_algorithm,
    conv2d_pools,
    prepare_conv2d_weight,
)
from cnnrs.ops.geometry import conv2d_output_size
from cnnrs.ops.global_pool2d import global_avg_pool2d, global_avg_pool2d_backward
from cnnrs.ops.hinge import hinge, hinge_backward
from cnnrs.ops.loss import (
    cross_entropy,
    cross_entropy_backward,
    half_sum_of_squares,
    half_sum_of_squares_backward,
    one_hot,
)
from cnnrs.ops.matmul import matmul
from cnnrs.ops.max_unpool2d import max_unpool2d, max_unpool2d_backward
from cnnrs.ops.norm import constrain_norm, move_towards, norm
from cnnrs.ops.normalization import (
    batch_norm,
    batch_norm_backward,
    batch_norm_scale_shift,
    scale_shift,
    scale_shift_backward,
)
from cnnrs.ops.optimizer import adagrad_step, adam_step, lion_step, rmsprop_step, sgd_step
from cnnrs.ops.pointwise_loss import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    huber,
    huber_backward,
    mean_absolute_error,
    mean_absolute_error_backward,
    mean_squared_error,
    mean_squared_error_backward,
)
from cnnrs.ops.pool2d import (
    avg_pool2d,
    avg_pool2d_backward,
    lp_pool2d,
    lp_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from cnnrs.ops.prelu import prelu, prelu_backward_input, prelu_backward_slope
from cnnrs.ops.random import all_finite, dropout, gaussian_noise, random_uniform
from cnnrs.ops.resample2d import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    upsample2d,
    upsample2d_backward,
)
from cnnrs.ops.sample_normalization import (
    group_norm,
    group_norm_backward,
    layer_norm,
    layer_norm_backward,
    local_response_norm,
    local_response_norm_backward,
)
from cnnrs.ops.smooth_curves import (
    gelu,
    gelu_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
)
from cnnrs.ops.softmax import softmax, softmax_backward
from cnnrs.ops.threads import (
    cpu_features,
    get_num_threads,
    get_winograd,
    set_num_threads,
    set_winograd,
    simd_level,
)

__all__ = [
    "AugmentStep",
    "PreparedConv2dWeight",
    "adagrad_step",
    "adam_step",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "add",
    "all_finite",
    "augment",
    "augment_blend",
    "augment_images",
    "augment_paste",
    "augment_uniform",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_scale_shift",
    "binary_cross_entropy",
    "binary_cross_entropy_backward",
    "constrain_norm",
    "conv2d",
    "conv2d_algorithm",
    "conv2d_backward_bias",
    "conv2d_backward_input",
    "conv2d_backward_weight",
    "conv2d_output_size",
    "conv2d_pools",
    "conv2d_scratch",
    "cpu_features",
    "cross_entropy",
    "cross_entropy_backward",
    "dropout",
    "elu",
    "elu_backward",
    "gaussian_noise",
    "gelu",
    "gelu_backward",
    "get_num_threads",
    "get_winograd",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "group_norm",
    "group_norm_backward",
    "half_sum_of_squares",
    "half_sum_of_squares_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "hard_swish",
    "hard_swish_backward",
    "hinge",
    "hinge_backward",
    "huber",
    "huber_backward",
    "layer_norm",
    "layer_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "lion_step",
    "local_response_norm",
    "local_response_norm_backward",
    "lp_pool2d",
    "lp_pool2d_backward",
    "matmul",
    "max_pool2d",
    "max_pool2d_backward",
    "max_unpool2d",
    "max_unpool2d_backward",
    "mean_absolute_error",
    "mean_absolute_error_backward",
    "mean_squared_error",
    "mean_squared_error_backward",
    "move_towards",
    "norm",
    "one_hot",
    "prelu",
    "prelu_backward_input",
    "prelu_backward_slope",
    "prepare_conv2d_weight",
    "random_uniform",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "rmsprop_step",
    "scale_shift",
    "scale_shift_backward",
    "selu",
    "selu_backward",
    "set_num_threads",
    "set_winograd",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "simd_level",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
    "upsample2d",
    "upsample2d_backward",
]
