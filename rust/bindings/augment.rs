//! Augmentation: random draws, programs of steps, and mixing.

use numpy::{PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{
    Any, Dtype, compute, dimensions, expect_shape, input, is, register, shape, slice, slices,
};
use super::errors::{named, to_python};
use crate::kernels::augment::{self, Kind, Picture, Pixel, Step, draw, mix};

/// Runs a block with `$T` as `u8` or `f32`, as the dtype of `$array` asks.
macro_rules! by_pixel {
    ($array:expr, $T:ident => $body:expr) => {
        if is::<u8>($array) {
            type $T = u8;
            $body
        } else {
            type $T = f32;
            $body
        }
    };
}

#[pyfunction]
fn augment_uniform(
    py: Python<'_>,
    indices: Any<'_, '_>,
    out: Any<'_, '_>,
    seed: u64,
    epoch: u32,
    ordinal: u32,
) -> PyResult<()> {
    let [rows, draws] = shape::<2>("out", out)?;
    slices!(i64; in indices;);
    slices!(f64; out out;);
    if rows != indices.len() {
        return Err(named(
            "ShapeError",
            format!("out: expected {} rows, got {rows}", indices.len()),
        ));
    }
    compute(py, || draw::uniform(seed, epoch, ordinal, indices, draws, out))
}

/// Kind, mode, `apply`, parameters and constants of a step.
type StepArguments<'py> =
    (String, String, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>, Bound<'py, PyAny>);
type StepArrays<'py> = (
    Kind,
    Option<PyReadonlyArrayDyn<'py, bool>>,
    PyReadonlyArrayDyn<'py, f64>,
    PyReadonlyArrayDyn<'py, f64>,
);

#[pyfunction]
fn augment_run(
    py: Python<'_>,
    images: Any<'_, '_>,
    steps: Vec<StepArguments<'_>>,
    offsets: Vec<usize>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    let first =
        if images.cast::<PyArrayDyn<u8>>().is_ok() || images.cast::<PyArrayDyn<f32>>().is_ok() {
            images.clone()
        } else if images.len()? == 0 {
            return Ok(());
        } else {
            images.get_item(0)?
        };
    by_pixel!(&first, I => by_pixel!(out, O => run::<I, O>(py, images, &steps, &offsets, out)))
}

fn run<I: Pixel + Dtype, O: Pixel + Dtype>(
    py: Python<'_>,
    images: Any<'_, '_>,
    steps: &[StepArguments<'_>],
    offsets: &[usize],
    out: Any<'_, '_>,
) -> PyResult<()> {
    let batch = images.cast::<PyArrayDyn<I>>().is_ok();
    let arrays = if batch {
        vec![input::<I>("images", images)?]
    } else {
        images
            .try_iter()?
            .map(|image| input::<I>("images", &image?))
            .collect::<PyResult<Vec<_>>>()?
    };
    let mut pictures = Vec::new();
    for array in &arrays {
        if batch {
            let [_, height, width, channels] = shape::<4>("images", images)?;
            let pixels = slice("images", array)?;
            let sample = (height * width * channels).max(1);
            pictures.extend(pixels.chunks_exact(sample).map(|pixels| Picture {
                pixels,
                height,
                width,
                channels,
            }));
        } else {
            let &[height, width, channels] = array.shape() else {
                let text = format!("images: expected 3 axes, got {:?}", array.shape());
                return Err(named("ShapeError", text));
            };
            pictures.push(Picture { pixels: slice("images", array)?, height, width, channels });
        }
    }
    let arrays = steps
        .iter()
        .map(|(kind, mode, apply, parameters, constants)| {
            let apply = apply.as_ref().map(|apply| input::<bool>("apply", apply)).transpose()?;
            Ok((
                Kind::parse(kind, mode).map_err(to_python)?,
                apply,
                input::<f64>("parameters", parameters)?,
                input::<f64>("constants", constants)?,
            ))
        })
        .collect::<PyResult<Vec<StepArrays<'_>>>>()?;
    let steps = arrays
        .iter()
        .map(|(kind, apply, parameters, constants)| {
            let apply = apply.as_ref().map(|apply| slice("apply", apply)).transpose()?;
            let (parameters, constants) =
                (slice("parameters", parameters)?, slice("constants", constants)?);
            Ok(Step { kind: *kind, apply, parameters, constants })
        })
        .collect::<PyResult<Vec<_>>>()?;
    slices!(O; out out;);
    compute(py, || augment::run(&pictures, &steps, offsets, out))
}

#[pyfunction]
fn augment_blend(
    py: Python<'_>,
    a: Any<'_, '_>,
    b: Any<'_, '_>,
    share: Any<'_, '_>,
    out: Any<'_, '_>,
) -> PyResult<()> {
    expect_shape("b", b, dimensions("a", a)?)?;
    slices!(f64; in share;);
    by_pixel!(out, T => {
        slices!(T; in a, b; out out;);
        compute(py, || mix::blend(a, b, share, out))
    })
}

#[pyfunction]
fn augment_paste(
    py: Python<'_>,
    source: Any<'_, '_>,
    target: Any<'_, '_>,
    rectangles: Any<'_, '_>,
) -> PyResult<()> {
    let [count, source_height, source_width, _] = shape::<4>("source", source)?;
    let [_, height, width, channels] = shape::<4>("target", target)?;
    expect_shape("source", source, &[count, source_height, source_width, channels])?;
    expect_shape("rectangles", rectangles, &[count, 6])?;
    let (source_size, target_size) = ([source_height, source_width], [height, width, channels]);
    slices!(i64; in rectangles;);
    by_pixel!(target, T => {
        slices!(T; in source; out target;);
        compute(py, || mix::paste(source, source_size, target, target_size, rectangles))
    })
}

register!(augment_uniform, augment_run, augment_blend, augment_paste);
