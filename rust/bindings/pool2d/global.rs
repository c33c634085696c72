//! Average pooling over whole images.

use pyo3::prelude::*;

use crate::bindings::arrays::{Any, by_dtype, compute, expect_shape, register, shape, slices};
use crate::kernels::pool2d::global;

#[pyfunction]
fn global_average_pool2d_forward(py: Python<'_>, x: Any<'_, '_>, out: Any<'_, '_>) -> PyResult<()> {
    let [images, .., channels] = shape::<4>("x", x)?;
    expect_shape("out", out, &[images, channels])?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || global::average_forward(x, images, channels, out))
    })
}

#[pyfunction]
fn global_average_pool2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let [images, .., channels] = shape::<4>("out", out)?;
    expect_shape("grad_output", grad_output, &[images, channels])?;
    by_dtype!(out, T => {
        slices!(T; in grad_output; out out;);
        compute(py, || global::average_backward(grad_output, images, channels, accumulate, out))
    })
}

register!(global_average_pool2d_forward, global_average_pool2d_backward);
