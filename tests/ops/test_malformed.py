"""Thousands of calls with arguments drawn from what people get wrong: each answers, or raises one
of the promised errors.
"""

import random
import warnings

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import CnnrsError

INTEGERS = [
    1,
    1,
    1,
    2,
    2,
    3,
    0,
    -1,
    7,
    2**31 - 1,
    2**31,
    2**70,
    1.5,
    "a",
    None,
    True,
    np.int64(2),
    (1, 2),
    (0, 1),
    (1, 2, 3),
    [3, 3],
    float("nan"),
]
PADDINGS = [
    0,
    0,
    1,
    2,
    "same",
    "valid",
    "x",
    (1, 2),
    ((1, 0), (0, 1)),
    ((1, 2), (3,)),
    -1,
    2**31 - 1,
    (2**30, 0),
    None,
    (1, 2, 3, 4),
    b"same",
]
SHAPES = [
    (1, 2, 3),
    5,
    None,
    (1, 2**31 - 1, 2**31 - 1, 2**31 - 1),
    (1, -1, 2, 2),
    (2**62, 1, 1, 1),
    "1234",
    (1, 2.0, 3, 4),
]
DTYPES = ["f4", "f4", "f4", "f8", "u1", "i8", ">f4", "f2", "?", "O", "c8", "U3"]


