//! Average pooling.

use pyo3::prelude::*;

use super::{Window, geometry};
use crate::bindings::arrays::{Any, by_dtype, compute, register, slices};
use crate::kernels::pool2d::average;

#[pyfunction]
fn average_pool2d_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    window: Window,
    count_include_pad: bool,
) -> PyResult<()> {
    let geometry = geometry(("x", x), ("out", out), window)?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || average::forward(&geometry, x, count_include_pad, out))
    })
}

#[pyfunction]
fn average_pool2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    out: Any<'_, '_>,
    window: Window,
    count_include_pad: bool,
    accumulate: bool,
) -> PyResult<()> {
    let geometry = geometry(("out", out), ("grad_output", grad_output), window)?;
    by_dtype!(out, T => {
        slices!(T; in grad_output; out out;);
        compute(py, || {
            average::backward(&geometry, grad_output, count_include_pad, accumulate, out)
        })
    })
}

register!(average_pool2d_forward, average_pool2d_backward);
