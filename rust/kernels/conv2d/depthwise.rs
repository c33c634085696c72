//! Depthwise convolution, every channel with a filter of its own: products of registers of
//! channels, nothing packed or copied.
//!
//! A row of output is cut into runs of pixels that see the same taps: padding is never read, its
//! taps are left out. Forward and gradient of the input are the sweeps of a [`Correlation`]. The
//! gradient of the weights sums rows of pixels into a fixed number of partials, which are added in
//! order at the end.

use std::ops::Range;

use super::correlation::{Correlation, Sweep};
use super::direct_weight::sum_partials;
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::matmul::STREAM_BYTES;
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::depthwise::correlate::{Run, correlate};
use crate::kernels::simd::conv2d::depthwise::weight_gradient::{MAX_TAPS, WeightGradient};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::{Kernel, Vector};

/// Partial gradients of the weights, at most.
const SHARES: usize = 32;

/// Pixels of a row whose products are summed in registers: with their taps they stay in the
/// first-level cache.
const RUN_PIXELS: usize = 16;

/// Whether each channel is a group of its own with one filter.
pub fn takes(g: &Conv2dGeometry) -> bool {
    g.groups == g.in_channels && g.out_channels == g.in_channels
}

/// What a pass costs, in multiply-adds: it is bound by memory, not by arithmetic.
fn cost(g: &Conv2dGeometry) -> usize {
    g.multiply_adds().max((g.input_len() + g.output_len()).saturating_mul(parallel::ELEMENT_COST))
}

/// `target (+)= source * weight` by the sweeps of `plan`, finished as asked. `activation_output` lets through
/// the source where it is positive.
///
/// # Errors
/// Interrupted.
pub fn run<T: Element>(
    plan: &Correlation,
    g: &Conv2dGeometry,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    finish: &Epilogue<'_, T>,
) -> Result<()> {
    let source_len = plan.source.iter().product::<usize>();
    let stream = size_of_val(target) >= STREAM_BYTES;
    parallel::for_each(plan.bands(target).into_iter(), cost(g), |(image, first_row, target)| {
        let part = image * source_len..(image + 1) * source_len;
        let (source, activation_output) = (
            &source[part.clone()],
            activation_output.map(|activation_output| &activation_output[part]),
        );
        T::dispatch(Band {
            plan,
            source,
            activation_output,
            weight,
            target,
            first_row,
            finish,
            stream,
        });
    })
}

/// A band of output rows of one image.
struct Band<'a, T> {
    plan: &'a Correlation,
    source: &'a [T],
    activation_output: Option<&'a [T]>,
    weight: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    finish: &'a Epilogue<'a, T>,
    stream: bool,
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        let plan = self.plan;
        let rows = self.target.len() / (plan.target[1] * plan.target[2]);
        for sweep in &plan.sweeps {
            let first = self.first_row / plan.spread.0;
            for row in 0..rows.saturating_sub(sweep.first.0).div_ceil(plan.spread.0) {
                self.row::<V>(sweep, first + row, row);
            }
        }
        if self.stream {
            V::fence();
        }
    }
}

impl<T: Element> Band<'_, T> {
    /// Row `row` of a sweep, which is row `place` of the sweep within this band.
    #[inline(always)]
    fn row<V: Vector<T>>(&mut self, sweep: &Sweep, row: usize, place: usize) {
        let plan = self.plan;
        let [height, width, channels] = plan.source;
        let columns = sweep.size.1;
        // Taps with their first and last column, and the columns that all of them reach.
        let (mut begin, mut end) = (0, columns);
        for tap in &sweep.taps {
            let reached = reached(tap.column, plan.step.1, width, columns);
            (begin, end) = (begin.max(reached.start), end.min(reached.end));
        }
        let end = end.max(begin.min(columns));
        let inside = begin.min(columns)..end;
        let (mut source_starts, mut weight_starts) =
            (Vec::with_capacity(sweep.taps.len()), Vec::with_capacity(sweep.taps.len()));
        let mut column = 0;
        while column < columns {
            let pixels = if column == inside.start { inside.len().max(1) } else { 1 };
            source_starts.clear();
            weight_starts.clear();
            for tap in &sweep.taps {
                let (y, x) = (
                    (row * plan.step.0) as isize + tap.row,
                    (column * plan.step.1) as isize + tap.column,
                );
                if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                    source_starts.push((y as usize * width + x as usize) * channels);
                    weight_starts.push(tap.filter * channels);
                }
            }
            let run = Run {
                source: self.source,
                activation_output: self.activation_output,
                source_starts: &source_starts,
                source_step: plan.step.1 * channels,
                weight: self.weight,
                weight_starts: &weight_starts,
                pixels,
                channels,
                target_step: plan.spread.1 * channels,
                stream: self.stream,
            };
            let (y, x) =
                (sweep.first.0 + place * plan.spread.0, sweep.first.1 + column * plan.spread.1);
            correlate::<T, V>(
                &run,
                &mut self.target[(y * plan.target[1] + x) * channels..],
                self.finish,
            );
            column += pixels;
        }
    }
}

/// The output positions `0..count` whose tap at `offset` lies among `size` pixels.
#[inline(always)]
fn reached(offset: isize, step: usize, size: usize, count: usize) -> Range<usize> {
    let begin = usize::try_from(-offset).map_or(0, |before| before.div_ceil(step)).min(count);
    let end =
        usize::try_from(size as isize - offset).map_or(0, |reach| reach.div_ceil(step)).min(count);
    begin..end.max(begin)
}

/// The gradient of the weights; see [`super::backward_weight`].
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
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
            let rows = share * rows / shares..(share + 1) * rows / shares;
            T::dispatch(Share { g, rows, grad_output, activation_output, x, partial });
        })?;
        sum_partials(partials, len, accumulate, grad_weight)
    })?
}

/// A fixed set of output rows, counted through all images, summed into one partial gradient.
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
            // The rows of taps that lie inside the image.
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
    /// The products of an output row with a rectangle of taps, whose rows lie inside the image.
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
        // Output columns that all these taps see; what some see beyond them is added tap by tap.
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
