"""The compiled kernels: arrays in, arrays out, the GIL released; bindings do no arithmetic.

Private: ``cnnrs.ops`` is its only importer and its documentation. Every array is C-contiguous,
aligned, in native byte order; float arrays of one call share one dtype, float32 or float64
(``_Floats``). Outputs are allocated by the caller. They are overwritten, or accumulated into where
``accumulate`` is true. ``padding`` is ``(top, bottom, left, right)``; pairs are ``(height,
width)``. Wrong sizes raise ``cnnrs.errors.ShapeError``, wrong dtypes ``DTypeError``. An ``out``
that overlaps another array raises ``ArgumentError``, except where a function says that it may be
one of its inputs.
"""

from collections.abc import Sequence
from typing import Self, TypeAlias, final

from numpy import bool_, float32, float64, int32, int64, uint8
from numpy.typing import NDArray

__all__ = [
    "Conv2dGeometry",
    "PreparedConv2dWeight",
    "adagrad_step",
    "adam_step",
    "add_forward",
    "all_finite",
    "augment_blend",
    "augment_paste",
    "augment_run",
    "augment_uniform",
    "average_pool2d_backward",
    "average_pool2d_forward",
    "constrain_norm",
    "conv2d_backward_input",
    "conv2d_backward_weight",
    "conv2d_forward",
    "cpu_features",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "curve_backward",
    "curve_forward",
    "dropout",
    "gaussian_noise",
    "get_num_threads",
    "get_winograd",
    "global_average_pool2d_backward",
    "global_average_pool2d_forward",
    "group_norm_backward",
    "group_norm_forward",
    "half_sum_of_squares_backward",
    "half_sum_of_squares_forward",
    "hinge_backward",
    "hinge_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "lerp",
    "lion_step",
    "local_response_norm_backward",
    "local_response_norm_forward",
    "lp_pool2d_backward",
    "lp_pool2d_forward",
    "matmul",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "max_unpool2d_backward",
    "output_size",
    "pointwise_loss_backward",
    "pointwise_loss_forward",
    "prelu_backward_input",
    "prelu_backward_slope",
    "prelu_forward",
    "prepare_conv2d_weight",
    "random_uniform",
    "relu_backward",
    "relu_forward",
    "resample2d_backward",
    "resample2d_forward",
    "rmsprop_step",
    "same_padding",
    "scale_shift_backward",
    "scale_shift_forward",
    "set_num_threads",
    "set_winograd",
    "sgd_step",
    "sigmoid_backward",
    "sigmoid_forward",
    "simd_level",
    "softmax_backward",
    "softmax_forward",
    "sum_of_squares",
    "sum_rows",
    "tanh_backward",
    "tanh_forward",
]

_Floats: TypeAlias = NDArray[float32] | NDArray[float64]
_Pixels: TypeAlias = NDArray[uint8] | NDArray[float32]
_Pair: TypeAlias = tuple[int, int]
_Sides: TypeAlias = tuple[int, int, int, int]
_Window: TypeAlias = tuple[_Pair, _Pair, _Sides]  # kernel size, stride, padding
_Adjustment: TypeAlias = tuple[float, float, float, float]

@final
class Conv2dGeometry:
    """Checked sizes of a convolution of one sample; read-only."""

    def __new__(
        cls,
        input_shape: tuple[int, int, int],
        weight_shape: tuple[int, int, int, int],
        stride: _Pair,
        padding: _Sides,
        dilation: _Pair,
        groups: int,
    ) -> Self: ...
    @property
    def output_shape(self) -> tuple[int, int, int]: ...
    def method(self, pass_: str, double: bool) -> str: ...
    def fuses_max_pool(self, double: bool) -> bool: ...
    def scratch(
        self, pass_: str, batch: int, prepared: bool, max_pool: bool, double: bool
    ) -> tuple[list[int], list[int], int]: ...

@final
class PreparedConv2dWeight:
    """Weights transformed and packed once for one convolution geometry; read-only."""

    @property
    def algorithm(self) -> str: ...
    @property
    def nbytes(self) -> int: ...

