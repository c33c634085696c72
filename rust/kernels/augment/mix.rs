//! Two pictures made one.

use super::Pixel;
use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::vectorized;

/// `out = share · a + (1 - share) · b`, a share for each picture.
///
/// # Shapes
/// `a`, `b` and `out` `[n, elements]`, `share` `[n]`; `out` is overwritten.
///
/// # Errors
/// Slices that do not fit together; interrupted.
pub fn blend<T: Pixel>(a: &[T], b: &[T], share: &[f64], out: &mut [T]) -> Result<()> {
    expect_len("b", b.len(), a.len())?;
    expect_len("out", out.len(), a.len())?;
    let elements = a.len().checked_div(share.len()).unwrap_or(0);
    expect_len("share", share.len() * elements, a.len())?;
    if elements == 0 {
        return Ok(());
    }
    let items = out
        .chunks_exact_mut(elements)
        .zip(a.chunks_exact(elements))
        .zip(b.chunks_exact(elements))
        .zip(share);
    parallel::for_each(items, a.len() * ELEMENT_COST, |(((out, a), b), &share)| {
        let share = share as f32;
        vectorized!(f32, || {
            for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
                *out = T::from_f32(share * a.to_f32() + (1.0 - share) * b.to_f32());
            }
        });
    })
}

/// Copies a rectangle of each picture of `source` into the picture of `target` with the same
/// number.
///
/// # Shapes
/// `source` and `target` `[n, height, width, channels]`; `rectangles` `[n, 6]`: top, left, height
/// and width in the target, then top and left in the source. Only the rectangles of `target` are
/// overwritten.
///
/// # Errors
/// A rectangle that leaves a picture; slices that do not fit together; interrupted.
pub fn paste<T: Pixel>(
    source: &[T],
    [source_height, source_width]: [usize; 2],
    target: &mut [T],
    [height, width, channels]: [usize; 3],
    rectangles: &[i64],
) -> Result<()> {
    let (rectangles, rest) = rectangles.as_chunks::<6>();
    let count = rectangles.len();
    expect_len("rectangles", rest.len(), 0)?;
    let (elements, source_elements) =
        (height * width * channels, source_height * source_width * channels);
    expect_len("target", target.len(), count.saturating_mul(elements))?;
    expect_len("source", source.len(), count.saturating_mul(source_elements))?;
    for rectangle in rectangles {
        let [top, left, rows, columns, source_top, source_left] = *rectangle;
        let within = |start: i64, len: i64, size: usize| {
            start >= 0 && len >= 0 && start.checked_add(len).is_some_and(|end| end <= size as i64)
        };
        let fits = within(top, rows, height) && within(left, columns, width);
        if !(fits
            && within(source_top, rows, source_height)
            && within(source_left, columns, source_width))
        {
            return Err(KernelError::Argument(format!(
                "rectangles: {rectangle:?} leaves a picture of {height}x{width}"
            )));
        }
    }
    if elements == 0 || source_elements == 0 {
        return Ok(());
    }
    let items =
        target.chunks_exact_mut(elements).zip(source.chunks_exact(source_elements)).zip(rectangles);
    parallel::for_each(items, count * elements, |((target, source), rectangle)| {
        let [top, left, rows, columns, source_top, source_left] =
            rectangle.map(|value| value as usize);
        for y in 0..rows {
            let from = &source[((source_top + y) * source_width + source_left) * channels..]
                [..columns * channels];
            target[((top + y) * width + left) * channels..][..columns * channels]
                .copy_from_slice(from);
        }
    })
}
