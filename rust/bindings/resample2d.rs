//! Resampling of images to another size.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, shape, slices};
use super::errors::{named, to_python};
use crate::kernels::resample2d::{self, Method, Resample2dGeometry};

fn geometry(
    (small_name, small): (&str, Any<'_, '_>),
    (large_name, large): (&str, Any<'_, '_>),
) -> PyResult<Resample2dGeometry> {
    let [images, height, width, channels] = shape::<4>(small_name, small)?;
    let [out_images, out_height, out_width, out_channels] = shape::<4>(large_name, large)?;
    if (images, channels) != (out_images, out_channels) {
        let text = format!(
            "{large_name}: expected {images} images of {channels} channels, got {out_images} of {out_channels}"
        );
        return Err(named("ShapeError", text));
    }
    Ok(Resample2dGeometry {
        images,
        input: (height, width),
        output: (out_height, out_width),
        channels,
    })
}

#[pyfunction]
fn resample2d_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    method: &str,
) -> PyResult<()> {
    let method = Method::named(method).map_err(to_python)?;
    let geometry = geometry(("x", x), ("out", out))?;
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || resample2d::forward(&geometry, method, x, out))
    })
}

#[pyfunction]
fn resample2d_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    out: Any<'_, '_>,
    method: &str,
    accumulate: bool,
) -> PyResult<()> {
    let method = Method::named(method).map_err(to_python)?;
    let geometry = geometry(("out", out), ("grad_output", grad_output))?;
    by_dtype!(out, T => {
        slices!(T; in grad_output; out out;);
        compute(py, || resample2d::backward(&geometry, method, grad_output, accumulate, out))
    })
}

register!(resample2d_forward, resample2d_backward);