# --- threads and machine --------------------------------------------------------------------------
def set_num_threads(count: int) -> None: ...
def get_num_threads() -> int: ...
def simd_level() -> str: ...
def cpu_features() -> list[str]: ...
def set_winograd(enabled: bool) -> None: ...
def get_winograd() -> bool: ...

# --- geometry -------------------------------------------------------------------------------------
def output_size(
    size: int,
    kernel_size: int,
    stride: int,
    padding_before: int,
    padding_after: int,
    dilation: int,
    rounding: str,
) -> int: ...
def same_padding(size: int, kernel_size: int, stride: int, dilation: int) -> _Pair: ...

# --- augmentation ---------------------------------------------------------------------------------
def augment_uniform(
    indices: NDArray[int64], out: NDArray[float64], seed: int, epoch: int, ordinal: int
) -> None: ...
def augment_run(
    images: _Pixels | Sequence[_Pixels],
    steps: Sequence[tuple[str, str, NDArray[bool_] | None, NDArray[float64], NDArray[float64]]],
    offsets: Sequence[int],
    out: _Pixels,
) -> None: ...
def augment_blend(a: _Pixels, b: _Pixels, share: NDArray[float64], out: _Pixels) -> None: ...
def augment_paste(source: _Pixels, target: _Pixels, rectangles: NDArray[int64]) -> None: ...

# --- matmul ---------------------------------------------------------------------------------------
def matmul(
    a: _Floats,
    b: _Floats,
    out: _Floats,
    transpose_a: bool,
    transpose_b: bool,
    bias: _Floats | None,
    relu: bool,
    accumulate: bool,
) -> None: ...

# --- conv2d ---------------------------------------------------------------------------------------
def conv2d_forward(
    geometry: Conv2dGeometry,
    x: _Floats,
    weight: _Floats | PreparedConv2dWeight,
    bias: _Floats | None,
    out: _Floats,
    relu: bool,
    max_pool: bool,
    algorithm: str | None,
) -> None: ...
def conv2d_backward_input(
    geometry: Conv2dGeometry,
    grad_output: _Floats,
    weight: _Floats,
    out: _Floats,
    accumulate: bool,
    activation_output: _Floats | None,
    algorithm: str | None,
) -> None: ...
def conv2d_backward_weight(
    geometry: Conv2dGeometry,
    grad_output: _Floats,
    x: _Floats,
    out: _Floats,
    bias_out: _Floats | None,
    accumulate: bool,
    activation_output: _Floats | None,
    algorithm: str | None,
) -> None: ...
def prepare_conv2d_weight(
    geometry: Conv2dGeometry, weight: _Floats, algorithm: str | None
) -> PreparedConv2dWeight: ...

# --- reduce ---------------------------------------------------------------------------------------
def sum_rows(
    grad_output: _Floats, out: _Floats, accumulate: bool, activation_output: _Floats | None
) -> None: ...
def all_finite(x: _Floats) -> bool: ...

# --- pool2d (argmax is the index into the sample's height x width plane, per channel) -------------
def max_pool2d_forward(
    x: _Floats,
    out: _Floats,
    argmax: NDArray[int32],
    window: _Window,
) -> None: ...
def max_pool2d_backward(
    grad_output: _Floats,
    argmax: NDArray[int32],
    out: _Floats,
    window: _Window | None,
    accumulate: bool,
) -> None: ...
def average_pool2d_forward(
    x: _Floats,
    out: _Floats,
    window: _Window,
    count_include_pad: bool,
) -> None: ...
def average_pool2d_backward(
    grad_output: _Floats,
    out: _Floats,
    window: _Window,
    count_include_pad: bool,
    accumulate: bool,
) -> None: ...
def lp_pool2d_forward(x: _Floats, out: _Floats, window: _Window, p: float) -> None: ...
def lp_pool2d_backward(
    grad_output: _Floats,
    x: _Floats,
    y: _Floats,
    out: _Floats,
    window: _Window,
    p: float,
    accumulate: bool,
) -> None: ...
def global_average_pool2d_forward(x: _Floats, out: _Floats) -> None: ...
def global_average_pool2d_backward(
    grad_output: _Floats, out: _Floats, accumulate: bool
) -> None: ...

