//! The gradient of max-unpooling.

use pyo3::prelude::*;

use crate::bindings::arrays::{
    Any, by_dtype, compute, dimensions, expect_shape, register, shape, slices,
};
use crate::bindings::errors::named;
use crate::kernels::pool2d::unpool;

#[pyfunction]
fn max_unpool2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    argmax: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
) -> PyResult<()> {
    let [images, .., channels] = shape::<4>("out", out)?;
    let [output_images, .., output_channels] = shape::<4>("grad_output", grad_output)?;
    if (images, channels) != (output_images, output_channels) {
        let text = format!(
            "grad_output: expected {images} images of {channels} channels, got {output_images} of {output_channels}"
        );
        return Err(named("ShapeError", text));
    }
    expect_shape("argmax", argmax, dimensions("out", out)?)?;
    slices!(i32; in argmax;);
    by_dtype!(out, T => {
        slices!(T; in grad_output; out out;);
        compute(py, || {
            unpool::gather_by_index(images, channels, grad_output, argmax, accumulate, out)
        })
    })
}

register!(max_unpool2d_backward);
