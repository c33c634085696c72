//! Multiplies bands of rows with packed filters.
//!
//! For each band of target rows, the source rows that it reads are used in place. Where padding or
//! an activation output requires it, they are copied into this thread's scratch first: a few rows
//! at a time, never the whole batch. The micro-kernel reads its operand `A` from there: adjacent
//! taps are adjacent in memory, so one row of the filter is one segment of the sum.

use crate::kernels::Element;
use crate::kernels::conv2d::mask::mask;
use crate::kernels::conv2d::sweeps::{Sweep, Sweeps};
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{
    Epilogue, Hints, ROW_PADDING, Segments, multiply_with, panel_width,
};
use crate::kernels::simd::{Kernel, Vector};
use crate::kernels::tuning::{DIRECT_STREAM_BYTES, SUM_STEPS};

/// `target (+)= epilogue(source * packed)`. Where `activation_output` is given, it has the shape
/// of `source`, and masks it.
pub(super) fn run<T: Element>(
    sweeps: &Sweeps,
    source: &[T],
    activation_output: Option<&[T]>,
    packed: &[T],
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    let source_len = sweeps.source.iter().product::<usize>();
    let stream = size_of_val(target) >= DIRECT_STREAM_BYTES;
    parallel::try_for_each(
        sweeps.bands(target).into_iter(),
        sweeps.multiply_adds,
        |(image, first_row, target)| {
            let part = image * source_len..(image + 1) * source_len;
            T::dispatch(Band {
                sweeps,
                source: &source[part.clone()],
                activation_output: activation_output.map(|output| &output[part]),
                packed,
                target,
                first_row,
                stream,
                epilogue,
            })
        },
    )
}

/// A band of target rows of one image.
struct Band<'a, T> {
    sweeps: &'a Sweeps,
    source: &'a [T],
    activation_output: Option<&'a [T]>,
    packed: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    /// Write past the caches.
    stream: bool,
    epilogue: &'a Epilogue<'a, T>,
}

/// The source rows that a sweep reads. The pixel at (`row`, `column`) relative to the first position
/// of the sweep is at `origin + (row - top) * row_stride + (column - left) * channels` of `pixels`.
struct View<'a, T> {
    pixels: &'a [T],
    origin: usize,
    row_stride: usize,
    top: isize,
    left: isize,
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) -> Result<()> {
        let sweeps = self.sweeps;
        let rows = self.target.len() / (sweeps.target[1] * sweeps.target[2]);
        for sweep in sweeps.iter() {
            if rows <= sweep.first.0 {
                continue; // the last band may have no row of this residue
            }
            // Bands begin at multiples of the spread, so every residue begins at its first row in
            // the band.
            let first = self.first_row / sweeps.spread.0;
            let count = (rows - sweep.first.0).div_ceil(sweeps.spread.0);
            self.sweep::<V>(sweep, first, count)?;
        }
        if self.stream {
            V::fence();
        }
        Ok(())
    }
}

