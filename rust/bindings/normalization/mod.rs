//! Normalisation, and a fixed scale and shift.

mod groups;
mod layer;
mod local_response;

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices, unless_in_place};
use crate::kernels::normalization;

#[pyfunction]
fn scale_shift_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    scale: Any<'_, '_>,
    shift: Any<'_, '_>,
    out: Any<'_, '_>,
    relu: bool,
) -> PyResult<()> {
    let x = unless_in_place(x, out);
    by_dtype!(out, T => {
        slices!(T; in scale, shift; optional x; out out;);
        compute(py, || normalization::scale_shift_forward(x, scale, shift, out, relu))
    })
}

#[pyfunction]
fn scale_shift_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    scale: Any<'_, '_>,
    out: Any<'_, '_>,
    activation_output: Option<Any<'_, '_>>,
    accumulate: bool,
) -> PyResult<()> {
    let grad_output =
        if accumulate { Some(grad_output) } else { unless_in_place(grad_output, out) };
    by_dtype!(out, T => {
        slices!(T; in scale; optional grad_output, activation_output; out out;);
        compute(py, || {
            normalization::scale_shift_backward(
                grad_output,
                scale,
                activation_output,
                accumulate,
                out,
            )
        })
    })
}

register!(scale_shift_forward, scale_shift_backward; mod groups, layer, local_response);
