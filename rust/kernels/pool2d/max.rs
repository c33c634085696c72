//! Maximum pooling. The first of equals in row-major order is chosen; NaN is larger than any
//! number; padding is never chosen.

use super::interleaved::Interleaving;
use super::{give_back, item_len};
use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len, shape_error};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::pool2d::backward::{MaxGradient, spread_rows};
use crate::kernels::simd::pool2d::forward;

/// `y[oy, ox, c] = max over the window of x[., ., c]`, and where it was found.
///
/// # Shapes
/// - `x`: as the input; `y`, `argmax`: as the output, overwritten
/// - `argmax`: index into the sample's `height × width` plane
///
/// # Errors
/// Lengths that do not fit, a plane of 2³¹ pixels or more; interrupted.
pub fn forward<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    y: &mut [T],
    argmax: &mut [i32],
) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    expect_len("argmax", argmax.len(), g.output_len())?;
    if g.height.checked_mul(g.width).is_none_or(|pixels| pixels > i32::MAX as usize) {
        return Err(shape_error!(
            "x: {} x {} pixels are too many for a 32-bit index",
            g.height,
            g.width
        ));
    }
    if let Some(interleaving) = Interleaving::new::<T>(g) {
        let done = interleaving.images;
        let elements = done * g.output_image().1;
        interleaving.forward(
            g,
            x,
            &mut y[..elements],
            Some(&mut argmax[..elements]),
            |strip, x, _, y, argmax| {
                forward::max_rows(strip, x, 0..strip.out_height, y, argmax);
            },
        )?;
        let rest = Pool2dGeometry { batch: g.batch - done, ..*g };
        return each_row(
            &rest,
            &x[done * g.input_image()..],
            &mut y[elements..],
            &mut argmax[elements..],
        );
    }
    each_row(g, x, y, argmax)
}

/// [`forward`], each image for itself.
fn each_row<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    y: &mut [T],
    argmax: &mut [i32],
) -> Result<()> {
    let (row, item) = (g.output_row(), item_len(g.output_row(), g.batch * g.out_height));
    let items = y.chunks_mut(item).zip(argmax.chunks_mut(item)).enumerate();
    parallel::for_each(items, super::cost(g), |(i, (y, argmax))| {
        let lines = i * (item / row)..i * (item / row) + y.len() / row;
        if g.kernel.0.saturating_mul(g.width) < forward::LONGEST_WINDOW {
            return forward::max_rows(g, x, lines, y, argmax);
        }
        for (line, (y, argmax)) in
            lines.zip(y.chunks_exact_mut(row).zip(argmax.chunks_exact_mut(row)))
        {
            largest_row(
                g,
                &x[line / g.out_height * g.input_image()..],
                line % g.out_height,
                y,
                argmax,
            );
        }
    })
}

/// One row as [`forward::max_rows`] does it, for windows of any size.
fn largest_row<T: Element>(
    g: &Pool2dGeometry,
    image: &[T],
    oy: usize,
    y: &mut [T],
    argmax: &mut [i32],
) {
    let rows = g.rows(oy);
    for (i, (y, argmax)) in y.iter_mut().zip(argmax).enumerate() {
        let (columns, c) = (g.columns(i / g.channels), i % g.channels);
        let tap = |index: usize| (image[index * g.channels + c], index as i32);
        (*y, *argmax) = tap(rows.start * g.width + columns.start);
        for index in
            rows.clone().flat_map(|iy| iy * g.width + columns.start..iy * g.width + columns.end)
        {
            (*y, *argmax) = larger((*y, *argmax), tap(index));
        }
    }
}

/// The first of the two, unless the second is larger, or NaN where the first is not.
#[inline(always)]
fn larger<T: Element>(a: (T, i32), b: (T, i32)) -> (T, i32) {
    let take = (b.0 > a.0) | (is_nan(b.0) & !is_nan(a.0));
    (if take { b.0 } else { a.0 }, if take { b.1 } else { a.1 })
}