# --- activation (element-wise, any shape; out may be the first argument itself) -------------------
def add_forward(a: _Floats, b: _Floats, out: _Floats, relu: bool) -> None: ...
def relu_forward(x: _Floats, out: _Floats) -> None: ...
def relu_backward(grad_output: _Floats, y: _Floats, out: _Floats, accumulate: bool) -> None: ...
def sigmoid_forward(x: _Floats, out: _Floats) -> None: ...
def sigmoid_backward(grad_output: _Floats, y: _Floats, out: _Floats, accumulate: bool) -> None: ...
def tanh_forward(x: _Floats, out: _Floats) -> None: ...
def tanh_backward(grad_output: _Floats, y: _Floats, out: _Floats, accumulate: bool) -> None: ...

# --- normalization (x of shape (..., channels); weight and bias of shape (channels,)) -------------
# In group_norm and scale_shift, without accumulation, `out` may be the first argument itself.
def group_norm_forward(
    x: _Floats,
    weight: _Floats,
    bias: _Floats,
    out: _Floats,
    mean: _Floats,
    variance: _Floats,
    samples_and_groups: _Pair,
    epsilon: float,
    relu: bool,
) -> None: ...
def group_norm_backward(
    grad_output: _Floats,
    x: _Floats,
    mean: _Floats,
    variance: _Floats,
    weight: _Floats,
    bias: _Floats,
    out: _Floats | None,
    grad_weight: _Floats,
    grad_bias: _Floats,
    samples_and_groups: _Pair,
    epsilon: float,
    relu: bool,
    accumulate: tuple[bool, bool],
) -> None: ...
def layer_norm_forward(
    x: _Floats,
    weight: _Floats,
    bias: _Floats,
    out: _Floats,
    mean: _Floats,
    variance: _Floats,
    epsilon: float,
) -> None: ...
def layer_norm_backward(
    grad_output: _Floats,
    x: _Floats,
    mean: _Floats,
    variance: _Floats,
    weight: _Floats,
    out: _Floats,
    grad_weight: _Floats,
    grad_bias: _Floats,
    epsilon: float,
    accumulate: tuple[bool, bool],
) -> None: ...
def local_response_norm_forward(
    x: _Floats, out: _Floats, channels: int, parameters: tuple[int, float, float, float]
) -> None: ...
def local_response_norm_backward(
    grad_output: _Floats,
    x: _Floats,
    out: _Floats,
    channels: int,
    parameters: tuple[int, float, float, float],
    accumulate: bool,
) -> None: ...
def scale_shift_forward(
    x: _Floats, scale: _Floats, shift: _Floats, out: _Floats, relu: bool
) -> None: ...
def scale_shift_backward(
    grad_output: _Floats,
    scale: _Floats,
    out: _Floats,
    activation_output: _Floats | None,
    accumulate: bool,
) -> None: ...

# Other activations by name, with their parameter; ``saved`` is y or x, whichever the derivative is
# computed from.
def curve_forward(name: str, parameter: float, x: _Floats, out: _Floats) -> None: ...
def curve_backward(
    name: str,
    parameter: float,
    grad_output: _Floats,
    saved: _Floats,
    out: _Floats,
    accumulate: bool,
) -> None: ...
def prelu_forward(x: _Floats, slope: _Floats, out: _Floats) -> None: ...
def prelu_backward_input(
    grad_output: _Floats, x: _Floats, slope: _Floats, out: _Floats, accumulate: bool
) -> None: ...
def prelu_backward_slope(
    grad_output: _Floats, x: _Floats, out: _Floats, accumulate: bool
) -> None: ...

# --- resampling and unpooling ---------------------------------------------------------------------
def resample2d_forward(x: _Floats, out: _Floats, method: str) -> None: ...
def resample2d_backward(
    grad_output: _Floats, out: _Floats, method: str, accumulate: bool
) -> None: ...
def max_unpool2d_backward(
    grad_output: _Floats, argmax: NDArray[int32], out: _Floats, accumulate: bool
) -> None: ...

