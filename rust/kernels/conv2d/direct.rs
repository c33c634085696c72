//! Direct convolution as an implicit matrix product: a [`Correlation`] slides taps over bands of an
//! image.
//!
//! A sweep's weights are packed into panels as wide as two registers. For each band of output rows
//! the input rows it sees are, where padding or a ReLU's activation_output asks for it, copied into this
//! thread's scratch (a few rows, never the batch unrolled); the micro-kernel then reads its `A`
//! from there in place: neighbouring taps lie side by side, so a row of the filter is one segment
//! of the sum.

use super::correlation::{Correlation, Sweep};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{
    Epilogue, Hints, ROW_PADDING, Segments, multiply_with, panel_width, register_block,
};
use crate::kernels::simd::matmul::pack::{pack_rows, pack_transposed};
use crate::kernels::simd::{Kernel, Vector};

/// Bytes of a result that the caches would not hold until it is read: it goes past them.
const STREAM_BYTES: usize = 16 << 20;

impl Correlation {
    fn steps(&self) -> usize {
        self.sweeps.iter().map(|sweep| sweep.taps.len() * self.depth).sum()
    }

    /// Elements of the packed weights, for the instruction set in use.
    pub fn packed_len<T: Element>(&self) -> usize {
        let (width, _) = register_block::<T>();
        self.steps() * self.groups * self.columns.div_ceil(width) * width
    }

    /// Packs the filters: for each sweep, group and panel of columns, one row for each step of the
    /// sum (tap by tap, channel by channel).
    ///
    /// # Errors
    /// Interrupted.
    pub fn pack<T: Element>(&self, weight: &[T], packed: &mut [T]) -> Result<()> {
        let (width, _) = register_block::<T>();
        let panels = self.columns.div_ceil(width);
        let mut jobs = Vec::new();
        let mut rest = packed;
        for sweep in &self.sweeps {
            let len = sweep.taps.len() * self.depth * width;
            let (here, after) = std::mem::take(&mut rest).split_at_mut(len * self.groups * panels);
            rest = after;
            jobs.extend(
                here.chunks_mut(len.max(1))
                    .enumerate()
                    .map(|(i, panel)| (sweep, i / panels, i % panels * width, panel)),
            );
        }
        let cost = self.steps() * self.groups * self.columns * parallel::ELEMENT_COST;
        parallel::for_each(jobs.into_iter(), cost, |(sweep, group, first, panel)| {
            T::dispatch(Pack { plan: self, sweep, weight, group, first, panel });
        })
    }

    /// `target (+)= source * packed`, finished as asked. `activation_output`, as long as `source`, lets through
    /// the source where it is positive.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn run<T: Element>(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        packed: &[T],
        target: &mut [T],
        finish: &Epilogue<'_, T>,
    ) -> Result<()> {
        let source_len = self.source.iter().product::<usize>();
        let stream = size_of_val(target) >= STREAM_BYTES;
        parallel::try_for_each(
            self.bands(target).into_iter(),
            self.multiply_adds,
            |(image, first_row, target)| {
                let part = image * source_len..(image + 1) * source_len;
                T::dispatch(Band {
                    plan: self,
                    source: &source[part.clone()],
                    activation_output: activation_output
                        .map(|activation_output| &activation_output[part]),
                    packed,
                    target,
                    first_row,
                    stream,
                    finish,
                })
            },
        )
    }
}

/// A panel of packed filters: the columns from `first` on of a group.
struct Pack<'a, T> {
    plan: &'a Correlation,
    sweep: &'a Sweep,
    weight: &'a [T],
    group: usize,
    first: usize,
    panel: &'a mut [T],
}

