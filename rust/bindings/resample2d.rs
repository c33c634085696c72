//! Resampling to another size, the way back of max-unpooling, and multiplicative noise.

use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, expect_shape, input, input_of, optional_slice, output, same_memory,
    shape, slice, slice_mut,
};
use super::errors::{named, to_python};
use crate::kernels::noise;
use crate::kernels::pool2d::unpool;
use crate::kernels::random::Counter;
use crate::kernels::resample2d::{self, Method, Resample2dGeometry};

fn geometry(small: (&str, &[usize]), large: (&str, &[usize])) -> PyResult<Resample2dGeometry> {
    let [images, height, width, channels] = shape::<4>(small.0, small.1)?;
    let [out_images, out_height, out_width, out_channels] = shape::<4>(large.0, large.1)?;
    if (images, channels) != (out_images, out_channels) {
        let text = format!(
            "{}: expected {images} images of {channels} channels, got {out_images} of {out_channels}",
            large.0
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
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    method: &str,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        method: Method,
    ) -> PyResult<()> {
        let (x, mut out) = (input::<T>("x", x)?, output::<T>("out", out)?);
        let geometry = geometry(("x", x.shape()), ("out", out.shape()))?;
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        compute(py, || resample2d::forward(&geometry, method, x, out))
    }
    let method = Method::named(method).map_err(to_python)?;
    by_dtype!(out, typed(py, x, out, method))
}

#[pyfunction]
fn resample2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    method: &str,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        method: Method,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad, mut out) = (input::<T>("grad_output", grad)?, output::<T>("out", out)?);
        let geometry = geometry(("out", out.shape()), ("grad_output", grad.shape()))?;
        let (grad, out) = (slice("grad_output", &grad)?, slice_mut("out", &mut out)?);
        compute(py, || resample2d::backward(&geometry, method, grad, accumulate, out))
    }
    let method = Method::named(method).map_err(to_python)?;
    by_dtype!(out, typed(py, grad_output, out, method, accumulate))
}

#[pyfunction]
fn max_unpool2d_backward(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    argmax: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad: &Bound<'_, PyAny>,
        argmax: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad, argmax) =
            (input::<T>("grad_output", grad)?, input_of::<i32>("argmax", "int32", argmax)?);
        let mut out = output::<T>("out", out)?;
        let Resample2dGeometry { images, channels, .. } =
            geometry(("out", out.shape()), ("grad_output", grad.shape()))?;
        expect_shape("argmax", argmax.shape(), out.shape())?;
        let (grad, argmax, out) =
            (slice("grad_output", &grad)?, slice("argmax", &argmax)?, slice_mut("out", &mut out)?);
        compute(py, || unpool::gather_by_index(images, channels, grad, argmax, accumulate, out))
    }
    by_dtype!(out, typed(py, grad_output, argmax, out, accumulate))
}

#[pyfunction]
fn gaussian_noise(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    std: f64,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        std: f64,
        counter: Counter,
    ) -> PyResult<()> {
        let x = if same_memory(x, out) { None } else { Some(input::<T>("x", x)?) };
        let mut out = output::<T>("out", out)?;
        let (x, out) = (optional_slice("x", x.as_ref())?, slice_mut("out", &mut out)?);
        compute(py, || noise::gaussian(x, std, counter, out))
    }
    by_dtype!(out, typed(py, x, out, std, Counter { seed, stream, step }))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(resample2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(resample2d_backward, module)?)?;
    module.add_function(wrap_pyfunction!(max_unpool2d_backward, module)?)?;
    module.add_function(wrap_pyfunction!(gaussian_noise, module)?)
}
