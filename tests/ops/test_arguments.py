"""Every operation on every flavour of array: the same result or a typed error, and the inputs left
alone.
"""

import numpy as np
import pytest

import cnnrs.errors
import cnnrs.ops
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

# Small integers: exact in float32, float64 and uint8, and in every kernel that multiplies directly.
GENERATOR = np.random.default_rng(7)


def whole(*shape):
    return GENERATOR.integers(0, 5, shape).astype(np.float32)


X, WEIGHT, BIAS, GRAD = whole(2, 7, 8, 3), whole(3, 3, 3, 5), whole(5), whole(2, 5, 6, 5)
POOLED, PLACES = ops.max_pool2d(X, 2)
NORMS = ops.lp_pool2d(X, 2)
LABELS = GENERATOR.integers(0, 5, 6)
LOGITS, SOFT = whole(6, 5), whole(6, 5)

# name -> (the call, its float array arguments)
CALLS = {
    "matmul": (lambda a, b, bias: ops.matmul(a, b, bias=bias), (whole(9, 7), whole(7, 5), BIAS)),
    "matmul_transposed": (
        lambda a, b: ops.matmul(a, b, transpose_a=True, transpose_b=True),
        (whole(7, 9), whole(5, 7)),
    ),
    "conv2d": (lambda x, w, b: ops.conv2d(x, w, b, activation="relu"), (X, WEIGHT, BIAS)),
    "conv2d_without_bias": (lambda x, w: ops.conv2d(x, w, stride=2, padding="same"), (X, WEIGHT)),
    "conv2d_backward_input": (
        lambda g, w, y: ops.conv2d_backward_input(g, w, X.shape, activation_output=y),
        (GRAD, WEIGHT, GRAD),
    ),
    "conv2d_backward_weight": (
        lambda g, x, y: ops.conv2d_backward_weight(g, x, 3, activation_output=y),
        (GRAD, X, GRAD),
    ),
    "conv2d_backward_bias": (
        lambda g, y: ops.conv2d_backward_bias(g, activation_output=y),
        (GRAD, GRAD),
    ),
    "prepare_conv2d_weight": (
        lambda w: ops.conv2d(X, ops.prepare_conv2d_weight(w, X.shape)),
        (WEIGHT,),
    ),
    "max_pool2d": (lambda x: ops.max_pool2d(x, 2)[0], (X,)),
    "max_pool2d_backward": (lambda g: ops.max_pool2d_backward(g, PLACES, X.shape), (POOLED,)),
    "max_pool2d_backward_window": (
        lambda g: ops.max_pool2d_backward(g, PLACES, X.shape, kernel_size=2),
        (POOLED,),
    ),
    "average_pool2d": (lambda x: ops.average_pool2d(x, 2), (X,)),
    "average_pool2d_backward": (lambda g: ops.average_pool2d_backward(g, X.shape, 2), (POOLED,)),
    "lp_pool2d": (lambda x: ops.lp_pool2d(x, 2, p=1), (X,)),
    "lp_pool2d_backward": (
        lambda g, x, y: ops.lp_pool2d_backward(g, x, y, 2, p=1),
        (POOLED, X, POOLED),
    ),
    "global_average_pool2d": (ops.global_average_pool2d, (X,)),
    "global_average_pool2d_backward": (
        lambda g: ops.global_average_pool2d_backward(g, X.shape),
        (whole(2, 3),),
    ),
    "relu": (ops.relu, (X,)),
    "relu_backward": (ops.relu_backward, (X, X)),
    "sigmoid": (ops.sigmoid, (X,)),
    "sigmoid_backward": (ops.sigmoid_backward, (X, X)),
    "tanh": (ops.tanh, (X,)),
    "tanh_backward": (ops.tanh_backward, (X, X)),
    "softmax": (ops.softmax, (LOGITS,)),
    "softmax_backward": (ops.softmax_backward, (LOGITS, SOFT)),
    "cross_entropy": (lambda x: ops.cross_entropy(x, LABELS, reduction="none"), (LOGITS,)),
    "cross_entropy_soft": (lambda x, t: ops.cross_entropy(x, t, reduction="none"), (LOGITS, SOFT)),
    "cross_entropy_backward": (lambda x: ops.cross_entropy_backward(x, LABELS), (LOGITS,)),
    "cross_entropy_backward_soft": (ops.cross_entropy_backward, (LOGITS, SOFT)),
    "half_sum_of_squares": (
        lambda y, t: ops.half_sum_of_squares(y, t, reduction="none"),
        (LOGITS, SOFT),
    ),
    "half_sum_of_squares_backward": (ops.half_sum_of_squares_backward, (LOGITS, SOFT)),
    "dropout": (lambda x: ops.dropout(x, 0.5, seed=1), (X,)),
    "all_finite": (ops.all_finite, (X,)),
}
EXACT = {
    name
    for name in CALLS
    if not name.startswith(
        ("sigmoid", "tanh", "softmax", "cross", "half", "average", "lp", "global")
    )
}


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2]


