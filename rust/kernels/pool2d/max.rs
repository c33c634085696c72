//! Maximum pooling. The first of equals in row-major order is chosen; NaN is larger than any number.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len, shape_error};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::vectorized;

/// `y[oy, ox, c] = max over the window of x[., ., c]`, and where it was found.
///
/// # Shapes
/// - `x`: as the input; `y`, `argmax`: as the output, overwritten
/// - `argmax`: index into the sample's `height × width` plane
///
/// # Errors
/// Lengths that do not fit, a plane of 2³¹ pixels or more; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], y: &mut [T], argmax: &mut [i32]) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    expect_len("argmax", argmax.len(), g.output_len())?;
    if g.height * g.width > i32::MAX as usize {
        return Err(shape_error!("x: {} x {} pixels are too many for a 32-bit index", g.height, g.width));
    }
    let row = g.output_row();
    let items = y.chunks_mut(row).zip(argmax.chunks_mut(row)).enumerate();
    parallel::for_each(items, super::cost(g), |(i, (y, argmax))| {
        let (image, oy) = (i / g.out_height, i % g.out_height);
        let x = &x[image * g.height * g.input_row()..];
        vectorized!(|| {
            let pixels = y.chunks_exact_mut(g.channels).zip(argmax.chunks_exact_mut(g.channels));
            for (ox, (y, argmax)) in pixels.enumerate() {
                let mut first = true;
                for iy in g.rows(oy) {
                    for ix in g.columns(ox) {
                        let index = iy * g.width + ix;
                        let x = &x[index * g.channels..][..g.channels];
                        if first {
                            y.copy_from_slice(x);
                            argmax.fill(index as i32);
                            first = false;
                        } else {
                            take_larger(y, argmax, x, index as i32);
                        }
                    }
                }
            }
        });
    })
}

#[inline(always)]
fn take_larger<T: Element>(best: &mut [T], argmax: &mut [i32], x: &[T], index: i32) {
    for ((best, argmax), &x) in best.iter_mut().zip(argmax).zip(x) {
        let is_nan = |v: T| v.partial_cmp(&v).is_none();
        let take = (x > *best) | (is_nan(x) & !is_nan(*best));
        *argmax = if take { index } else { *argmax };
        *best = if take { x } else { *best };
    }
}

/// `grad_x (+)= grad_y` at the places that were chosen.
///
/// # Errors
/// Lengths that do not fit; an index outside its window; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], argmax: &[i32], accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    expect_len("argmax", argmax.len(), g.output_len())?;
    expect_len("out", grad_x.len(), g.input_len())?;
    let found = AtomicUsize::new(0);
    parallel::for_each(grad_x.chunks_mut(g.input_row()).enumerate(), super::cost(g), |(i, grad_x)| {
        let (image, iy) = (i / g.height, i % g.height);
        let start = image * g.out_height * g.output_row();
        let count = vectorized!(|| {
            let mut count = 0;
            for (ix, grad_x) in grad_x.chunks_exact_mut(g.channels).enumerate() {
                if !accumulate {
                    grad_x.fill(T::ZERO);
                }
                let index = (iy * g.width + ix) as i32;
                for oy in g.windows_down(iy) {
                    for ox in g.windows_across(ix) {
                        let at = start + (oy * g.out_width + ox) * g.channels;
                        count += add_chosen(grad_x, &grad_y[at..][..g.channels], &argmax[at..][..g.channels], index);
                    }
                }
            }
            count
        });
        found.fetch_add(count as usize, Ordering::Relaxed);
    })?;
    if found.into_inner() == g.output_len() {
        Ok(())
    } else {
        Err(KernelError::Argument(
            "argmax: an index lies outside its window; it must come from the forward pass with the same window".into(),
        ))
    }
}

#[inline(always)]
fn add_chosen<T: Element>(grad_x: &mut [T], grad_y: &[T], argmax: &[i32], index: i32) -> u32 {
    let mut count = 0;
    for ((grad_x, &grad_y), &argmax) in grad_x.iter_mut().zip(grad_y).zip(argmax) {
        let chosen = argmax == index;
        *grad_x += if chosen { grad_y } else { T::ZERO };
        count += u32::from(chosen);
    }
    count
}

/// As [`backward`], without the window: follows the index, sample by sample.
///
/// # Shapes
/// - `grad_y`, `argmax`: `(n, out_height, out_width, channels)`
/// - `grad_x`: `(n, plane, channels)`
///
/// # Errors
/// Lengths that do not fit; an index outside the plane; interrupted.
pub fn backward_by_index<T: Element>(
    images: usize,
    channels: usize,
    grad_y: &[T],
    argmax: &[i32],
    accumulate: bool,
    grad_x: &mut [T],
) -> Result<()> {
    expect_len("argmax", argmax.len(), grad_y.len())?;
    if images == 0 || channels == 0 {
        return Ok(());
    }
    let (plane, out_plane) = (grad_x.len() / images, grad_y.len() / images);
    if plane == 0 || out_plane == 0 || !plane.is_multiple_of(channels) || !out_plane.is_multiple_of(channels) {
        return Err(shape_error!(
            "grad_output: {} elements and {} in out are not {images} images of {channels} channels",
            grad_y.len(),
            grad_x.len()
        ));
    }
    let items = grad_x.chunks_mut(plane).zip(grad_y.chunks(out_plane)).zip(argmax.chunks(out_plane));
    parallel::try_for_each(items, (images * plane + grad_y.len()) * 4, |((grad_x, grad_y), argmax)| {
        if !accumulate {
            grad_x.fill(T::ZERO);
        }
        let pixels = (plane / channels) as i64;
        for (i, (&grad_y, &index)) in grad_y.iter().zip(argmax).enumerate() {
            if i64::from(index) < 0 || i64::from(index) >= pixels {
                return Err(KernelError::Argument(format!("argmax: expected 0 to {}, got {index}", pixels - 1)));
            }
            grad_x[index as usize * channels + i % channels] += grad_y;
        }
        Ok(())
    })
}
