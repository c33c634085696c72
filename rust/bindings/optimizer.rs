//! Optimizer steps, random numbers, and the search for what is not finite: flat arrays.

use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, output, same_memory, slice, slice_mut};
use crate::kernels::optimizer::{self, Sgd};
use crate::kernels::random::{self, Counter};
use crate::kernels::reduce;

#[pyfunction]
fn sgd_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    velocity: Option<&Bound<'_, PyAny>>,
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
) -> PyResult<()> {
    let step = Sgd { learning_rate, momentum, dampening, weight_decay, nesterov };
    by_dtype!(parameter, sgd(py, parameter, gradient, velocity, step))
}

fn sgd<T: Float>(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    velocity: Option<&Bound<'_, PyAny>>,
    step: Sgd,
) -> PyResult<()> {
    let gradient = input::<T>("gradient", gradient)?;
    let mut parameter = output::<T>("parameter", parameter)?;
    let mut velocity = velocity.map(|velocity| output::<T>("velocity", velocity)).transpose()?;
    let velocity = velocity.as_mut().map(|velocity| slice_mut("velocity", velocity)).transpose()?;
    let (parameter, gradient) = (slice_mut("parameter", &mut parameter)?, slice("gradient", &gradient)?);
    compute(py, || optimizer::sgd_step(parameter, gradient, velocity, &step))
}

#[pyfunction]
fn dropout(py: Python<'_>, x: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>, rate: f64, seed: u64, stream: u32, step: u64) -> PyResult<()> {
    fn typed<T: Float>(py: Python<'_>, x: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>, rate: f64, counter: Counter) -> PyResult<()> {
        let in_place = same_memory(x, out);
        let mut out = output::<T>("out", out)?;
        let out = slice_mut("out", &mut out)?;
        if in_place {
            return compute(py, || random::dropout_in_place(out, rate, counter));
        }
        let x = input::<T>("x", x)?;
        let x = slice("x", &x)?;
        compute(py, || random::dropout(x, rate, counter, out))
    }
    by_dtype!(out, typed(py, x, out, rate, Counter { seed, stream, step }))
}

#[pyfunction]
fn random_uniform(py: Python<'_>, out: &Bound<'_, PyAny>, seed: u64, stream: u32, step: u64) -> PyResult<()> {
    fn typed<T: Float>(py: Python<'_>, out: &Bound<'_, PyAny>, counter: Counter) -> PyResult<()> {
        let mut out = output::<T>("out", out)?;
        let out = slice_mut("out", &mut out)?;
        compute(py, || random::uniform(counter, out))
    }
    by_dtype!(out, typed(py, out, Counter { seed, stream, step }))
}

#[pyfunction]
fn all_finite(py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<bool> {
    fn typed<T: Float>(py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<bool> {
        let x = input::<T>("x", x)?;
        let x = slice("x", &x)?;
        compute(py, || reduce::all_finite(x))
    }
    by_dtype!(x, typed(py, x))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sgd_step, module)?)?;
    module.add_function(wrap_pyfunction!(dropout, module)?)?;
    module.add_function(wrap_pyfunction!(random_uniform, module)?)?;
    module.add_function(wrap_pyfunction!(all_finite, module)?)
}
