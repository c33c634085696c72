//! The activations beyond ReLU, sigmoid and tanh, and parametric ReLU.

use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, input, optional_slice, output, same_memory, slice, slice_mut,
};
use super::errors::to_python;
use crate::kernels::activation_curves::{self, Curve};
use crate::kernels::prelu;

#[pyfunction]
fn curve_forward(
    py: Python<'_>,
    name: &str,
    parameter: f64,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        curve: Curve,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let x = if same_memory(x, out) { None } else { Some(input::<T>("x", x)?) };
        let mut out = output::<T>("out", out)?;
        let (x, out) = (optional_slice("x", x.as_ref())?, slice_mut("out", &mut out)?);
        compute(py, || activation_curves::forward(curve, x, out))
    }
    let curve = Curve::named(name, parameter).map_err(to_python)?;
    by_dtype!(out, typed(py, curve, x, out))
}

#[pyfunction]
fn curve_backward(
    py: Python<'_>,
    name: &str,
    parameter: f64,
    grad_output: &Bound<'_, PyAny>,
    saved: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        curve: Curve,
        grad_output: &Bound<'_, PyAny>,
        saved: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let in_place = !accumulate && same_memory(grad_output, out);
        let grad = if in_place { None } else { Some(input::<T>("grad_output", grad_output)?) };
        let saved = input::<T>(if curve.reads_output() { "y" } else { "x" }, saved)?;
        let mut out = output::<T>("out", out)?;
        let (grad, saved, out) = (
            optional_slice("grad_output", grad.as_ref())?,
            slice("saved", &saved)?,
            slice_mut("out", &mut out)?,
        );
        compute(py, || activation_curves::backward(curve, grad, saved, accumulate, out))
    }
    let curve = Curve::named(name, parameter).map_err(to_python)?;
    by_dtype!(out, typed(py, curve, grad_output, saved, out, accumulate))
}

#[pyfunction]
fn prelu_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    slope: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        slope: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (x, slope, mut out) =
            (input::<T>("x", x)?, input::<T>("slope", slope)?, output::<T>("out", out)?);
        let (x, slope, out) =
            (slice("x", &x)?, slice("slope", &slope)?, slice_mut("out", &mut out)?);
        compute(py, || prelu::forward(x, slope, out))
    }
    by_dtype!(out, typed(py, x, slope, out))
}

#[pyfunction]
fn prelu_backward_input(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    slope: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad: &Bound<'_, PyAny>,
        x: &Bound<'_, PyAny>,
        slope: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad, x, slope) =
            (input::<T>("grad_output", grad)?, input::<T>("x", x)?, input::<T>("slope", slope)?);
        let mut out = output::<T>("out", out)?;
        let (grad, x, slope) =
            (slice("grad_output", &grad)?, slice("x", &x)?, slice("slope", &slope)?);
        let out = slice_mut("out", &mut out)?;
        compute(py, || prelu::backward_input(grad, x, slope, accumulate, out))
    }
    by_dtype!(out, typed(py, grad_output, x, slope, out, accumulate))
}

#[pyfunction]
fn prelu_backward_slope(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad: &Bound<'_, PyAny>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad, x, mut out) =
            (input::<T>("grad_output", grad)?, input::<T>("x", x)?, output::<T>("out", out)?);
        let (grad, x, out) =
            (slice("grad_output", &grad)?, slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || prelu::backward_slope(grad, x, accumulate, out))
    }
    by_dtype!(out, typed(py, grad_output, x, out, accumulate))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(curve_forward, module)?)?;
    module.add_function(wrap_pyfunction!(curve_backward, module)?)?;
    module.add_function(wrap_pyfunction!(prelu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(prelu_backward_input, module)?)?;
    module.add_function(wrap_pyfunction!(prelu_backward_slope, module)?)
}