impl<T: Element> Band<'_, T> {
    /// Computes `count` rows of a sweep, from its row `first` on.
    #[inline(always)]
    fn sweep<V: Vector<T>>(&mut self, sweep: &Sweep, first: usize, count: usize) -> Result<()> {
        let sweeps = self.sweeps;
        let [height, width, channels] = sweeps.source.map(|size| size as isize);
        let mut copy;
        let view =
            if let (Some(first_tap), Some(last_tap)) = (sweep.taps.first(), sweep.taps.last()) {
                let top = (first * sweeps.step.0) as isize + first_tap.row;
                let bottom = ((first + count - 1) * sweeps.step.0) as isize + last_tap.row + 1;
                let left = first_tap.column;
                let right = ((sweep.size.1 - 1) * sweeps.step.1) as isize + last_tap.column + 1;
                let inside = top >= 0 && left >= 0 && bottom <= height && right <= width;
                if self.activation_output.is_none() && inside {
                    dry_run::scratch_complete()?;
                    let origin = ((top * width + left) * channels) as usize;
                    let row_stride = (width * channels) as usize;
                    View { pixels: self.source, origin, row_stride, top: first_tap.row, left }
                } else {
                    let row_len = ((right - left) * channels) as usize;
                    let row_stride = row_len + ROW_PADDING;
                    copy = Scratch::<T>::take((bottom - top) as usize * row_stride)?;
                    dry_run::scratch_complete()?;
                    for (row, line) in copy.chunks_exact_mut(row_stride).enumerate() {
                        self.copy_row(top + row as isize, left, &mut line[..row_len]);
                    }
                    View { pixels: &copy, origin: 0, row_stride, top: first_tap.row, left }
                }
            } else {
                // No tap reaches these pixels: they are zero.
                View { pixels: &[], origin: 0, row_stride: 0, top: 0, left: 0 }
            };
        self.multiply::<V>(sweep, count, &view);
        Ok(())
    }

    /// Copies source row `row` from column `left` on, masked by the activation output; zero outside
    /// the image.
    #[inline(always)]
    fn copy_row(&self, row: isize, left: isize, line: &mut [T]) {
        let [height, width, channels] = self.sweeps.source;
        let pixels = line.len() / channels;
        // Columns begin..end of `line` are inside the image.
        let begin = (-left).clamp(0, pixels as isize) as usize;
        let end = (width as isize - left).clamp(begin as isize, pixels as isize) as usize;
        if row < 0 || row >= height as isize || begin == end {
            line.fill(T::ZERO);
            return;
        }
        line[..begin * channels].fill(T::ZERO);
        line[end * channels..].fill(T::ZERO);
        let start = (row as usize * width + (begin as isize + left) as usize) * channels;
        let part = start..start + (end - begin) * channels;
        let inside = &mut line[begin * channels..end * channels];
        match self.activation_output {
            None => inside.copy_from_slice(&self.source[part]),
            Some(output) => mask(&self.source[part.clone()], &output[part], inside),
        }
    }

    /// Multiplies the rows of a view with all panels of all groups.
    #[inline(always)]
    fn multiply<V: Vector<T>>(&mut self, sweep: &Sweep, count: usize, view: &View<'_, T>) {
        let sweeps = self.sweeps;
        let width = panel_width::<T, V>();
        let panels = sweeps.columns.div_ceil(width);
        let chunks = chunks(sweeps, sweep, view, width);
        let steps = sweep.taps.len() * sweeps.depth;
        let hints = Hints { stream: self.stream, ..Hints::NONE };
        for panel in 0..sweeps.groups * panels {
            let (group, first) = (panel / panels, panel % panels * width);
            let wide = width.min(sweeps.columns - first);
            let column = group * sweeps.columns + first;
            let start = (sweep.packed_start * sweeps.groups * panels + panel * steps) * width;
            let filters = &self.packed[start..start + steps * width];
            for (i, chunk) in chunks.iter().enumerate() {
                let last = i + 1 == chunks.len();
                let bias = self.epilogue.bias.filter(|_| last);
                let epilogue = Epilogue {
                    accumulate: i > 0 || self.epilogue.accumulate,
                    bias: bias.map(|bias| &bias[column..column + wide]),
                    relu: last && self.epilogue.relu,
                };
                for row in 0..count {
                    let start =
                        view.origin + row * sweeps.step.0 * view.row_stride + group * sweeps.depth;
                    let segments = Segments {
                        a: view.pixels.get(start..).unwrap_or_default(),
                        a_starts: &chunk.a_starts,
                        a_row: sweeps.step.1 * sweeps.source[2],
                        a_step: 1,
                        transposed: false,
                        b: filters,
                        b_starts: &chunk.b_starts,
                        b_step: width,
                        steps: chunk.steps,
                    };
                    let mut tile = self.tile(sweep, row, column, wide);
                    multiply_with::<T, V>(&segments, &mut tile, &epilogue, &hints);
                }
            }
        }
    }

    /// Columns `column..column + wide` of the pixels of row `row` of a sweep.
    #[inline(always)]
    fn tile(&mut self, sweep: &Sweep, row: usize, column: usize, wide: usize) -> TileMut<'_, T> {
        let Sweeps { spread, target: [_, width, channels], .. } = *self.sweeps;
        let pixel = (sweep.first.0 + row * spread.0) * width + sweep.first.1;
        let target = &mut self.target[pixel * channels + column..];
        TileMut::new(target, sweep.size.1, wide, spread.1 * channels)
    }
}

/// Steps of a sum that are added in registers, as segments of equal length.
struct Chunk {
    a_starts: Vec<usize>,
    b_starts: Vec<usize>,
    steps: usize,
}

/// Cuts the taps of a sweep into chunks of at most [`SUM_STEPS`] steps. Taps that are adjacent in the
/// view become one segment.
#[inline(always)]
fn chunks<T: Element>(
    sweeps: &Sweeps,
    sweep: &Sweep,
    view: &View<'_, T>,
    width: usize,
) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut done = 0;
    for (start, steps) in segments(sweeps, sweep, view) {
        let parts = steps.div_ceil(SUM_STEPS);
        for part in 0..parts {
            let (from, to) = (part * steps / parts, (part + 1) * steps / parts);
            let b_start = (done + from) * width;
            match chunks.last_mut() {
                Some(chunk)
                    if chunk.steps == to - from
                        && (chunk.a_starts.len() + 1) * chunk.steps <= SUM_STEPS =>
                {
                    chunk.a_starts.push(start + from);
                    chunk.b_starts.push(b_start);
                }
                _ => chunks.push(Chunk {
                    a_starts: vec![start + from],
                    b_starts: vec![b_start],
                    steps: to - from,
                }),
            }
        }
        done += steps;
    }
    if chunks.is_empty() {
        chunks.push(Chunk { a_starts: vec![], b_starts: vec![], steps: 0 });
    }
    chunks
}

/// The start in the view and the number of steps of each run of adjacent taps.
#[inline(always)]
fn segments<T>(sweeps: &Sweeps, sweep: &Sweep, view: &View<'_, T>) -> Vec<(usize, usize)> {
    let (depth, channels) = (sweeps.depth, sweeps.source[2]);
    let mut segments: Vec<(usize, usize)> = Vec::with_capacity(sweep.taps.len());
    let mut row = None;
    for tap in &sweep.taps {
        let start = (tap.row - view.top) as usize * view.row_stride
            + (tap.column - view.left) as usize * channels;
        match segments.last_mut() {
            // Only within a row of the filter: rows are adjacent in some views and not in others,
            // and the order of the sum, hence its bits, must not depend on that.
            Some((begin, steps)) if row == Some(tap.row) && *begin + *steps == start => {
                *steps += depth
            }
            _ => segments.push((start, depth)),
        }
        row = Some(tap.row);
    }
    segments
}
