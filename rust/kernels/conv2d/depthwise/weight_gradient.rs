//! The gradient of the weights of a depthwise convolution.
//!
//! The output rows of all images are cut into shares, each summed into a partial gradient.

use std::ops::Range;

use super::{cost, reached};
use crate::kernels::Element;
use crate::kernels::conv2d::partials::{part, sum_partials};
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::depthwise::weight_gradient::{MAX_TAPS, WeightGradient};
use crate::kernels::simd::{Kernel, Vector};

/// Most partial gradients.
const SHARES: usize = 32;

/// Pixels of a row whose products are summed in registers. With their taps they stay in the
/// first-level cache.
const RUN_PIXELS: usize = 16;

/// The gradient of the weights; see [`crate::kernels::conv2d::backward_weight`].
pub(super) fn run<T: Element>(
    g: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let rows = g.batch * g.out_height;
    let shares = rows.clamp(1, SHARES);
    let len = g.weight_len();
    with_scratch(len * shares, |partials: &mut [T]| {
        parallel::for_each(partials.chunks_mut(len).enumerate(), cost(g), |(share, partial)| {
            let rows = part(rows, share, shares);
            T::dispatch(Share { g, rows, grad_output, activation_output, x, partial });
        })?;
        sum_partials(partials, len, accumulate, grad_weight)
    })?
}

/// A share of the output rows, numbered across images, summed into one partial gradient.
struct Share<'a, T> {
    g: &'a Conv2dGeometry,
    rows: Range<usize>,
    grad_output: &'a [T],
    activation_output: Option<&'a [T]>,
    x: &'a [T],
    partial: &'a mut [T],
}

impl<T: Element> Kernel<T> for Share<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        self.partial.fill(T::ZERO);
        for row in self.rows.clone() {
            let g = self.g;
            let above =
                (row % g.out_height * g.window.stride.0) as isize - g.window.padding.top as isize;
            // The rows of taps that are inside the image.
            let taps = reached(above, g.window.dilation.0, g.height, g.kernel_h);
            let mut tap = taps.start;
            while tap < taps.end {
                let tall = if g.kernel_w == 3 && taps.end - tap >= 3 { 3 } else { 1 };
                let mut left = 0;
                while left < g.kernel_w {
                    let wide = (g.kernel_w - left).min(MAX_TAPS);
                    self.taps::<V>(row, tap..tap + tall, left..left + wide);
                    left += wide;
                }
                tap += tall;
            }
        }
    }
}

impl<T: Element> Share<'_, T> {
    /// Adds the products of an output row with a rectangle of taps, whose rows are inside the image.
    #[inline(always)]
    fn taps<V: Vector<T>>(&mut self, row: usize, rows: Range<usize>, columns: Range<usize>) {
        let g = self.g;
        let (stride, dilation) = (g.window.stride.1, g.window.dilation.1);
        let seen = |kx: usize| {
            reached(
                (kx * dilation) as isize - g.window.padding.left as isize,
                stride,
                g.width,
                g.out_width,
            )
        };
        // The output columns of all these taps; other columns are added tap by tap.
        let (first, last) = (seen(columns.start), seen(columns.end - 1));
        let all = first.start.min(g.out_width)..last.end.max(first.start);
        for begin in all.clone().step_by(RUN_PIXELS) {
            self.add::<V>(row, &rows, &columns, begin..all.end.min(begin + RUN_PIXELS));
        }
        for ky in rows {
            for kx in columns.clone() {
                let seen = seen(kx);
                self.add::<V>(
                    row,
                    &(ky..ky + 1),
                    &(kx..kx + 1),
                    seen.start..seen.end.min(all.start),
                );
                self.add::<V>(row, &(ky..ky + 1), &(kx..kx + 1), seen.start.max(all.end)..seen.end);
            }
        }
    }

    /// Adds the products of some pixels of an output row with a rectangle of taps.
    #[inline(always)]
    fn add<V: Vector<T>>(
        &mut self,
        row: usize,
        rows: &Range<usize>,
        columns: &Range<usize>,
        pixels: Range<usize>,
    ) {
        if pixels.is_empty() {
            return;
        }
        let g = self.g;
        let (stride, dilation, padding, channels) =
            (g.window.stride, g.window.dilation, g.window.padding, g.in_channels);
        let (image, out_row) = (row / g.out_height, row % g.out_height);
        let y = out_row * stride.0 + rows.start * dilation.0 - padding.top;
        let x = pixels.start * stride.1 + columns.start * dilation.1 - padding.left;
        let products = WeightGradient {
            x: self.x,
            x_start: ((image * g.height + y) * g.width + x) * channels,
            x_step: stride.1 * channels,
            tap_row: dilation.0 * g.width * channels,
            tap_column: dilation.1 * channels,
            grad: self.grad_output,
            activation_output: self.activation_output,
            grad_start: (row * g.out_width + pixels.start) * channels,
            pixels: pixels.len(),
            channels,
            sums_row: g.kernel_w * channels,
        };
        let sums = &mut self.partial[(rows.start * g.kernel_w + columns.start) * channels..];
        products.add::<V>(rows.len(), columns.len(), sums);
    }
}
