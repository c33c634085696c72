//! Normalisation over groups of channels: batch, group and instance normalisation.

use pyo3::prelude::*;

use crate::bindings::arrays::{
    Any, by_dtype, compute, register, same_memory, slices, unless_in_place,
};
use crate::bindings::errors::to_python;
use crate::kernels::normalization::groups::{self, Gradient, Groups};

#[pyfunction]
fn group_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    samples_and_groups: (usize, usize),
    epsilon: f64,
    relu: bool,
) -> PyResult<()> {
    let (samples, groups) = samples_and_groups;
    let x = unless_in_place(x, out);
    by_dtype!(out, T => {
        slices!(T; in weight, bias; optional x; out out, mean, variance;);
        let g = Groups::new(out.len(), samples, weight.len(), groups).map_err(to_python)?;
        compute(py, || {
            groups::forward(&g, x, weight, bias, out, mean, variance, epsilon, relu)
        })
    })
}

#[pyfunction]
fn group_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Option<Any<'_, '_>>,
    grad_weight: Any<'_, '_>,
    grad_bias: Any<'_, '_>,
    samples_and_groups: (usize, usize),
    epsilon: f64,
    relu: bool,
    accumulate: (bool, bool),
) -> PyResult<()> {
    let ((samples, groups), (accumulate, accumulate_parameters)) = (samples_and_groups, accumulate);
    by_dtype!(grad_weight, T => {
        slices!(T; in x, mean, variance, weight, bias; out grad_weight, grad_bias;);
        let g = Groups::new(x.len(), samples, weight.len(), groups).map_err(to_python)?;
        let mut run = |gradient: Gradient<'_, T>| {
            compute(py, || {
                groups::backward(
                    &g,
                    gradient,
                    x,
                    mean,
                    variance,
                    weight,
                    bias,
                    epsilon,
                    relu,
                    grad_weight,
                    grad_bias,
                    accumulate_parameters,
                )
            })
        };
        match out {
            Some(out) if !accumulate && same_memory(grad_output, out) => {
                slices!(T; out out;);
                run(Gradient::InPlace(out))
            }
            Some(grad_input) => {
                slices!(T; in grad_output; out grad_input;);
                run(Gradient::Onward { grad_output, grad_input, accumulate })
            }
            None => {
                slices!(T; in grad_output;);
                run(Gradient::Stop(grad_output))
            }
        }
    })
}

register!(group_norm_forward, group_norm_backward);