#[inline(always)]
fn is_nan<T: Element>(value: T) -> bool {
    value.partial_cmp(&value).is_none()
}

/// `grad_input (+)= grad_output` at the places that were chosen.
///
/// # Errors
/// Lengths that do not fit; an index outside its window (`grad_input` is of no use then);
/// interrupted.
pub fn backward<T: Element>(
    g: &Pool2dGeometry,
    grad_output: &[T],
    argmax: &[i32],
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    expect_len("grad_output", grad_output.len(), g.output_len())?;
    expect_len("argmax", argmax.len(), g.output_len())?;
    expect_len("out", grad_input.len(), g.input_len())?;
    let (_, elements) = g.output_image();
    let (mut done, mut met) = (0, 0);
    if let Some(interleaving) =
        Interleaving::new::<T>(g).filter(|_| !accumulate && g.windows_lie_apart())
    {
        done = interleaving.images;
        let grad_input = &mut grad_input[..done * g.input_image()];
        met = interleaving.backward(
            g,
            grad_output,
            Some(argmax),
            grad_input,
            |strip, grad_output, argmax, _, bands| {
                spread_rows(strip, |_| MaxGradient { grad_output, argmax }, false, false, bands)
            },
        )?;
    }
    let gradient_rule = |image: usize| {
        let own = (done + image) * elements..(done + image + 1) * elements;
        MaxGradient { grad_output: &grad_output[own.clone()], argmax: &argmax[own] }
    };
    // A window holds each index once: every index met its pixel if and only if all are inside their
    // windows.
    let rest = Pool2dGeometry { batch: g.batch - done, ..*g };
    met += give_back(&rest, gradient_rule, accumulate, &mut grad_input[done * g.input_image()..])?;
    if met == argmax.len() {
        Ok(())
    } else {
        let (wrong, all) = (argmax.len() - met, argmax.len());
        let text = format!(
            "argmax: {wrong} of its {all} indices lie outside their windows; it must come from the forward pass with the same window"
        );
        Err(KernelError::Argument(text))
    }
}

/// As [`backward`], without the window: follows the index, sample by sample.
///
/// # Shapes
/// - `grad_output`, `argmax`: `(n, out_height, out_width, channels)`
/// - `grad_input`: `(n, plane, channels)`
///
/// # Errors
/// Lengths that do not fit; an index outside the plane; interrupted.
pub fn backward_by_index<T: Element>(
    images: usize,
    channels: usize,
    grad_output: &[T],
    argmax: &[i32],
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    expect_len("argmax", argmax.len(), grad_output.len())?;
    if images == 0 || channels == 0 {
        return Ok(());
    }
    let (plane, out_plane) = (grad_input.len() / images, grad_output.len() / images);
    if plane == 0
        || out_plane == 0
        || !plane.is_multiple_of(channels)
        || !out_plane.is_multiple_of(channels)
    {
        return Err(shape_error!(
            "grad_output: {} elements and {} in out are not {images} images of {channels} channels",
            grad_output.len(),
            grad_input.len()
        ));
    }
    let items = grad_input
        .chunks_mut(plane)
        .zip(grad_output.chunks(out_plane))
        .zip(argmax.chunks(out_plane));
    parallel::try_for_each(
        items,
        (images * plane + grad_output.len()) * 4,
        |((grad_input, grad_output), argmax)| {
            if !accumulate {
                grad_input.fill(T::ZERO);
            }
            let pixels = (plane / channels) as i64;
            for (i, (&grad_output, &index)) in grad_output.iter().zip(argmax).enumerate() {
                if i64::from(index) < 0 || i64::from(index) >= pixels {
                    return Err(KernelError::Argument(format!(
                        "argmax: expected 0 to {}, got {index}",
                        pixels - 1
                    )));
                }
                grad_input[index as usize * channels + i % channels] += grad_output;
            }
            Ok(())
        },
    )
}
