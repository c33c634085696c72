//! The activations beyond ReLU, sigmoid and tanh, by name.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices, unless_in_place};
use super::errors::to_python;
use crate::kernels::activation_curves::{self, Curve};

#[pyfunction]
fn curve_forward(
    py: Python<'_>,
    name: &str,
    parameter: f64,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    let curve = Curve::named(name, parameter).map_err(to_python)?;
    let x = unless_in_place(x, out);
    by_dtype!(out, T => {
        slices!(T; optional x; out out;);
        compute(py, || activation_curves::forward(curve, x, out))
    })
}

#[pyfunction]
fn curve_backward(
    py: Python<'_>,
    name: &str,
    parameter: f64,
    grad_output: Any<'_, '_>,
    saved: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let curve = Curve::named(name, parameter).map_err(to_python)?;
    let grad_output =
        if accumulate { Some(grad_output) } else { unless_in_place(grad_output, out) };
    by_dtype!(out, T => {
        slices!(T; in saved; optional grad_output; out out;);
        compute(py, || activation_curves::backward(curve, grad_output, saved, accumulate, out))
    })
}

register!(curve_forward, curve_backward);