def misaligned(array):
    raw = np.empty(array.nbytes + 1, np.uint8)
    view = np.ndarray(array.shape, array.dtype, buffer=raw.data, offset=1)
    view[...] = array
    assert not view.flags.aligned
    return view


class Subclass(np.ndarray):
    """An ndarray subclass whose arithmetic must not be used."""

    def __add__(self, other):
        raise AssertionError


FLAVOURS = {
    "read_only": read_only,
    "negative_stride": lambda a: a[::-1].copy()[::-1],
    "all_axes_negative": lambda a: np.flip(np.ascontiguousarray(np.flip(a))),
    "strided": strided,
    "fortran": lambda a: np.asfortranarray(a),
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
    "byte_swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "misaligned": misaligned,
    "subclass": lambda a: a.view(Subclass),
    "uint8": lambda a: a.astype(np.uint8),
    "int64": lambda a: a.astype(np.int64),
    "float16": lambda a: a.astype(np.float16),
    "broadcast": lambda a: np.broadcast_to(a, a.shape),
    "memory_of_bytes": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("name", CALLS)
def test_same_result_and_inputs_unchanged(name, flavour):
    call, arrays = CALLS[name]
    expected = call(*arrays)
    given = [FLAVOURS[flavour](array) for array in arrays]
    before = [array.copy() for array in given]
    result = call(*given)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)
        assert array.dtype == copy.dtype
    assert type(result) is type(expected)
    np.testing.assert_array_equal(result, expected)
    if isinstance(result, np.ndarray):
        assert result.dtype == expected.dtype
        assert result.flags.c_contiguous


@pytest.mark.parametrize("name", [name for name in CALLS if name != "all_finite"])
def test_float64_gives_float64(name):
    call, arrays = CALLS[name]
    single = call(*arrays)
    double = call(*(array.astype(np.float64) for array in arrays))
    assert double.dtype == np.float64
    if name in EXACT and name != "dropout":
        np.testing.assert_array_equal(double, single)
    elif name != "dropout":
        np.testing.assert_allclose(double, single, rtol=1e-5, atol=1e-6)
    if len(arrays) > 1:
        mixed = call(arrays[0].astype(np.float64), *arrays[1:])
        assert mixed.dtype == np.float64
        np.testing.assert_array_equal(mixed, double)


@pytest.mark.parametrize("name", CALLS)
def test_lists(name):
    call, arrays = CALLS[name]
    double = call(*(array.astype(np.float64) for array in arrays))
    np.testing.assert_array_equal(
        call(*(array.astype(np.float64).tolist() for array in arrays)), double
    )
    if len(arrays) > 1:
        beside = call(arrays[0], *(array.tolist() for array in arrays[1:]))
        assert beside.dtype == np.float32
        np.testing.assert_array_equal(beside, call(*arrays))


