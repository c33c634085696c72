//! Global average pooling: the mean of each channel over the whole image.

use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::reduce::{Partition, Value};
use crate::kernels::simd::{elementwise, vectorized};

/// The pixels of an image; at least 1 unless there are no outputs.
fn pixels_of(len: usize, images: usize, channels: usize) -> Result<usize> {
    let outputs = images.saturating_mul(channels);
    match len.checked_div(outputs) {
        None => Ok(0),
        Some(pixels) if pixels > 0 && len.is_multiple_of(outputs) => Ok(pixels),
        Some(_) => Err(shape_error!(
            "x: {len} elements are not {images} images of {channels} channels and at least one pixel"
        )),
    }
}

/// `out = Σ x / pixels` over each image. A sample's bits do not depend on the images it comes in.
///
/// # Shapes
/// - `x`: `[images, pixels, channels]`.
/// - `out`: `[images, channels]`, overwritten.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn average_forward<T: Element>(
    x: &[T],
    images: usize,
    channels: usize,
    out: &mut [T],
) -> Result<()> {
    let pixels = pixels_of(x.len(), images, channels)?;
    expect_len("out", out.len(), images * channels)?;
    if out.is_empty() {
        return expect_len("x", x.len(), 0);
    }
    let partition = Partition::new(images, pixels, channels);
    let width = partition.width();
    with_scratch(partition.records() * width, |records: &mut [T]| {
        partition.for_each_block(records, width, |range, sums| {
            sums.fill(T::ZERO);
            elementwise::add_columns(Value, [&x[range]], [], width, [sums]);
        })?;
        with_scratch(images * channels, |totals: &mut [f64]| {
            let (cost, records) = (records.len() * ELEMENT_COST, &*records);
            let items = out.chunks_mut(channels).zip(totals.chunks_mut(channels)).enumerate();
            parallel::for_each(items, cost, |(sample, (out, totals))| {
                partition.total(sample, records, width, 0, totals);
                for (out, total) in out.iter_mut().zip(totals) {
                    *out = T::from_f64(*total / pixels as f64);
                }
            })
        })?
    })?
}

/// The gradient of [`average_forward`]: `out (+)= grad_output / pixels` at every pixel.
///
/// # Shapes
/// - `grad_output`: `[images, channels]`.
/// - `out`: `[images, pixels, channels]`, overwritten, or accumulated with `accumulate`.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Interrupted`.
pub fn average_backward<T: Element>(
    grad_output: &[T],
    images: usize,
    channels: usize,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let pixels = pixels_of(out.len(), images, channels)?;
    expect_len("grad_output", grad_output.len(), images * channels)?;
    if grad_output.is_empty() {
        return expect_len("out", out.len(), 0);
    }
    let share = T::ONE / T::from_f64(pixels as f64);
    let item = super::item_len(channels, images * pixels);
    parallel::for_each(
        out.chunks_mut(item).enumerate(),
        images * pixels * channels * ELEMENT_COST,
        |(i, out)| {
            vectorized!(T, || {
                let (mut pixel, mut out) = (i * (item / channels), out);
                while !out.is_empty() {
                    // The pixels of one image.
                    let count = (pixels - pixel % pixels).min(out.len() / channels);
                    let grad_output = &grad_output[pixel / pixels * channels..][..channels];
                    let (here, rest) = out.split_at_mut(count * channels);
                    for out in here.chunks_exact_mut(channels) {
                        if accumulate {
                            out.iter_mut()
                                .zip(grad_output)
                                .for_each(|(out, &grad)| *out += grad * share);
                        } else {
                            out.iter_mut()
                                .zip(grad_output)
                                .for_each(|(out, &grad)| *out = grad * share);
                        }
                    }
                    (pixel, out) = (pixel + count, rest);
                }
            });
        },
    )
}
