//! Pooling by a p-norm.

use pyo3::prelude::*;

use super::{Window, geometry};
use crate::bindings::arrays::{Any, by_dtype, compute, dimensions, expect_shape, register, slices};
use crate::kernels::pool2d::lp;

#[pyfunction]
fn lp_pool2d_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    window: Window,
    p: f64,
) -> PyResult<()> {
    let geometry = geometry(("x", x), ("out", out), window)?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || lp::forward(&geometry, x, p, out))
    })
}

#[pyfunction]
fn lp_pool2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    y: Any<'_, '_>,
    out: Any<'_, '_>,
    window: Window,
    p: f64,
    accumulate: bool,
) -> PyResult<()> {
    let geometry = geometry(("x", x), ("grad_output", grad_output), window)?;
    expect_shape("out", out, dimensions("x", x)?)?;
    expect_shape("y", y, dimensions("grad_output", grad_output)?)?;
    by_dtype!(out, T => {
        slices!(T; in grad_output, x, y; out out;);
        compute(py, || lp::backward(&geometry, grad_output, x, y, p, accumulate, out))
    })
}

register!(lp_pool2d_forward, lp_pool2d_backward);
