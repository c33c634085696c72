//! Optimizer steps, random numbers, and the search for what is not finite: flat arrays.

use numpy::{PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, output, same_memory, slice, slice_mut};
use crate::kernels::optimizer::{self, Adagrad, Adam, Adjust, Lion, RmsProp, Sgd};
use crate::kernels::random::{self, Counter};
use crate::kernels::reduce;
use crate::kernels::{KernelError, Result as KernelResult};

/// `(scale, limit, l1, l2)`
type Adjustment = (f64, f64, f64, f64);

fn adjust((scale, limit, l1, l2): Adjustment) -> Adjust {
    Adjust { scale, limit, l1, l2 }
}

/// Parameter, gradient, and what is remembered.
type Slices<'a, T, const S: usize> = (&'a mut [T], &'a [T], [Option<&'a mut [T]>; S]);

/// The arrays of a step: parameter, gradient, and up to three that are remembered.
struct Arrays<'py, T: Float> {
    gradient: PyReadonlyArrayDyn<'py, T>,
    parameter: PyReadwriteArrayDyn<'py, T>,
    state: Vec<(&'static str, PyReadwriteArrayDyn<'py, T>)>,
}

impl<'py, T: Float> Arrays<'py, T> {
    fn new<const S: usize>(
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        state: [(&'static str, Option<&Bound<'py, PyAny>>); S],
    ) -> PyResult<Self> {
        let gradient = input::<T>("gradient", gradient)?;
        let parameter = output::<T>("parameter", parameter)?;
        let given = state.into_iter().filter_map(|(name, array)| array.map(|array| (name, array)));
        let state = given
            .map(|(name, array)| Ok((name, output::<T>(name, array)?)))
            .collect::<PyResult<_>>()?;
        Ok(Self { gradient, parameter, state })
    }

    fn slices<const S: usize>(&mut self, names: [&str; S]) -> PyResult<Slices<'_, T, S>> {
        let mut state = [const { None }; S];
        for (name, array) in &mut self.state {
            if let Some(place) = names.iter().position(|wanted| wanted == name) {
                state[place] = Some(slice_mut(name, array)?);
            }
        }
        Ok((
            slice_mut("parameter", &mut self.parameter)?,
            slice("gradient", &self.gradient)?,
            state,
        ))
    }
}

fn needed<'a, T>(name: &str, slice: Option<&'a mut [T]>) -> KernelResult<&'a mut [T]> {
    slice.ok_or_else(|| KernelError::Argument(format!("{name}: missing")))
}

#[pyfunction]
fn sgd_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    velocity: Option<&Bound<'_, PyAny>>,
    adjustment: Adjustment,
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    nesterov: bool,
) -> PyResult<()> {
    fn typed<'py, T: Float>(
        py: Python<'py>,
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        velocity: Option<&Bound<'py, PyAny>>,
        adjust: &Adjust,
        step: &Sgd,
    ) -> PyResult<()> {
        let mut arrays = Arrays::<T>::new(parameter, gradient, [("velocity", velocity)])?;
        let (parameter, gradient, [velocity]) = arrays.slices(["velocity"])?;
        compute(py, || optimizer::sgd_step(parameter, gradient, velocity, adjust, step))
    }
    let step = Sgd { learning_rate, momentum, dampening, nesterov };
    by_dtype!(parameter, typed(py, parameter, gradient, velocity, &adjust(adjustment), &step))
}

#[pyfunction]
fn adam_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    mean: &Bound<'_, PyAny>,
    square: &Bound<'_, PyAny>,
    largest: Option<&Bound<'_, PyAny>>,
    adjustment: Adjustment,
    learning_rate: f64,
    betas: (f64, f64),
    eps: f64,
    shrink: f64,
    step: u64,
) -> PyResult<()> {
    fn typed<'py, T: Float>(
        py: Python<'py>,
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        state: [Option<&Bound<'py, PyAny>>; 3],
        adjust: &Adjust,
        step: &Adam,
    ) -> PyResult<()> {
        let names = ["mean", "square", "largest"];
        let [mean, square, largest] = state;
        let mut arrays = Arrays::<T>::new(
            parameter,
            gradient,
            [("mean", mean), ("square", square), ("largest", largest)],
        )?;
        let (parameter, gradient, [mean, square, largest]) = arrays.slices(names)?;
        compute(py, || {
            optimizer::adam_step(
                parameter,
                gradient,
                needed("mean", mean)?,
                needed("square", square)?,
                largest,
                adjust,
                step,
            )
        })
    }
    let step = Adam { learning_rate, betas, eps, shrink, step };
    by_dtype!(
        parameter,
        typed(
            py,
            parameter,
            gradient,
            [Some(mean), Some(square), largest],
            &adjust(adjustment),
            &step
        )
    )
}