BAD = {
    "object": lambda a: a.astype(object),
    "complex": lambda a: a.astype(complex),
    "text": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S"),
    "dates": lambda a: a.astype(np.int64).astype("datetime64[s]"),
    "structured": lambda a: np.zeros(a.shape, [("r", np.float32)]),
    "longdouble": lambda a: a.astype(np.longdouble),
    "none": lambda a: None,
    "function": lambda a: len,
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_number_is_refused_by_name(name, bad):
    call, arrays = CALLS[name]
    if bad == "longdouble" and np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("longdouble is float64 here")
    for i in range(len(arrays)):
        if (
            bad == "none"
            and i == len(arrays) - 1
            and len(arrays) > 1
            and (i == 2 or name == "conv2d_backward_bias")
        ):
            continue  # bias and activation_output may be None
        given = [*arrays[:i], BAD[bad](arrays[i]), *arrays[i + 1 :]]
        with pytest.raises((DTypeError, ShapeError), match=r"^[a-z_0-9]+: ") as caught:
            call(*given)
        if bad not in ("none", "function"):
            assert isinstance(caught.value, DTypeError)


def test_uneven_lists_are_refused():
    with pytest.raises(ShapeError, match="x: "):
        ops.relu([[1.0, 2.0], [3.0]])


def test_masked_values_are_refused_and_masks_of_nothing_taken():
    with pytest.raises(DTypeError, match="filled"):
        ops.relu(np.ma.masked_greater(np.arange(4.0), 2))
    np.testing.assert_array_equal(ops.relu(np.ma.masked_greater(np.arange(4.0), 9)), np.arange(4.0))


def test_out_must_be_what_a_kernel_can_write_to():
    x = np.ones((4, 6), np.float32)
    locked = np.zeros((4, 6), np.float32)
    locked.flags.writeable = False
    for out, error, text in [
        (np.zeros((4, 6)), DTypeError, "float32.*float64"),
        (np.zeros((4, 6), ">f4"), DTypeError, "out"),
        (np.zeros((6, 4), np.float32), ShapeError, "out"),
        (np.zeros((4, 12), np.float32)[:, ::2], ArgumentError, "contiguous"),
        (np.zeros((6, 4), np.float32).T, ArgumentError, "contiguous"),
        (misaligned(x), ArgumentError, "misaligned"),
        (locked, ArgumentError, "read-only"),
        ([[0.0] * 6] * 4, DTypeError, "out"),
    ]:
        for call in (ops.relu, ops.softmax, ops.tanh):
            with pytest.raises(error, match=text):
                call(x, out=out)
    np.testing.assert_array_equal(locked, 0)


OVERLAPS = {
    "matmul": lambda m: ops.matmul(
        m[:16].reshape(4, 4), np.eye(4, dtype=np.float32), out=m[8:24].reshape(4, 4)
    ),
    "matmul_same": lambda m: ops.matmul(
        m[:16].reshape(4, 4), np.eye(4, dtype=np.float32), out=m[:16].reshape(4, 4)
    ),
    "conv2d": lambda m: ops.conv2d(
        m[:16].reshape(1, 4, 4, 1),
        np.ones((1, 1, 1, 1), np.float32),
        out=m[15:31].reshape(1, 4, 4, 1),
    ),
    "conv2d_bias": lambda m: ops.conv2d(
        np.ones((1, 4, 4, 1), np.float32),
        np.ones((1, 1, 1, 1), np.float32),
        m[:1],
        out=m[:16].reshape(1, 4, 4, 1),
    ),
    "conv2d_backward_input": lambda m: ops.conv2d_backward_input(
        m[:16].reshape(1, 4, 4, 1),
        np.ones((1, 1, 1, 1), np.float32),
        (1, 4, 4, 1),
        out=m[:16].reshape(1, 4, 4, 1),
    ),
    "conv2d_backward_weight": lambda m: ops.conv2d_backward_weight(
        m[:16].reshape(1, 4, 4, 1),
        np.ones((1, 4, 4, 1), np.float32),
        1,
        out=m[15:16].reshape(1, 1, 1, 1),
    ),
    "conv2d_backward_bias": lambda m: ops.conv2d_backward_bias(
        m[:16].reshape(4, 1, 1, 4), out=m[12:16]
    ),
    "max_pool2d": lambda m: ops.max_pool2d(
        m[:16].reshape(1, 4, 4, 1), 1, out=m[:16].reshape(1, 4, 4, 1)
    ),
    "average_pool2d": lambda m: ops.average_pool2d(
        m[:16].reshape(1, 4, 4, 1), 1, out=m[:16].reshape(1, 4, 4, 1)
    ),
    "lp_pool2d": lambda m: ops.lp_pool2d(
        m[:16].reshape(1, 4, 4, 1), 1, out=m[:16].reshape(1, 4, 4, 1)
    ),
    "global_average_pool2d": lambda m: ops.global_average_pool2d(
        m[:16].reshape(1, 4, 4, 1), out=m[15:16].reshape(1, 1)
    ),
    "cross_entropy": lambda m: ops.cross_entropy(
        m[:16].reshape(4, 4), np.zeros(4, int), reduction="none", out=m[12:16]
    ),
    "relu_shifted": lambda m: ops.relu(m[:16], out=m[8:24]),
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_out_that_overlaps_an_input_is_refused(name):
    memory = np.arange(32, dtype=np.float32)
    with pytest.raises(CnnrsError):
        OVERLAPS[name](memory)
    np.testing.assert_array_equal(memory, np.arange(32))


def test_arrays_that_are_already_good_are_not_copied():
    from cnnrs._arguments import floats

    for dtype in (np.float32, np.float64):
        a, b = np.zeros((2, 3), dtype), np.zeros(4, dtype)
        first, second, third = floats(("a", "b", "bias"), a, b, None)
        assert first is a
        assert second is b
        assert third is None


def test_every_public_function_has_an_example():
    for name in ops.__all__:
        value = getattr(ops, name)
        if callable(value) and not isinstance(value, type):
            assert ">>> " in (value.__doc__ or ""), name
            assert value.__module__.startswith("cnnrs.ops."), name


def test_error_classes_are_also_the_built_in_ones():
    assert issubclass(ShapeError, ValueError)
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(DTypeError, TypeError)
    assert issubclass(cnnrs.errors.FormatError, ValueError)
    assert issubclass(cnnrs.errors.NonFiniteError, ArithmeticError)
    for name in cnnrs.errors.__all__:
        assert issubclass(getattr(cnnrs.errors, name), CnnrsError)
