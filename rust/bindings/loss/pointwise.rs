//! Losses that compare one value with one target.

use pyo3::prelude::*;

use crate::bindings::arrays::{Any, by_dtype, columns, compute, register, slices};
use crate::bindings::errors::named;
use crate::kernels::loss::pointwise::{self, Pointwise};

/// The loss of this name.
fn parse(kind: &str, delta: f64) -> PyResult<Pointwise> {
    match kind {
        "squared" => Ok(Pointwise::Squared),
        "absolute" => Ok(Pointwise::Absolute),
        "huber" => Ok(Pointwise::Huber { delta }),
        "binary_cross_entropy" => Ok(Pointwise::BinaryCrossEntropy),
        _ => Err(named("ArgumentError", format!("kind: there is no loss {kind:?}"))),
    }
}

#[pyfunction]
fn pointwise_loss_forward(
    py: Python<'_>,
    output: Any<'_, '_>,
    target: Any<'_, '_>,
    out: Any<'_, '_>,
    kind: &str,
    delta: f64,
) -> PyResult<()> {
    let (kind, columns) = (parse(kind, delta)?, columns("output", output)?);
    by_dtype!(out, T => {
        slices!(T; in output, target; out out;);
        compute(py, || pointwise::forward(output, target, columns, kind, out))
    })
}

#[pyfunction]
fn pointwise_loss_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    output: Any<'_, '_>,
    target: Any<'_, '_>,
    out: Any<'_, '_>,
    kind: &str,
    delta: f64,
    accumulate: bool,
) -> PyResult<()> {
    let (kind, columns) = (parse(kind, delta)?, columns("output", output)?);
    by_dtype!(out, T => {
        slices!(T; in grad_output, output, target; out out;);
        compute(py, || {
            pointwise::backward(grad_output, output, target, columns, kind, accumulate, out)
        })
    })
}

register!(pointwise_loss_forward, pointwise_loss_backward);
