//! The mean of each channel over a whole image.

use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::vectorized;

/// Pixels that are summed before they join the rest: bounds the rounding error.
const BLOCK_PIXELS: usize = 256;

fn pixels(len: usize, images: usize, channels: usize) -> Result<usize> {
    let outputs = images * channels;
    if len == 0 && images == 0 {
        return Ok(1);
    }
    if outputs == 0 || len == 0 || !len.is_multiple_of(outputs) {
        return Err(shape_error!("x: {len} elements are not {images} images of {channels} channels"));
    }
    Ok(len / outputs)
}

/// `y[n, c] = mean over pixels of x[n, ., c]`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn average_forward<T: Element>(x: &[T], images: usize, channels: usize, y: &mut [T]) -> Result<()> {
    expect_len("out", y.len(), images * channels)?;
    let pixels = pixels(x.len(), images, channels)?;
    let scale = T::ONE / T::from_f64(pixels as f64);
    let items = y.chunks_mut(channels.max(1)).zip(x.chunks((pixels * channels).max(1)));
    parallel::for_each(items, x.len() * ELEMENT_COST, |(y, x)| {
        vectorized!(|| {
            y.fill(T::ZERO);
            let mut block = vec![T::ZERO; channels];
            for part in x.chunks(BLOCK_PIXELS * channels) {
                block.fill(T::ZERO);
                for pixel in part.chunks_exact(channels) {
                    block.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += value);
                }
                y.iter_mut().zip(&block).for_each(|(sum, &value)| *sum += value);
            }
            y.iter_mut().for_each(|y| *y = *y * scale);
        });
    })
}

/// `grad_x[n, ., c] (+)= grad_y[n, c] / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn average_backward<T: Element>(grad_y: &[T], images: usize, channels: usize, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    expect_len("grad_output", grad_y.len(), images * channels)?;
    let pixels = pixels(grad_x.len(), images, channels)?;
    let scale = T::ONE / T::from_f64(pixels as f64);
    let cost = grad_x.len() * ELEMENT_COST;
    let items = grad_x.chunks_mut((pixels * channels).max(1)).zip(grad_y.chunks(channels.max(1)));
    parallel::for_each(items, cost, |(grad_x, grad_y)| {
        vectorized!(|| {
            for pixel in grad_x.chunks_exact_mut(channels) {
                for (x, &y) in pixel.iter_mut().zip(grad_y) {
                    *x = if accumulate { *x + y * scale } else { y * scale };
                }
            }
        });
    })
}
