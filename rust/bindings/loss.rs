//! Softmax and losses on rows.

use numpy::{PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, input_of, is, output, slice, slice_mut};
use super::errors::named;
use crate::kernels::loss::hinge::{self, Hinge};
use crate::kernels::loss::pointwise::{self, Pointwise};
use crate::kernels::loss::{self, Labels};
use crate::kernels::softmax;

/// The size of the last axis; rows of it are what these kernels see.
fn columns(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(0)
}

#[pyfunction]
fn softmax_forward(py: Python<'_>, x: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let x = input::<T>("x", x)?;
        let mut out = output::<T>("out", out)?;
        let classes = columns(x.shape());
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || softmax::forward(x, classes, out))
    }
    by_dtype!(out, typed(py, x, out))
}

#[pyfunction]
fn softmax_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad_output: &Bound<'_, PyAny>,
        y: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad_output, y) = (input::<T>("grad_output", grad_output)?, input::<T>("y", y)?);
        let mut out = output::<T>("out", out)?;
        let classes = columns(y.shape());
        let (grad_output, y, out) =
            (slice("grad_output", &grad_output)?, slice("y", &y)?, slice_mut("out", &mut out)?);
        compute(py, || softmax::backward(grad_output, y, classes, accumulate, out))
    }
    by_dtype!(out, typed(py, grad_output, y, out, accumulate))
}

/// Labels of either kind, borrowed.
enum BorrowedLabels<'py, T: Float> {
    Index(PyReadonlyArrayDyn<'py, i64>),
    Soft(PyReadonlyArrayDyn<'py, T>),
}

impl<'py, T: Float> BorrowedLabels<'py, T> {
    fn new(labels: &Bound<'py, PyAny>) -> PyResult<Self> {
        if is::<i64>(labels) {
            input_of("labels", "int64", labels).map(Self::Index)
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
    logits: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        logits: &Bound<'_, PyAny>,
        labels: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (logits, labels) = (input::<T>("logits", logits)?, BorrowedLabels::<T>::new(labels)?);
        let mut out = output::<T>("out", out)?;
        let classes = columns(logits.shape());
        let (logits, labels, out) =
            (slice("logits", &logits)?, labels.get()?, slice_mut("out", &mut out)?);
        compute(py, || loss::cross_entropy_forward(logits, labels, classes, out))
    }
    by_dtype!(out, typed(py, logits, labels, out))
}

#[pyfunction]
fn cross_entropy_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    logits: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, cross_entropy_gradient(py, grad_output, logits, labels, out, accumulate))
}

fn cross_entropy_gradient<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    logits: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    let (grad_output, logits) =
        (input::<T>("grad_output", grad_output)?, input::<T>("logits", logits)?);
    let labels = BorrowedLabels::<T>::new(labels)?;
    let mut out = output::<T>("out", out)?;
    let classes = columns(logits.shape());
    let (grad_output, logits) = (slice("grad_output", &grad_output)?, slice("logits", &logits)?);
    let (labels, out) = (labels.get()?, slice_mut("out", &mut out)?);
    compute(py, || {
        loss::cross_entropy_backward(grad_output, logits, labels, classes, accumulate, out)
    })
}

#[pyfunction]
fn half_sum_of_squares_forward(
    py: Python<'_>,
    output: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    by_dtype!(out, half_sum_of_squares(py, output, target, out))
}

fn half_sum_of_squares<T: Float>(
    py: Python<'_>,
    came: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (came, target) = (input::<T>("output", came)?, input::<T>("target", target)?);
    let mut out = output::<T>("out", out)?;
    let columns = columns(came.shape());
    let (came, target, out) =
        (slice("output", &came)?, slice("target", &target)?, slice_mut("out", &mut out)?);
    compute(py, || loss::half_sum_of_squares_forward(came, target, columns, out))
}

#[pyfunction]
fn half_sum_of_squares_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    output: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, half_sum_of_squares_gradient(py, grad_output, output, target, out, accumulate))
}

fn half_sum_of_squares_gradient<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    came: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    let (grad_output, came, target) = (
        input::<T>("grad_output", grad_output)?,
        input::<T>("output", came)?,
        input::<T>("target", target)?,
    );
    let mut out = output::<T>("out", out)?;
    let columns = columns(came.shape());
    let (grad_output, came, target) =
        (slice("grad_output", &grad_output)?, slice("output", &came)?, slice("target", &target)?);
    let out = slice_mut("out", &mut out)?;
    compute(py, || {
        loss::half_sum_of_squares_backward(grad_output, came, target, columns, accumulate, out)
    })
}