#[pyfunction]
fn rmsprop_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    square: &Bound<'_, PyAny>,
    mean: Option<&Bound<'_, PyAny>>,
    velocity: Option<&Bound<'_, PyAny>>,
    adjustment: Adjustment,
    learning_rate: f64,
    alpha: f64,
    eps: f64,
    momentum: f64,
) -> PyResult<()> {
    fn typed<'py, T: Float>(
        py: Python<'py>,
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        state: [Option<&Bound<'py, PyAny>>; 3],
        adjust: &Adjust,
        step: &RmsProp,
    ) -> PyResult<()> {
        let [square, mean, velocity] = state;
        let mut arrays = Arrays::<T>::new(
            parameter,
            gradient,
            [("square", square), ("mean", mean), ("velocity", velocity)],
        )?;
        let (parameter, gradient, [square, mean, velocity]) =
            arrays.slices(["square", "mean", "velocity"])?;
        compute(py, || {
            optimizer::rmsprop_step(
                parameter,
                gradient,
                needed("square", square)?,
                mean,
                velocity,
                adjust,
                step,
            )
        })
    }
    let step = RmsProp { learning_rate, alpha, eps, momentum };
    by_dtype!(
        parameter,
        typed(py, parameter, gradient, [Some(square), mean, velocity], &adjust(adjustment), &step)
    )
}

#[pyfunction]
fn adagrad_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    square: &Bound<'_, PyAny>,
    adjustment: Adjustment,
    learning_rate: f64,
    eps: f64,
    start: f64,
) -> PyResult<()> {
    fn typed<'py, T: Float>(
        py: Python<'py>,
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        square: &Bound<'py, PyAny>,
        adjust: &Adjust,
        step: &Adagrad,
    ) -> PyResult<()> {
        let mut arrays = Arrays::<T>::new(parameter, gradient, [("square", Some(square))])?;
        let (parameter, gradient, [square]) = arrays.slices(["square"])?;
        compute(py, || {
            optimizer::adagrad_step(parameter, gradient, needed("square", square)?, adjust, step)
        })
    }
    let step = Adagrad { learning_rate, eps, start };
    by_dtype!(parameter, typed(py, parameter, gradient, square, &adjust(adjustment), &step))
}

#[pyfunction]
fn lion_step(
    py: Python<'_>,
    parameter: &Bound<'_, PyAny>,
    gradient: &Bound<'_, PyAny>,
    mean: &Bound<'_, PyAny>,
    adjustment: Adjustment,
    learning_rate: f64,
    betas: (f64, f64),
    shrink: f64,
) -> PyResult<()> {
    fn typed<'py, T: Float>(
        py: Python<'py>,
        parameter: &Bound<'py, PyAny>,
        gradient: &Bound<'py, PyAny>,
        mean: &Bound<'py, PyAny>,
        adjust: &Adjust,
        step: &Lion,
    ) -> PyResult<()> {
        let mut arrays = Arrays::<T>::new(parameter, gradient, [("mean", Some(mean))])?;
        let (parameter, gradient, [mean]) = arrays.slices(["mean"])?;
        compute(py, || {
            optimizer::lion_step(parameter, gradient, needed("mean", mean)?, adjust, step)
        })
    }
    let step = Lion { learning_rate, betas, shrink };
    by_dtype!(parameter, typed(py, parameter, gradient, mean, &adjust(adjustment), &step))
}

#[pyfunction]
fn sum_of_squares(py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<f64> {
    fn typed<T: Float>(py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<f64> {
        let x = input::<T>("x", x)?;
        let x = slice("x", &x)?;
        compute(py, || optimizer::sum_of_squares(x))
    }
    by_dtype!(x, typed(py, x))
}

#[pyfunction]
fn constrain_norm(py: Python<'_>, parameter: &Bound<'_, PyAny>, limit: f64) -> PyResult<()> {
    fn typed<T: Float>(py: Python<'_>, parameter: &Bound<'_, PyAny>, limit: f64) -> PyResult<()> {
        let mut parameter = output::<T>("parameter", parameter)?;
        let cols = parameter.shape().last().copied().unwrap_or(0);
        let parameter = slice_mut("parameter", &mut parameter)?;
        compute(py, || optimizer::constrain_norm(parameter, cols, limit))
    }
    by_dtype!(parameter, typed(py, parameter, limit))
}

#[pyfunction]
fn lerp(
    py: Python<'_>,
    average: &Bound<'_, PyAny>,
    values: &Bound<'_, PyAny>,
    weight: f64,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        average: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        weight: f64,
    ) -> PyResult<()> {
        let values = input::<T>("values", values)?;
        let mut average = output::<T>("average", average)?;
        let (average, values) = (slice_mut("average", &mut average)?, slice("values", &values)?);
        compute(py, || optimizer::lerp(average, values, weight))
    }
    by_dtype!(average, typed(py, average, values, weight))
}

#[pyfunction]
fn dropout(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    rate: f64,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        rate: f64,
        counter: Counter,
    ) -> PyResult<()> {
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
fn random_uniform(
    py: Python<'_>,
    out: &Bound<'_, PyAny>,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
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
    module.add_function(wrap_pyfunction!(adam_step, module)?)?;
    module.add_function(wrap_pyfunction!(rmsprop_step, module)?)?;
    module.add_function(wrap_pyfunction!(adagrad_step, module)?)?;
    module.add_function(wrap_pyfunction!(lion_step, module)?)?;
    module.add_function(wrap_pyfunction!(sum_of_squares, module)?)?;
    module.add_function(wrap_pyfunction!(constrain_norm, module)?)?;
    module.add_function(wrap_pyfunction!(lerp, module)?)?;
    module.add_function(wrap_pyfunction!(dropout, module)?)?;
    module.add_function(wrap_pyfunction!(random_uniform, module)?)?;
    module.add_function(wrap_pyfunction!(all_finite, module)?)
}
