//! Two-dimensional pooling.

use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, expect_shape, input, input_of, output, output_of, shape, slice,
    slice_mut,
};
use super::errors::{named, to_python};
use super::geometry::{Pair, Sides, padding as sides};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::pool2d::{average, global, lp, max};

type Window = (Pair, Pair, Sides);

fn geometry(
    input: &[usize],
    output: &[usize],
    (kernel, stride, padding): Window,
) -> PyResult<Pool2dGeometry> {
    Pool2dGeometry::new(shape("x", input)?, shape("out", output)?, kernel, stride, sides(padding))
        .map_err(to_python)
}

#[pyfunction]
fn max_pool2d_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    argmax: &Bound<'_, PyAny>,
    kernel_size: Pair,
    stride: Pair,
    padding: Sides,
) -> PyResult<()> {
    by_dtype!(out, max_forward(py, x, out, argmax, (kernel_size, stride, padding)))
}

fn max_forward<T: Float>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    argmax: &Bound<'_, PyAny>,
    window: Window,
) -> PyResult<()> {
    let x = input::<T>("x", x)?;
    let (mut out, mut argmax) =
        (output::<T>("out", out)?, output_of::<i32>("argmax", "int32", argmax)?);
    let geometry = geometry(x.shape(), out.shape(), window)?;
    expect_shape("argmax", argmax.shape(), out.shape())?;
    let (x, out, argmax) =
        (slice("x", &x)?, slice_mut("out", &mut out)?, slice_mut("argmax", &mut argmax)?);
    compute(py, || max::forward(&geometry, x, out, argmax))
}

#[pyfunction]
fn max_pool2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    argmax: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    window: Option<Window>,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, max_backward(py, grad_output, argmax, out, window, accumulate))
}

fn max_backward<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    argmax: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    window: Option<Window>,
    accumulate: bool,
) -> PyResult<()> {
    let (grad_output, argmax) =
        (input::<T>("grad_output", grad_output)?, input_of::<i32>("argmax", "int32", argmax)?);
    let mut out = output::<T>("out", out)?;
    let [images, .., channels] = shape::<4>("out", out.shape())?;
    let [output_images, .., output_channels] = shape::<4>("grad_output", grad_output.shape())?;
    expect_shape("argmax", argmax.shape(), grad_output.shape())?;
    if (images, channels) != (output_images, output_channels) {
        let text = format!(
            "grad_output: expected {images} images of {channels} channels, got {output_images} of {output_channels}"
        );
        return Err(named("ShapeError", text));
    }
    let geometry =
        window.map(|window| geometry(out.shape(), grad_output.shape(), window)).transpose()?;
    let (grad_output, argmax, out) = (
        slice("grad_output", &grad_output)?,
        slice("argmax", &argmax)?,
        slice_mut("out", &mut out)?,
    );
    compute(py, || match geometry {
        Some(geometry) => max::backward(&geometry, grad_output, argmax, accumulate, out),
        None => max::backward_by_index(images, channels, grad_output, argmax, accumulate, out),
    })
}

#[pyfunction]
fn avg_pool2d_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kernel_size: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        window: Window,
        include: bool,
    ) -> PyResult<()> {
        let x = input::<T>("x", x)?;
        let mut out = output::<T>("out", out)?;
        let geometry = geometry(x.shape(), out.shape(), window)?;
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || average::forward(&geometry, x, include, out))
    }
    by_dtype!(out, typed(py, x, out, (kernel_size, stride, padding), count_include_pad))
}

#[pyfunction]
fn avg_pool2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kernel_size: Pair,
    stride: Pair,
    padding: Sides,
    count_include_pad: bool,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad_output: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        window: Window,
        include: bool,
        accumulate: bool,
    ) -> PyResult<()> {
        let grad_output = input::<T>("grad_output", grad_output)?;
        let mut out = output::<T>("out", out)?;
        let geometry = geometry(out.shape(), grad_output.shape(), window)?;
        let (grad_output, out) = (slice("grad_output", &grad_output)?, slice_mut("out", &mut out)?);
        compute(py, || average::backward(&geometry, grad_output, include, accumulate, out))
    }
    by_dtype!(
        out,
        typed(py, grad_output, out, (kernel_size, stride, padding), count_include_pad, accumulate)
    )
}

#[pyfunction]
fn lp_pool2d_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kernel_size: Pair,
    stride: Pair,
    padding: Sides,
    p: f64,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        window: Window,
        p: f64,
    ) -> PyResult<()> {
        let x = input::<T>("x", x)?;
        let mut out = output::<T>("out", out)?;
        let geometry = geometry(x.shape(), out.shape(), window)?;
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || lp::forward(&geometry, x, p, out))
    }
    by_dtype!(out, typed(py, x, out, (kernel_size, stride, padding), p))
}

#[pyfunction]
fn lp_pool2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    kernel_size: Pair,
    stride: Pair,
    padding: Sides,
    p: f64,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(
        out,
        lp_backward(py, grad_output, x, y, out, (kernel_size, stride, padding), p, accumulate)
    )
}

fn lp_backward<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    window: Window,
    p: f64,
    accumulate: bool,
) -> PyResult<()> {
    let (grad_output, x, y) =
        (input::<T>("grad_output", grad_output)?, input::<T>("x", x)?, input::<T>("y", y)?);
    let mut out = output::<T>("out", out)?;
    let geometry = geometry(x.shape(), grad_output.shape(), window)?;
    expect_shape("out", out.shape(), x.shape())?;
    expect_shape("y", y.shape(), grad_output.shape())?;
    let (grad_output, x, y) =
        (slice("grad_output", &grad_output)?, slice("x", &x)?, slice("y", &y)?);
    let out = slice_mut("out", &mut out)?;
    compute(py, || lp::backward(&geometry, grad_output, x, y, p, accumulate, out))
}

#[pyfunction]
fn global_avg_pool2d_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let x = input::<T>("x", x)?;
        let mut out = output::<T>("out", out)?;
        let [images, .., channels] = shape::<4>("x", x.shape())?;
        expect_shape("out", out.shape(), &[images, channels])?;
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || global::average_forward(x, images, channels, out))
    }
    by_dtype!(out, typed(py, x, out))
}

#[pyfunction]
fn global_avg_pool2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad_output: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let grad_output = input::<T>("grad_output", grad_output)?;
        let mut out = output::<T>("out", out)?;
        let [images, .., channels] = shape::<4>("out", out.shape())?;
        expect_shape("grad_output", grad_output.shape(), &[images, channels])?;
        let (grad_output, out) = (slice("grad_output", &grad_output)?, slice_mut("out", &mut out)?);
        compute(py, || global::average_backward(grad_output, images, channels, accumulate, out))
    }
    by_dtype!(out, typed(py, grad_output, out, accumulate))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(max_pool2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(max_pool2d_backward, module)?)?;
    module.add_function(wrap_pyfunction!(avg_pool2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(avg_pool2d_backward, module)?)?;
    module.add_function(wrap_pyfunction!(lp_pool2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(lp_pool2d_backward, module)?)?;
    module.add_function(wrap_pyfunction!(global_avg_pool2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(global_avg_pool2d_backward, module)?)
}
