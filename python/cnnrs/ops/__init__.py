"""Operations on NumPy arrays: stateless functions, each forward next to its backward.

Conventions (in full in ``docs/conventions.md``):

- Images have shape ``(n, height, width, channels)``.
- Anything array-like is accepted and never written to. Integers, booleans and float16 become
  float32; float32 together with float64 becomes float64.
- `out` is overwritten and returned. It must not overlap an input unless the function says so.
- With ``accumulate=True`` a gradient is added to `out` instead.
- `activation_output` is the result of a forward call with a fused activation.
- `ShapeError`, `DTypeError` and `ArgumentError` (``cnnrs.errors``) name the argument at fault.
"""

from cnnrs._renamed import names
from cnnrs.ops.activation import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    hard_sigmoid,
    hard_sigmoid_backward,
    hard_swish,
    hard_swish_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    selu,
    selu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
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
    Conv2dGeometry,
    PreparedConv2dWeight,
    conv2d,
    conv2d_algorithm,
    conv2d_backward_input,
    conv2d_backward_weight,
    conv2d_max_pool2d,
    prepare_conv2d_weight,
)
from cnnrs.ops.geometry import conv2d_output_size
from cnnrs.ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_backward,
    cross_entropy,
    cross_entropy_backward,
    half_sum_of_squares,
    half_sum_of_squares_backward,
    hinge,
    hinge_backward,
    huber,
    huber_backward,
    mean_absolute_error,
    mean_absolute_error_backward,
    mean_squared_error,
    mean_squared_error_backward,
    one_hot,
)
from cnnrs.ops.matmul import matmul
from cnnrs.ops.noise import gaussian_noise
from cnnrs.ops.normalization import (
    batch_norm,
    batch_norm_backward,
    batch_norm_scale_shift,
    group_norm,
    group_norm_backward,
    layer_norm,
    layer_norm_backward,
    local_response_norm,
    local_response_norm_backward,
    scale_shift,
    scale_shift_backward,
)
from cnnrs.ops.optimizer import adagrad_step, adam_step, lion_step, rmsprop_step, sgd_step
from cnnrs.ops.pool2d import (
    average_pool2d,
    average_pool2d_backward,
    global_average_pool2d,
    global_average_pool2d_backward,
    lp_pool2d,
    lp_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    max_unpool2d,
    max_unpool2d_backward,
)
from cnnrs.ops.prelu import prelu, prelu_backward_input, prelu_backward_slope
from cnnrs.ops.random_numbers import dropout, random_uniform
from cnnrs.ops.reduce import all_finite, conv2d_backward_bias, sum_rows
from cnnrs.ops.resample2d import (
    adaptive_average_pool2d,
    adaptive_average_pool2d_backward,
    upsample2d,
    upsample2d_backward,
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
from cnnrs.ops.vector_norm import constrain_norm, lerp, norm

__all__ = [
    "AugmentStep",
    "Conv2dGeometry",
    "PreparedConv2dWeight",
    "adagrad_step",
    "adam_step",
    "adaptive_average_pool2d",
    "adaptive_average_pool2d_backward",
    "add",
    "all_finite",
    "augment",
    "augment_blend",
    "augment_images",
    "augment_paste",
    "augment_uniform",
    "average_pool2d",
    "average_pool2d_backward",
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
    "conv2d_max_pool2d",
    "conv2d_output_size",
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
    "global_average_pool2d",
    "global_average_pool2d_backward",
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
    "lerp",
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
    "sum_rows",
    "tanh",
    "tanh_backward",
    "upsample2d",
    "upsample2d_backward",
]


_OLD_NAMES = {
    "adaptive_avg_pool2d": "adaptive_average_pool2d",
    "adaptive_avg_pool2d_backward": "adaptive_average_pool2d_backward",
    "avg_pool2d": "average_pool2d",
    "avg_pool2d_backward": "average_pool2d_backward",
    "global_avg_pool2d": "global_average_pool2d",
    "global_avg_pool2d_backward": "global_average_pool2d_backward",
    "move_towards": "lerp",
}
_REPLACED = {
    "conv2d_pools": "Conv2dGeometry.fuses_max_pool",
    "conv2d_scratch": "Conv2dGeometry.scratch",
}
__getattr__ = names(__name__, _OLD_NAMES, _REPLACED)