class Caller:
    """Draws arguments; knows nothing of what is right."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def pick(self, *choices):
        return self.random.choice(choices)

    def array(self):
        if self.random.random() < 0.05:
            return self.pick(None, "x", 3, [1.0, 2.0], [[1.0], [2.0, 3.0]], object(), {}, b"a")
        shape = [
            self.pick(0, 1, 1, 2, 3, 4, 5, 7, 8, 9)
            for _ in range(self.pick(4, 4, 4, 4, 2, 1, 3, 0, 5))
        ]
        array = self.numbers.integers(0, 9, shape).astype(self.random.choice(DTYPES))
        return array[..., ::-1] if array.ndim and self.random.random() < 0.2 else array

    def integer(self):
        return self.random.choice(INTEGERS)

    def shape(self):
        return self.random.choice(
            [tuple(self.pick(0, 1, 2, 3, 5, 8) for _ in range(4)), self.random.choice(SHAPES)]
        )

    def some(self, **choices):
        """Each keyword with a chance of one in three."""
        return {name: draw() for name, draw in choices.items() if self.random.random() < 0.33}

    def window(self, *names):
        return self.some(
            stride=self.integer,
            padding=lambda: self.random.choice(PADDINGS),
            **dict.fromkeys(names, self.integer),
        )

    def pool(self):
        return self.window() | self.some(
            rounding=lambda: self.pick("floor", "ceil", "exact", "up", None)
        )

    def gradient(self):
        return self.some(out=self.array, accumulate=lambda: self.pick(True, False, 1, None))

    def call(self):
        array, integer, shape, pick = self.array, self.integer, self.shape, self.pick
        conv = self.window("dilation", "groups")
        return self.random.choice(
            [
                lambda: ops.conv2d(
                    array(),
                    array(),
                    pick(None, array()),
                    **conv,
                    **self.some(algorithm=lambda: pick(None, "x", 3)),
                ),
                lambda: ops.conv2d_backward_input(
                    array(), array(), shape(), **conv, **self.gradient()
                ),
                lambda: ops.conv2d_backward_weight(
                    array(), array(), integer(), **conv, **self.gradient()
                ),
                lambda: ops.conv2d_backward_bias(
                    array(), activation_output=pick(None, array()), **self.gradient()
                ),
                lambda: ops.prepare_conv2d_weight(array(), shape(), **conv),
                lambda: ops.conv2d_algorithm(shape(), shape(), **conv),
                lambda: ops.max_pool2d(array(), integer(), **self.pool()),
                lambda: ops.max_pool2d_backward(
                    array(), array(), shape(), **self.pool(), **self.some(kernel_size=integer)
                ),
                lambda: ops.average_pool2d(
                    array(), integer(), count_include_pad=pick(True, False, None), **self.pool()
                ),
                lambda: ops.average_pool2d_backward(
                    array(), shape(), integer(), **self.pool(), **self.gradient()
                ),
                lambda: ops.lp_pool2d(
                    array(), integer(), p=pick(1, 2, 0.5, -1, 1e300, "a", None), **self.pool()
                ),
                lambda: ops.lp_pool2d_backward(array(), array(), array(), integer(), **self.pool()),
                lambda: ops.global_average_pool2d(array()),
                lambda: ops.global_average_pool2d_backward(array(), shape(), **self.gradient()),
                lambda: ops.batch_norm(
                    array(),
                    array(),
                    pick(None, array()),
                    activation=pick(None, "relu", 3),
                    out=pick(None, array()),
                ),
                lambda: ops.batch_norm_backward(
                    array(), array(), array(), array(), accumulate=pick(False, True, 3)
                ),
                lambda: ops.layer_norm(
                    array(), array(), pick(None, array()), epsilon=pick(1, 0, -1, "a")
                ),
                lambda: ops.layer_norm_backward(
                    array(), array(), array(), array(), pick(None, array())
                ),
                lambda: ops.group_norm(
                    array(), integer(), pick(None, array()), out=pick(None, array())
                ),
                lambda: ops.group_norm_backward(array(), array(), array(), array(), integer()),
                lambda: ops.local_response_norm(
                    array(), integer(), alpha=pick(1, -1, "a"), out=pick(None, array())
                ),
                lambda: ops.local_response_norm_backward(
                    array(), array(), integer(), **self.gradient()
                ),
                lambda: ops.scale_shift(array(), array(), array(), out=pick(None, array())),
                lambda: ops.scale_shift_backward(array(), array(), **self.gradient()),
                lambda: ops.matmul(
                    array(),
                    array(),
                    transpose_a=pick(True, False, 1),
                    bias=pick(None, array()),
                    **self.gradient(),
                ),
                lambda: ops.softmax(array(), out=pick(None, array())),
                lambda: ops.softmax_backward(array(), array(), **self.gradient()),
                lambda: ops.cross_entropy(array(), array(), reduction=pick("mean", "none", 3)),
                lambda: ops.cross_entropy_backward(
                    array(), array(), grad_output=pick(None, 1, array())
                ),
                lambda: ops.half_sum_of_squares(array(), array()),
                lambda: ops.one_hot(array(), pick(1, 3, 9, 0, -1, "a", 1.5)),
                lambda: ops.relu(array(), out=pick(None, array())),
                lambda: ops.tanh_backward(array(), array(), **self.gradient()),
                lambda: ops.elu(
                    array(), pick(1, 0.5, -1, "a", None, float("nan")), out=pick(None, array())
                ),
                lambda: ops.gelu_backward(
                    array(), array(), approximate=pick("none", "tanh", 3), **self.gradient()
                ),
                lambda: ops.prelu(array(), array(), out=pick(None, array())),
                lambda: ops.prelu_backward_input(array(), array(), array(), **self.gradient()),
                lambda: ops.prelu_backward_slope(array(), array(), **self.gradient()),
                lambda: ops.upsample2d(
                    array(), integer(), interpolation=pick("nearest", "bilinear", "x", None)
                ),
                lambda: ops.upsample2d_backward(
                    array(), shape(), interpolation=pick("nearest", "bilinear"), **self.gradient()
                ),
                lambda: ops.adaptive_average_pool2d(array(), integer(), out=pick(None, array())),
                lambda: ops.adaptive_average_pool2d_backward(array(), shape(), **self.gradient()),
                lambda: ops.max_unpool2d(
                    array(), array(), shape(), **self.pool(), **self.some(kernel_size=integer)
                ),
                lambda: ops.max_unpool2d_backward(array(), array(), **self.gradient()),
                lambda: ops.gaussian_noise(
                    array(), pick(0, 0.5, -1, "a"), seed=integer(), step=integer()
                ),
                lambda: ops.dropout(
                    array(), pick(0, 0.5, 1, 2, "a"), seed=integer(), step=integer()
                ),
                lambda: ops.random_uniform(
                    pick(3, (2, 0), -1, "a", None, (2**31 - 1,) * 4), seed=integer()
                ),
                lambda: ops.all_finite(array()),
                lambda: ops.sgd_step(
                    array(),
                    array(),
                    array(),
                    learning_rate=pick(1, "a"),
                    momentum=pick(0, 0.9, 2),
                    nesterov=pick(True, False, 2),
                ),
                lambda: ops.conv2d_output_size(
                    pick(integer(), shape()),
                    integer(),
                    integer(),
                    self.random.choice(PADDINGS),
                    integer(),
                ),
            ]
        )


@pytest.mark.parametrize("seed", range(4))
def test_every_call_answers_or_raises_a_promised_error(seed):
    caller = Caller(seed)
    answered, messages = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3000):
            call = caller.call()
            try:
                call()
                answered += 1
            except (CnnrsError, MemoryError) as error:
                messages.append(str(error))
    assert answered > 100
    assert len(messages) > 1000
    assert min(len(message) for message in messages) > 10, "a message says what is wrong"
