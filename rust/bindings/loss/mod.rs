//! Losses on rows: cross-entropy and the half sum of squares.

mod hinge;
mod pointwise;

use numpy::PyReadonlyArrayDyn;
use pyo3::prelude::*;

use super::arrays::{Any, Float, by_dtype, columns, compute, input, is, register, slice, slices};
use crate::kernels::loss::{self, Labels};

/// Labels of either kind, borrowed.
enum BorrowedLabels<'py, T: Float> {
    Index(PyReadonlyArrayDyn<'py, i64>),
    Soft(PyReadonlyArrayDyn<'py, T>),
}

impl<'py, T: Float> BorrowedLabels<'py, T> {
    fn new(labels: Any<'_, 'py>) -> PyResult<Self> {
        if is::<i64>(labels) {
            input("labels", labels).map(Self::Index)
        } else {
            input("labels", labels).map(Self::Soft)
        }
    }

    fn get(&self) -> PyResult<Labels<'_, T>> {
        match self {
            Self::Index(labels) => slice("labels", labels).map(Labels::Index),
            Self::Soft(labels) => slice("labels", labels).map(Labels::Soft),
        }
    }
}

#[pyfunction]
fn cross_entropy_forward(
    py: Python<'_>,
    logits: Any<'_, '_>,
    labels: Any<'_, '_>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    let classes = columns("logits", logits)?;
    by_dtype!(out, T => {
        let labels = BorrowedLabels::<T>::new(labels)?;
        slices!(T; in logits; out out;);
        let labels = labels.get()?;
        compute(py, || loss::cross_entropy_forward(logits, labels, classes, out))
    })
}

#[pyfunction]
fn cross_entropy_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    logits: Any<'_, '_>,
    labels: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let classes = columns("logits", logits)?;
    by_dtype!(out, T => {
        let labels = BorrowedLabels::<T>::new(labels)?;
        slices!(T; in grad_output, logits; out out;);
        let labels = labels.get()?;
        compute(py, || {
            loss::cross_entropy_backward(grad_output, logits, labels, classes, accumulate, out)
        })
    })
}

#[pyfunction]
fn half_sum_of_squares_forward(
    py: Python<'_>,
    output: Any<'_, '_>,
    target: Any<'_, '_>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    let columns = columns("output", output)?;
    by_dtype!(out, T => {
        slices!(T; in output, target; out out;);
        compute(py, || loss::half_sum_of_squares_forward(output, target, columns, out))
    })
}

#[pyfunction]
fn half_sum_of_squares_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    output: Any<'_, '_>,
    target: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let columns = columns("output", output)?;
    by_dtype!(out, T => {
        slices!(T; in grad_output, output, target; out out;);
        compute(py, || {
            loss::half_sum_of_squares_backward(
                grad_output,
                output,
                target,
                columns,
                accumulate,
                out,
            )
        })
    })
}

register!(
    cross_entropy_forward,
    cross_entropy_backward,
    half_sum_of_squares_forward,
    half_sum_of_squares_backward;
    mod hinge, pointwise
);
