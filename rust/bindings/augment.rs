//! Augmentation: random draws, programs of steps, and mixing.

use numpy::{Element, PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;

use super::arrays::{
    compute, expect_shape, input, input_of, is, output, output_of, shape, slice, slice_mut,
};
use super::errors::{named, to_python};
use crate::kernels::augment::{self, Kind, Picture, Pixel, Step, draw, mix};

/// A value of a picture that NumPy knows too.
trait PixelElement: Pixel + Element {
    const NAME: &'static str;
}
impl PixelElement for u8 {
    const NAME: &'static str = "uint8";
}
impl PixelElement for f32 {
    const NAME: &'static str = "float32";
}

#[pyfunction]
fn augment_uniform(
    py: Python<'_>,
    indices: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    seed: u64,
    epoch: u32,
    ordinal: u32,
) -> PyResult<()> {
    let indices = input_of::<i64>("indices", "int64", indices)?;
    let mut out = output::<f64>("out", out)?;
    let [rows, draws] = shape::<2>("out", out.shape())?;
    let (indices, out) = (slice("indices", &indices)?, slice_mut("out", &mut out)?);
    if rows != indices.len() {
        return Err(named(
            "ShapeError",
            format!("out: expected {} rows, got {rows}", indices.len()),
        ));
    }
    compute(py, || draw::uniform(seed, epoch, ordinal, indices, draws, out))
}

type StepArguments<'py> = (String, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>, Bound<'py, PyAny>);
type StepArrays<'py> = (
    Kind,
    Option<PyReadonlyArrayDyn<'py, bool>>,
    PyReadonlyArrayDyn<'py, f64>,
    PyReadonlyArrayDyn<'py, f64>,
);

#[pyfunction]
fn augment_run(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    steps: Vec<StepArguments<'_>>,
    offsets: Vec<usize>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let first =
        if images.cast::<PyArrayDyn<u8>>().is_ok() || images.cast::<PyArrayDyn<f32>>().is_ok() {
            images.clone()
        } else if images.len()? == 0 {
            return Ok(());
        } else {
            images.get_item(0)?
        };
    match (is::<u8>(&first), is::<u8>(out)) {
        (true, true) => run::<u8, u8>(py, images, &steps, &offsets, out),
        (true, false) => run::<u8, f32>(py, images, &steps, &offsets, out),
        (false, true) => run::<f32, u8>(py, images, &steps, &offsets, out),
        (false, false) => run::<f32, f32>(py, images, &steps, &offsets, out),
    }
}

fn run<I: PixelElement, O: PixelElement>(
    py: Python<'_>,
    images: &Bound<'_, PyAny>,
    steps: &[StepArguments<'_>],
    offsets: &[usize],
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let batch = images.cast::<PyArrayDyn<I>>().is_ok();
    let arrays = if batch {
        vec![input_of::<I>("images", I::NAME, images)?]
    } else {
        images
            .try_iter()?
            .map(|image| input_of::<I>("images", I::NAME, &image?))
            .collect::<PyResult<Vec<_>>>()?
    };
    let mut pictures = Vec::new();
    for array in &arrays {
        if batch {
            let [_, height, width, channels] = shape::<4>("images", array.shape())?;
            let pixels = slice("images", array)?;
            let sample = (height * width * channels).max(1);
            pictures.extend(pixels.chunks_exact(sample).map(|pixels| Picture {
                pixels,
                height,
                width,
                channels,
            }));
        } else {
            let [height, width, channels] = shape::<3>("images", array.shape())?;
            pictures.push(Picture { pixels: slice("images", array)?, height, width, channels });
        }
    }
    let arrays = steps
        .iter()
        .map(|(kind, apply, parameters, constants)| {
            let apply =
                apply.as_ref().map(|apply| input_of::<bool>("apply", "bool", apply)).transpose()?;
            Ok((
                Kind::named(kind).map_err(to_python)?,
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
    let mut out = output_of::<O>("out", O::NAME, out)?;
    let out = slice_mut("out", &mut out)?;
    compute(py, || augment::run(&pictures, &steps, offsets, out))
}

#[pyfunction]
fn augment_blend(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    share: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: PixelElement>(
        py: Python<'_>,
        a: &Bound<'_, PyAny>,
        b: &Bound<'_, PyAny>,
        share: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (a, b) = (input_of::<T>("a", T::NAME, a)?, input_of::<T>("b", T::NAME, b)?);
        let (share, mut out) =
            (input::<f64>("share", share)?, output_of::<T>("out", T::NAME, out)?);
        expect_shape("b", b.shape(), a.shape())?;
        let (a, b, share, out) = (
            slice("a", &a)?,
            slice("b", &b)?,
            slice("share", &share)?,
            slice_mut("out", &mut out)?,
        );
        compute(py, || mix::blend(a, b, share, out))
    }
    if is::<u8>(out) {
        typed::<u8>(py, a, b, share, out)
    } else {
        typed::<f32>(py, a, b, share, out)
    }
}

#[pyfunction]
fn augment_paste(
    py: Python<'_>,
    source: &Bound<'_, PyAny>,
    target: &Bound<'_, PyAny>,
    rectangles: &Bound<'_, PyAny>,
) -> PyResult<()> {
    fn typed<T: PixelElement>(
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        target: &Bound<'_, PyAny>,
        rectangles: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let source = input_of::<T>("source", T::NAME, source)?;
        let rectangles = input_of::<i64>("rectangles", "int64", rectangles)?;
        let mut target = output_of::<T>("target", T::NAME, target)?;
        let [count, source_height, source_width, _] = shape::<4>("source", source.shape())?;
        let [_, height, width, channels] = shape::<4>("target", target.shape())?;
        expect_shape("source", source.shape(), &[count, source_height, source_width, channels])?;
        expect_shape("rectangles", rectangles.shape(), &[count, 6])?;
        let (source, rectangles) = (slice("source", &source)?, slice("rectangles", &rectangles)?);
        let target = slice_mut("target", &mut target)?;
        compute(py, || {
            mix::paste(
                source,
                [source_height, source_width],
                target,
                [height, width, channels],
                rectangles,
            )
        })
    }
    if is::<u8>(target) {
        typed::<u8>(py, source, target, rectangles)
    } else {
        typed::<f32>(py, source, target, rectangles)
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(augment_uniform, module)?)?;
    module.add_function(wrap_pyfunction!(augment_run, module)?)?;
    module.add_function(wrap_pyfunction!(augment_blend, module)?)?;
    module.add_function(wrap_pyfunction!(augment_paste, module)?)
}