impl<T: Element> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Correlation { depth, columns, groups, turned, .. } = *self.plan;
        let width = panel_width::<T, V>();
        let wide = width.min(columns - self.first);
        for (tap, rows) in self.sweep.taps.iter().zip(self.panel.chunks_exact_mut(depth * width)) {
            if turned {
                // weight[tap, column, group * depth + step], a row for each column
                let start =
                    (tap.filter * columns + self.first) * groups * depth + self.group * depth;
                pack_transposed::<T, V>(
                    &self.weight[start..],
                    groups * depth,
                    wide,
                    rows,
                    width,
                    depth,
                );
            } else {
                let start =
                    tap.filter * depth * groups * columns + self.group * columns + self.first;
                pack_rows::<T, V>(&self.weight[start..], groups * columns, wide, rows, depth);
            }
        }
    }
}

/// A band of output rows of one image.
struct Band<'a, T> {
    plan: &'a Correlation,
    source: &'a [T],
    activation_output: Option<&'a [T]>,
    packed: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    /// Past the caches, where a sum has one chunk.
    stream: bool,
    finish: &'a Epilogue<'a, T>,
}

/// The source rows that a sweep sees: pixel (`row`, `column`) relative to the sweep's first output
/// position starts at `origin + (row - top) * row_stride + (column - left) * channels` of `pixels`.
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
        let plan = self.plan;
        let rows = self.target.len() / (plan.target[1] * plan.target[2]);
        for sweep in &plan.sweeps {
            if rows <= sweep.first.0 {
                continue; // the last band may have no row of this residue
            }
            // Bands start at multiples of the spread, so every residue starts at its own first row
            // of the band.
            let first = self.first_row / plan.spread.0;
            let count = (rows - sweep.first.0).div_ceil(plan.spread.0);
            self.sweep::<V>(sweep, first, count)?;
        }
        if self.stream {
            V::fence();
        }
        Ok(())
    }
}

impl<T: Element> Band<'_, T> {
    /// Computes `count` rows of a sweep from row `first` of that sweep on.
    #[inline(always)]
    fn sweep<V: Vector<T>>(&mut self, sweep: &Sweep, first: usize, count: usize) -> Result<()> {
        let plan = self.plan;
        let [height, width, channels] = plan.source.map(|size| size as isize);
        let Some(&last_tap) = sweep.taps.last() else {
            let view = View { pixels: &[], origin: 0, row_stride: 0, top: 0, left: 0 };
            self.multiply::<V>(sweep, count, &view); // no tap reaches these pixels: zero
            return Ok(());
        };
        let first_tap = sweep.taps[0];
        let top = (first * plan.step.0) as isize + first_tap.row;
        let bottom = ((first + count - 1) * plan.step.0) as isize + last_tap.row + 1;
        let left = first_tap.column;
        let right = ((sweep.size.1 - 1) * plan.step.1) as isize + last_tap.column + 1;
        if self.activation_output.is_none()
            && top >= 0
            && left >= 0
            && bottom <= height
            && right <= width
        {
            dry_run::scratch_complete()?;
            let origin = ((top * width + left) * channels) as usize;
            let view = View {
                pixels: self.source,
                origin,
                row_stride: (width * channels) as usize,
                top: first_tap.row,
                left,
            };
            self.multiply::<V>(sweep, count, &view);
            return Ok(());
        }
        let row_len = ((right - left) * channels) as usize;
        let row_stride = row_len + ROW_PADDING;
        let mut copy = Scratch::<T>::take((bottom - top) as usize * row_stride)?;
        dry_run::scratch_complete()?;
        for (row, line) in copy.chunks_exact_mut(row_stride).enumerate() {
            self.copy_row(top + row as isize, left, &mut line[..row_len]);
        }
        self.multiply::<V>(
            sweep,
            count,
            &View { pixels: &copy, origin: 0, row_stride, top: first_tap.row, left },
        );
        Ok(())
    }

    /// Copies source row `row` from column `left` on; zero outside the image and where the activation_output is
    /// shut.
    #[inline(always)]
    fn copy_row(&self, row: isize, left: isize, line: &mut [T]) {
        let [height, width, channels] = self.plan.source;
        let pixels = line.len() / channels;
        // Columns begin..end of `line` lie inside the image.
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
        inside.copy_from_slice(&self.source[part.clone()]);
        if let Some(activation_output) = self.activation_output {
            for (value, &activation_output) in inside.iter_mut().zip(&activation_output[part]) {
                *value = if activation_output > T::ZERO { *value } else { T::ZERO };
            }
        }
    }

    /// All panels of all groups over the rows of a view.
    #[inline(always)]
    fn multiply<V: Vector<T>>(&mut self, sweep: &Sweep, count: usize, view: &View<'_, T>) {
        let plan = self.plan;
        let width = panel_width::<T, V>();
        let panels = plan.columns.div_ceil(width);
        let chunks = chunks(plan, sweep, view, width);
        let steps = sweep.taps.len() * plan.depth;
        let [_, target_width, target_channels] = plan.target;
        let [_, _, source_channels] = plan.source;
        for panel in 0..plan.groups * panels {
            let (group, first) = (panel / panels, panel % panels * width);
            let wide = width.min(plan.columns - first);
            let column = group * plan.columns + first;
            let weights_start = (sweep.packed_start * plan.groups * panels + panel * steps) * width;
            let weights = &self.packed[weights_start..weights_start + steps * width];
            for (i, chunk) in chunks.iter().enumerate() {
                let last = i + 1 == chunks.len();
                let finish = Epilogue {
                    accumulate: i > 0 || self.finish.accumulate,
                    bias: self
                        .finish
                        .bias
                        .filter(|_| last)
                        .map(|bias| &bias[column..column + wide]),
                    relu: last && self.finish.relu,
                };
                for row in 0..count {
                    let start =
                        view.origin + row * plan.step.0 * view.row_stride + group * plan.depth;
                    let segments = Segments {
                        a: view.pixels.get(start..).unwrap_or_default(),
                        a_starts: &chunk.a_starts,
                        a_row: plan.step.1 * source_channels,
                        a_step: 1,
                        transposed: false,
                        b: weights,
                        b_starts: &chunk.b_starts,
                        b_step: width,
                        steps: chunk.steps,
                    };
                    let place = ((sweep.first.0 + row * plan.spread.0) * target_width
                        + sweep.first.1)
                        * target_channels
                        + column;
                    let mut tile = TileMut::new(
                        &mut self.target[place..],
                        sweep.size.1,
                        wide,
                        plan.spread.1 * target_channels,
                    );
                    multiply_with::<T, V>(
                        &segments,
                        &mut tile,
                        &finish,
                        &Hints { stream: self.stream, ..Hints::NONE },
                    );
                }
            }
        }
    }
}

