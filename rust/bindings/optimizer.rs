//! Optimizer steps on flat arrays.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices};
use crate::kernels::optimizer::{self, Adagrad, Adam, Adjust, Lion, RmsProp, Sgd};

/// `(scale, limit, l1, l2)`
type Adjustment = (f64, f64, f64, f64);

fn adjust((scale, limit, l1, l2): Adjustment) -> Adjust {
    Adjust { scale, limit, l1, l2 }
}

#[pyfunction]
fn sgd_step(
    py: Python<'_>,
    parameter: Any<'_, '_>,
    gradient: Any<'_, '_>,
    velocity: Option<Any<'_, '_>>,
    adjustment: Adjustment,
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
) -> PyResult<()> {
    let (adjust, step) = (adjust(adjustment), Sgd { learning_rate, momentum, dampening, nesterov });
    by_dtype!(parameter, T => {
        slices!(T; in gradient; out parameter; optional_out velocity;);
        compute(py, || optimizer::sgd_step(parameter, gradient, velocity, &adjust, &step))
    })
}

#[pyfunction]
fn adam_step(
    py: Python<'_>,
    parameter: Any<'_, '_>,
    gradient: Any<'_, '_>,
    mean: Any<'_, '_>,
    square: Any<'_, '_>,
    largest: Option<Any<'_, '_>>,
    adjustment: Adjustment,
    learning_rate: f64,
    betas: (f64, f64),
    eps: f64,
    shrink: f64,
    step: u64,
) -> PyResult<()> {
    let (adjust, step) = (adjust(adjustment), Adam { learning_rate, betas, eps, shrink, step });
    by_dtype!(parameter, T => {
        slices!(T; in gradient; out parameter, mean, square; optional_out largest;);
        compute(py, || {
            optimizer::adam_step(parameter, gradient, mean, square, largest, &adjust, &step)
        })
    })
}

#[pyfunction]
fn rmsprop_step(
    py: Python<'_>,
    parameter: Any<'_, '_>,
    gradient: Any<'_, '_>,
    square: Any<'_, '_>,
    mean: Option<Any<'_, '_>>,
    velocity: Option<Any<'_, '_>>,
    adjustment: Adjustment,
    learning_rate: f64,
    alpha: f64,
    eps: f64,
    momentum: f64,
) -> PyResult<()> {
    let (adjust, step) = (adjust(adjustment), RmsProp { learning_rate, alpha, eps, momentum });
    by_dtype!(parameter, T => {
        slices!(T; in gradient; out parameter, square; optional_out mean, velocity;);
        compute(py, || {
            optimizer::rmsprop_step(parameter, gradient, square, mean, velocity, &adjust, &step)
        })
    })
}

#[pyfunction]
fn adagrad_step(
    py: Python<'_>,
    parameter: Any<'_, '_>,
    gradient: Any<'_, '_>,
    square: Any<'_, '_>,
    adjustment: Adjustment,
    learning_rate: f64,
    eps: f64,
    start: f64,
) -> PyResult<()> {
    let (adjust, step) = (adjust(adjustment), Adagrad { learning_rate, eps, start });
    by_dtype!(parameter, T => {
        slices!(T; in gradient; out parameter, square;);
        compute(py, || optimizer::adagrad_step(parameter, gradient, square, &adjust, &step))
    })
}

#[pyfunction]
fn lion_step(
    py: Python<'_>,
    parameter: Any<'_, '_>,
    gradient: Any<'_, '_>,
    mean: Any<'_, '_>,
    adjustment: Adjustment,
    learning_rate: f64,
    betas: (f64, f64),
    shrink: f64,
) -> PyResult<()> {
    let (adjust, step) = (adjust(adjustment), Lion { learning_rate, betas, shrink });
    by_dtype!(parameter, T => {
        slices!(T; in gradient; out parameter, mean;);
        compute(py, || optimizer::lion_step(parameter, gradient, mean, &adjust, &step))
    })
}

register!(sgd_step, adam_step, rmsprop_step, adagrad_step, lion_step);
