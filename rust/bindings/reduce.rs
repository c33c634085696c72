//! Sums over rows, and the search for values that are not finite.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, columns, compute, expect_shape, register, slices};
use crate::kernels::reduce;

#[pyfunction]
fn sum_rows(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
    activation_output: Option<Any<'_, '_>>,
) -> PyResult<()> {
    let columns = columns("grad_output", grad_output)?;
    expect_shape("out", out, &[columns])?;
    by_dtype!(out, T => {
        slices!(T; in grad_output; optional activation_output; out out;);
        let rows = grad_output.len().checked_div(columns).unwrap_or(0);
        compute(py, || reduce::sum_rows(grad_output, rows, out, accumulate, activation_output))
    })
}

#[pyfunction]
fn all_finite(py: Python<'_>, x: Any<'_, '_>) -> PyResult<bool> {
    by_dtype!(x, T => {
        slices!(T; in x;);
        compute(py, || reduce::all_finite(x))
    })
}

register!(sum_rows, all_finite);