/// Steps of a sum that are added up in registers: segments of equal length.
struct Chunk {
    a_starts: Vec<usize>,
    b_starts: Vec<usize>,
    steps: usize,
}

/// Cuts the taps of a sweep into chunks of at most [`CHUNK`] steps. Taps that lie side by side in
/// the view become one segment.
#[inline(always)]
fn chunks<T: Element>(
    plan: &Correlation,
    sweep: &Sweep,
    view: &View<'_, T>,
    width: usize,
) -> Vec<Chunk> {
    let (depth, channels) = (plan.depth, plan.source[2]);
    let mut runs: Vec<(usize, usize)> = Vec::with_capacity(sweep.taps.len()); // start in the view, steps
    let mut row = None;
    for tap in &sweep.taps {
        let start = (tap.row - view.top) as usize * view.row_stride
            + (tap.column - view.left) as usize * channels;
        match runs.last_mut() {
            // Only within a row of the filter: rows lie side by side in some views and not in
            // others, and the order of the sum, hence its bits, must not depend on
            // that.
            Some((begin, steps)) if row == Some(tap.row) && *begin + *steps == start => {
                *steps += depth
            }
            _ => runs.push((start, depth)),
        }
        row = Some(tap.row);
    }
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut done = 0;
    for (start, steps) in runs {
        let parts = steps.div_ceil(CHUNK);
        for part in 0..parts {
            let (from, to) = (part * steps / parts, (part + 1) * steps / parts);
            let b_start = (done + from) * width;
            match chunks.last_mut() {
                Some(chunk)
                    if chunk.steps == to - from
                        && (chunk.a_starts.len() + 1) * chunk.steps <= CHUNK =>
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
