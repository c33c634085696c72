//! Softmax over the last axis.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, columns, compute, register, slices};
use crate::kernels::softmax;

#[pyfunction]
fn softmax_forward(py: Python<'_>, x: Any<'_, '_>, out: Any<'_, '_>) -> PyResult<()> {
    let classes = columns("x", x)?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || softmax::forward(x, classes, out))
    })
}

#[pyfunction]
fn softmax_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    y: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let classes = columns("y", y)?;
    by_dtype!(out, T => {
        slices!(T; in grad_output, y; out out;);
        compute(py, || softmax::backward(grad_output, y, classes, accumulate, out))
    })
}

register!(softmax_forward, softmax_backward);