/// A loss of one value, by name.
fn pointwise_loss(kind: &str, delta: f64) -> PyResult<Pointwise> {
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
    output: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kind: &str,
    delta: f64,
) -> PyResult<()> {
    let kind = pointwise_loss(kind, delta)?;
    by_dtype!(out, pointwise_forward(py, output, target, out, kind))
}

fn pointwise_forward<T: Float>(
    py: Python<'_>,
    came: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kind: Pointwise,
) -> PyResult<()> {
    let (came, target) = (input::<T>("output", came)?, input::<T>("target", target)?);
    let mut out = output::<T>("out", out)?;
    let columns = columns(came.shape());
    let (came, target, out) =
        (slice("output", &came)?, slice("target", &target)?, slice_mut("out", &mut out)?);
    compute(py, || pointwise::forward(came, target, columns, kind, out))
}

#[pyfunction]
fn pointwise_loss_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    output: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kind: &str,
    delta: f64,
    accumulate: bool,
) -> PyResult<()> {
    let kind = pointwise_loss(kind, delta)?;
    by_dtype!(out, pointwise_backward(py, grad_output, output, target, out, kind, accumulate))
}

fn pointwise_backward<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    came: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kind: Pointwise,
    accumulate: bool,
) -> PyResult<()> {
    let (grad_output, came, target) = (
        input::<T>("grad_output", grad_output)?,
        input::<T>("output", came)?,
        input::<T>("target", target)?,
    );
    let mut out = output::<T>("out", out)?;
    let columns = columns(came.shape());
    let (grad_output, came, target) =
        (slice("grad_output", &grad_output)?, slice("output", &came)?, slice("target", &target)?);
    let out = slice_mut("out", &mut out)?;
    compute(py, || pointwise::backward(grad_output, came, target, columns, kind, accumulate, out))
}

#[pyfunction]
fn hinge_forward(
    py: Python<'_>,
    scores: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    margin: f64,
    squared: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        scores: &Bound<'_, PyAny>,
        labels: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        kind: Hinge,
    ) -> PyResult<()> {
        let (scores, labels) =
            (input::<T>("scores", scores)?, input_of::<i64>("labels", "int64", labels)?);
        let mut out = output::<T>("out", out)?;
        let classes = columns(scores.shape());
        let (scores, labels, out) =
            (slice("scores", &scores)?, slice("labels", &labels)?, slice_mut("out", &mut out)?);
        compute(py, || hinge::forward(scores, labels, classes, kind, out))
    }
    by_dtype!(out, typed(py, scores, labels, out, Hinge { margin, squared }))
}

#[pyfunction]
fn hinge_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    scores: &Bound<'_, PyAny>,
    labels: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    margin: f64,
    squared: bool,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [grad_output, scores, labels, out]: [&Bound<'_, PyAny>; 4],
        kind: Hinge,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad_output, scores) =
            (input::<T>("grad_output", grad_output)?, input::<T>("scores", scores)?);
        let labels = input_of::<i64>("labels", "int64", labels)?;
        let mut out = output::<T>("out", out)?;
        let classes = columns(scores.shape());
        let (grad_output, scores, labels) = (
            slice("grad_output", &grad_output)?,
            slice("scores", &scores)?,
            slice("labels", &labels)?,
        );
        let out = slice_mut("out", &mut out)?;
        compute(py, || hinge::backward(grad_output, scores, labels, classes, kind, accumulate, out))
    }
    by_dtype!(
        out,
        typed(py, [grad_output, scores, labels, out], Hinge { margin, squared }, accumulate)
    )
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(softmax_forward, module)?)?;
    module.add_function(wrap_pyfunction!(softmax_backward, module)?)?;
    module.add_function(wrap_pyfunction!(cross_entropy_forward, module)?)?;
    module.add_function(wrap_pyfunction!(cross_entropy_backward, module)?)?;
    module.add_function(wrap_pyfunction!(half_sum_of_squares_forward, module)?)?;
    module.add_function(wrap_pyfunction!(half_sum_of_squares_backward, module)?)?;
    module.add_function(wrap_pyfunction!(pointwise_loss_forward, module)?)?;
    module.add_function(wrap_pyfunction!(pointwise_loss_backward, module)?)?;
    module.add_function(wrap_pyfunction!(hinge_forward, module)?)?;
    module.add_function(wrap_pyfunction!(hinge_backward, module)?)
}
