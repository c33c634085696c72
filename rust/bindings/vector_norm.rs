//! Norms of flat arrays, and linear interpolation between two of them.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, columns, compute, register, slices};
use crate::kernels::vector_norm;

#[pyfunction]
fn sum_of_squares(py: Python<'_>, x: Any<'_, '_>) -> PyResult<f64> {
    by_dtype!(x, T => {
        slices!(T; in x;);
        compute(py, || vector_norm::sum_of_squares(x))
    })
}

#[pyfunction]
fn constrain_norm(py: Python<'_>, parameter: Any<'_, '_>, limit: f64) -> PyResult<()> {
    let columns = columns("parameter", parameter)?;
    by_dtype!(parameter, T => {
        slices!(T; out parameter;);
        compute(py, || vector_norm::constrain_norm(parameter, columns, limit))
    })
}

#[pyfunction]
fn lerp(py: Python<'_>, average: Any<'_, '_>, values: Any<'_, '_>, weight: f64) -> PyResult<()> {
    by_dtype!(average, T => {
        slices!(T; in values; out average;);
        compute(py, || vector_norm::lerp(average, values, weight))
    })
}

register!(sum_of_squares, constrain_norm, lerp);
