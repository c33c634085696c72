//! Layer normalisation.

use pyo3::prelude::*;

use crate::bindings::arrays::{Any, by_dtype, compute, register, slices};
use crate::kernels::normalization::layer;

#[pyfunction]
fn layer_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    epsilon: f64,
) -> PyResult<()> {
    by_dtype!(out, T => {
        slices!(T; in x, weight, bias; out out, mean, variance;);
        compute(py, || layer::forward(x, weight, bias, out, mean, variance, epsilon))
    })
}

#[pyfunction]
fn layer_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    weight: Any<'_, '_>,
    out: Any<'_, '_>,
    grad_weight: Any<'_, '_>,
    grad_bias: Any<'_, '_>,
    epsilon: f64,
    accumulate: (bool, bool),
) -> PyResult<()> {
    let (accumulate, accumulate_parameters) = accumulate;
    by_dtype!(out, T => {
        slices!(T; in grad_output, x, mean, variance, weight; out out, grad_weight, grad_bias;);
        compute(py, || {
            layer::backward(
                grad_output,
                x,
                mean,
                variance,
                weight,
                epsilon,
                out,
                grad_weight,
                grad_bias,
                accumulate,
                accumulate_parameters,
            )
        })
    })
}

register!(layer_norm_forward, layer_norm_backward);