# --- softmax and losses (rows of (n, classes)) ----------------------------------------------------
def softmax_forward(x: _Floats, out: _Floats) -> None: ...
def softmax_backward(grad_output: _Floats, y: _Floats, out: _Floats, accumulate: bool) -> None: ...
def cross_entropy_forward(
    logits: _Floats, labels: NDArray[int64] | _Floats, out: _Floats
) -> None: ...
def cross_entropy_backward(
    grad_output: _Floats,
    logits: _Floats,
    labels: NDArray[int64] | _Floats,
    out: _Floats,
    accumulate: bool,
) -> None: ...
def half_sum_of_squares_forward(output: _Floats, target: _Floats, out: _Floats) -> None: ...
def half_sum_of_squares_backward(
    grad_output: _Floats, output: _Floats, target: _Floats, out: _Floats, accumulate: bool
) -> None: ...

# ``kind`` is "squared", "absolute", "huber" or "binary_cross_entropy"; ``delta`` is of "huber"
# alone. Each row's mean.
def pointwise_loss_forward(
    output: _Floats, target: _Floats, out: _Floats, kind: str, delta: float
) -> None: ...
def pointwise_loss_backward(
    grad_output: _Floats,
    output: _Floats,
    target: _Floats,
    out: _Floats,
    kind: str,
    delta: float,
    accumulate: bool,
) -> None: ...
def hinge_forward(
    scores: _Floats, labels: NDArray[int64], out: _Floats, margin: float, squared: bool
) -> None: ...
def hinge_backward(
    grad_output: _Floats,
    scores: _Floats,
    labels: NDArray[int64],
    out: _Floats,
    margin: float,
    squared: bool,
    accumulate: bool,
) -> None: ...

# --- optimizer (flat arrays, updated in place in one uninterruptible pass) ------------------------
# ``adjustment`` is (scale, limit, l1, l2): g = clip(scale * gradient, limit) + l1 * sign(w) + l2 *
# w.
def sgd_step(
    parameter: _Floats,
    gradient: _Floats,
    velocity: _Floats | None,
    adjustment: _Adjustment,
    learning_rate: float,
    momentum: float,
    dampening: float,
    nesterov: bool,
) -> None: ...
def adam_step(
    parameter: _Floats,
    gradient: _Floats,
    mean: _Floats,
    square: _Floats,
    largest: _Floats | None,
    adjustment: _Adjustment,
    learning_rate: float,
    betas: tuple[float, float],
    eps: float,
    shrink: float,
    step: int,
) -> None: ...
def rmsprop_step(
    parameter: _Floats,
    gradient: _Floats,
    square: _Floats,
    mean: _Floats | None,
    velocity: _Floats | None,
    adjustment: _Adjustment,
    learning_rate: float,
    alpha: float,
    eps: float,
    momentum: float,
) -> None: ...
def adagrad_step(
    parameter: _Floats,
    gradient: _Floats,
    square: _Floats,
    adjustment: _Adjustment,
    learning_rate: float,
    eps: float,
    start: float,
) -> None: ...
def lion_step(
    parameter: _Floats,
    gradient: _Floats,
    mean: _Floats,
    adjustment: _Adjustment,
    learning_rate: float,
    betas: tuple[float, float],
    shrink: float,
) -> None: ...
def sum_of_squares(x: _Floats) -> float: ...
def constrain_norm(parameter: _Floats, limit: float) -> None: ...
def lerp(average: _Floats, values: _Floats, weight: float) -> None: ...

# --- random (Philox 4x32-10: key = seed, counter = (element block, stream, step)) -----------------
def dropout(x: _Floats, out: _Floats, rate: float, seed: int, stream: int, step: int) -> None: ...
def gaussian_noise(
    x: _Floats, out: _Floats, std: float, seed: int, stream: int, step: int
) -> None: ...
def random_uniform(out: _Floats, seed: int, stream: int, step: int) -> None: ...
