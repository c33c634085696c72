//! Max pooling.

use pyo3::prelude::*;

use super::{Window, geometry};
use crate::bindings::arrays::{
    Any, by_dtype, compute, dimensions, expect_shape, register, shape, slices,
};
use crate::bindings::errors::named;
use crate::kernels::pool2d::max;

#[pyfunction]
fn max_pool2d_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    argmax: Any<'_, '_>,
    window: Window,
) -> PyResult<()> {
    let geometry = geometry(("x", x), ("out", out), window)?;
    expect_shape("argmax", argmax, dimensions("out", out)?)?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        slices!(i32; out argmax;);
        compute(py, || max::forward(&geometry, x, out, argmax))
    })
}

#[pyfunction]
fn max_pool2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    argmax: Any<'_, '_>,
    out: Any<'_, '_>,
    window: Option<Window>,
    accumulate: bool,
) -> PyResult<()> {
    let [images, .., channels] = shape::<4>("out", out)?;
    let [output_images, .., output_channels] = shape::<4>("grad_output", grad_output)?;
    expect_shape("argmax", argmax, dimensions("grad_output", grad_output)?)?;
    if (images, channels) != (output_images, output_channels) {
        let text = format!(
            "grad_output: expected {images} images of {channels} channels, got {output_images} of {output_channels}"
        );
        return Err(named("ShapeError", text));
    }
    let geometry = window
        .map(|window| geometry(("out", out), ("grad_output", grad_output), window))
        .transpose()?;
    slices!(i32; in argmax;);
    by_dtype!(out, T => {
        slices!(T; in grad_output; out out;);
        compute(py, || match geometry {
            Some(geometry) => max::backward(&geometry, grad_output, argmax, accumulate, out),
            None => max::backward_by_index(images, channels, grad_output, argmax, accumulate, out),
        })
    })
}

register!(max_pool2d_forward, max_pool2d_backward);
