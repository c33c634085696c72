//! Depthwise convolution: every channel is a group with one filter.
//!
//! Registers of channels are multiplied in place, nothing is packed or copied. A row of the target
//! is cut into runs of pixels that the same taps reach, so padding is never read: taps outside the
//! image are left out.

mod weight_gradient;

use std::ops::Range;

use super::method::{Filters, Method, Pass};
use super::sweeps::{Sweep, Sweeps};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::depthwise::correlate::{Run, correlate};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::{Kernel, Vector};
use crate::kernels::tuning::MATMUL_STREAM_BYTES;

/// One filter for each channel.
pub struct Depthwise;

impl<T: Element> Method<T> for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise"
    }

    fn supports(&self, _pass: Pass, g: &Conv2dGeometry) -> bool {
        g.groups == g.in_channels && g.out_channels == g.in_channels
    }

    fn pays(&self, _pass: Pass, g: &Conv2dGeometry) -> bool {
        g.groups > 1
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        run(&Sweeps::forward(g), cost(g), x, None, filters.unpacked(), y, epilogue)
    }

    fn backward_input(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        accumulate: bool,
        grad_input: &mut [T],
    ) -> Result<()> {
        let epilogue = Epilogue { accumulate, ..Epilogue::OVERWRITE };
        let sweeps = Sweeps::backward_input(g);
        run(&sweeps, cost(g), grad_output, activation_output, weight, grad_input, &epilogue)
    }

    fn backward_weight(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        grad_weight: &mut [T],
    ) -> Result<()> {
        weight_gradient::run(g, grad_output, activation_output, x, accumulate, grad_weight)
    }
}

/// Cost of a pass, in multiply-adds. Memory bounds it, not arithmetic.
fn cost(g: &Conv2dGeometry) -> usize {
    g.multiply_adds().max((g.input_len() + g.output_len()).saturating_mul(parallel::ELEMENT_COST))
}

/// `target (+)= epilogue(source * weight)`. Where `activation_output` is given, it has the shape of
/// `source`, and masks it.
fn run<T: Element>(
    sweeps: &Sweeps,
    cost: usize,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    let source_len = sweeps.source.iter().product::<usize>();
    let stream = size_of_val(target) >= MATMUL_STREAM_BYTES;
    parallel::for_each(sweeps.bands(target).into_iter(), cost, |(image, first_row, target)| {
        let part = image * source_len..(image + 1) * source_len;
        T::dispatch(Band {
            sweeps,
            source: &source[part.clone()],
            activation_output: activation_output.map(|output| &output[part]),
            weight,
            target,
            first_row,
            epilogue,
            stream,
        });
    })
}

/// A band of target rows of one image.
struct Band<'a, T> {
    sweeps: &'a Sweeps,
    source: &'a [T],
    activation_output: Option<&'a [T]>,
    weight: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    epilogue: &'a Epilogue<'a, T>,
    /// Write past the caches.
    stream: bool,
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        let sweeps = self.sweeps;
        let rows = self.target.len() / (sweeps.target[1] * sweeps.target[2]);
        for sweep in sweeps.iter() {
            let first = self.first_row / sweeps.spread.0;
            for row in 0..rows.saturating_sub(sweep.first.0).div_ceil(sweeps.spread.0) {
                self.row::<V>(sweep, first + row, row);
            }
        }
        if self.stream {
            V::fence();
        }
    }
}

impl<T: Element> Band<'_, T> {
    /// Computes row `row` of a sweep, which is row `row_in_band` of the sweep in this band.
    #[inline(always)]
    fn row<V: Vector<T>>(&mut self, sweep: &Sweep, row: usize, row_in_band: usize) {
        let sweeps = self.sweeps;
        let [height, width, channels] = sweeps.source;
        let columns = sweep.size.1;
        let inside = columns_of_all_taps(sweeps, sweep);
        let (mut source_starts, mut weight_starts) =
            (Vec::with_capacity(sweep.taps.len()), Vec::with_capacity(sweep.taps.len()));
        let mut column = 0;
        while column < columns {
            let pixels = if column == inside.start { inside.len().max(1) } else { 1 };
            source_starts.clear();
            weight_starts.clear();
            for tap in &sweep.taps {
                let (y, x) = (
                    (row * sweeps.step.0) as isize + tap.row,
                    (column * sweeps.step.1) as isize + tap.column,
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
                source_step: sweeps.step.1 * channels,
                weight: self.weight,
                weight_starts: &weight_starts,
                pixels,
                channels,
                target_step: sweeps.spread.1 * channels,
                stream: self.stream,
            };
            let (y, x) = (
                sweep.first.0 + row_in_band * sweeps.spread.0,
                sweep.first.1 + column * sweeps.spread.1,
            );
            let target = &mut self.target[(y * sweeps.target[1] + x) * channels..];
            correlate::<T, V>(&run, target, self.epilogue);
            column += pixels;
        }
    }
}

/// The columns of a sweep at which all its taps are inside the image.
#[inline(always)]
fn columns_of_all_taps(sweeps: &Sweeps, sweep: &Sweep) -> Range<usize> {
    let columns = sweep.size.1;
    let (mut begin, mut end) = (0, columns);
    for tap in &sweep.taps {
        let reached = reached(tap.column, sweeps.step.1, sweeps.source[1], columns);
        (begin, end) = (begin.max(reached.start), end.min(reached.end));
    }
    begin.min(columns)..end.max(begin.min(columns))
}

/// The positions `0..count` at which a tap at `offset` is inside an axis of `size` pixels.
#[inline(always)]
fn reached(offset: isize, step: usize, size: usize, count: usize) -> Range<usize> {
    let begin = usize::try_from(-offset).map_or(0, |before| before.div_ceil(step)).min(count);
    let end =
        usize::try_from(size as isize - offset).map_or(0, |reach| reach.div_ceil(step)).min(count);
    begin..end.max(begin)
}
