//! Hinge losses.

use pyo3::prelude::*;

use crate::bindings::arrays::{Any, by_dtype, columns, compute, register, slices};
use crate::kernels::loss::hinge::{self, Hinge};

#[pyfunction]
fn hinge_forward(
    py: Python<'_>,
    scores: Any<'_, '_>,
    labels: Any<'_, '_>,
    out: Any<'_, '_>,
    margin: f64,
    squared: bool,
) -> PyResult<()> {
    let (kind, classes) = (Hinge { margin, squared }, columns("scores", scores)?);
    slices!(i64; in labels;);
    by_dtype!(out, T => {
        slices!(T; in scores; out out;);
        compute(py, || hinge::forward(scores, labels, classes, kind, out))
    })
}

#[pyfunction]
fn hinge_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    scores: Any<'_, '_>,
    labels: Any<'_, '_>,
    out: Any<'_, '_>,
    margin: f64,
    squared: bool,
    accumulate: bool,
) -> PyResult<()> {
    let (kind, classes) = (Hinge { margin, squared }, columns("scores", scores)?);
    slices!(i64; in labels;);
    by_dtype!(out, T => {
        slices!(T; in grad_output, scores; out out;);
        compute(py, || hinge::backward(grad_output, scores, labels, classes, kind, accumulate, out))
    })
}

register!(hinge_forward, hinge_backward);
