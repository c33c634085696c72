//! Parametric ReLU.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices};
use crate::kernels::prelu;

#[pyfunction]
fn prelu_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    slope: Any<'_, '_>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    by_dtype!(out, T => {
        slices!(T; in x, slope; out out;);
        compute(py, || prelu::forward(x, slope, out))
    })
}

#[pyfunction]
fn prelu_backward_input(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    slope: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, T => {
        slices!(T; in grad_output, x, slope; out out;);
        compute(py, || prelu::backward_input(grad_output, x, slope, accumulate, out))
    })
}

#[pyfunction]
fn prelu_backward_slope(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, T => {
        slices!(T; in grad_output, x; out out;);
        compute(py, || prelu::backward_slope(grad_output, x, accumulate, out))
    })
}

register!(prelu_forward, prelu_backward_input, prelu_backward_slope);
