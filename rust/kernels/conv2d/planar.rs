//! Correlation with few target channels: registers hold pixels of a row instead of channels.
//!
//! With one to eight target channels, registers of channels would stay almost empty: the gradient of an image with three channels, or a
//! first layer of six filters. Here the source rows of a band are transposed into planes, one for each channel, so that pixels
//! lie side by side; a row of the target is then a matrix product of the filters (`A`, a row for each target channel) with shifted
//! rows of the planes (`B`), and its channels are woven together at the end.

use super::correlation::{Correlation, Sweep, Tap};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::rehearsal;
use crate::kernels::simd::gemm::{Finish, ROW_PADDING, Segments, multiply, panel_width};
use crate::kernels::simd::pack::transpose;
use crate::kernels::simd::{Kernel, Vector};

/// Most target channels that a call of the micro-kernel takes as rows in every instruction set.
const MAX_CHANNELS: usize = 8;

/// Fewest pixels of a row for which it beats registers of channels.
const MIN_PIXELS: usize = 8;

/// Whether the forward pass can be computed so: pixels must lie side by side.
pub fn takes_forward(g: &Conv2dGeometry) -> bool {
    g.groups == 1 && g.window.stride.1 == 1
}

/// Whether the gradient of the input can be computed so.
pub fn takes_backward_input(g: &Conv2dGeometry) -> bool {
    g.groups == 1
}

/// Whether it pays for rows of `width` pixels of `channels`.
pub fn pays(channels: usize, width: usize) -> bool {
    channels <= MAX_CHANNELS && width >= MIN_PIXELS
}

/// `target (+)= source * weight` by the sweeps of `plan`, finished as asked. `gate` lets through the source where it is positive.
///
/// # Errors
/// Out of memory; interrupted.
pub fn run<T: Element>(
    plan: &Correlation,
    source: &[T],
    gate: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    finish: &Finish<'_, T>,
) -> Result<()> {
    let source_len = plan.source.iter().product::<usize>();
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(plan, weight, filters);
        let filters = &*filters;
        parallel::try_for_each(plan.bands(target).into_iter(), plan.multiply_adds, |(image, first_row, target)| {
            let part = image * source_len..(image + 1) * source_len;
            let (source, gate) = (&source[part.clone()], gate.map(|gate| &gate[part]));
            T::dispatch(Band { plan, source, gate, filters, target, first_row, finish })
        })
    })?
}

/// `filters[column, filter, depth]`: a row for each target channel.
fn arrange<T: Element>(plan: &Correlation, weight: &[T], filters: &mut [T]) {
    let (depth, columns) = (plan.depth, plan.columns);
    let taps = weight.len() / (depth * columns);
    for (column, row) in filters.chunks_exact_mut(taps * depth).enumerate() {
        for (filter, steps) in row.chunks_exact_mut(depth).enumerate() {
            for (step, value) in steps.iter_mut().enumerate() {
                *value = if plan.turned {
                    weight[(filter * columns + column) * depth + step]
                } else {
                    weight[(filter * depth + step) * columns + column]
                };
            }
        }
    }
}

/// A band of target rows of one image.
struct Band<'a, T> {
    plan: &'a Correlation,
    source: &'a [T],
    gate: Option<&'a [T]>,
    filters: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    finish: &'a Finish<'a, T>,
}

/// The part of the source that a band sees, a plane for each channel: pixel (`top` + y, `left` + x) of channel `c` is element
/// `c * plane + y * row + x`. Zero outside the image.
#[derive(Clone, Copy)]
struct Planes {
    top: isize,
    /// The highest tap: `top` is where it reads for the band's first row.
    above: isize,
    left: isize,
    rows: usize,
    columns: usize,
    row: usize,
    plane: usize,
}

impl Planes {
    /// What the first `rows` rows of each sweep from row `first` on see.
    #[inline(always)]
    fn new(plan: &Correlation, first: usize, rows: usize) -> Self {
        let taps = || plan.sweeps.iter().flat_map(|sweep| &sweep.taps);
        let wide = plan.sweeps.iter().map(|sweep| sweep.size.1).max().unwrap_or(0);
        let (above, left) = (taps().map(|tap| tap.row).min().unwrap_or(0), taps().map(|tap| tap.column).min().unwrap_or(0));
        let (below, right) = (taps().map(|tap| tap.row).max().unwrap_or(0), taps().map(|tap| tap.column).max().unwrap_or(0));
        let tall = rows.saturating_sub(1) * plan.step.0 + (below - above) as usize + 1;
        let columns = wide.saturating_sub(1) * plan.step.1 + (right - left) as usize + 1;
        let row = columns.next_multiple_of(ROW_PADDING);
        // An odd number of cache lines: planes do not fall on the same cache sets.
        let plane = (tall * row).next_multiple_of(2 * ROW_PADDING) + ROW_PADDING;
        Self { top: (first * plan.step.0) as isize + above, above, left, rows: tall, columns, row, plane }
    }
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) -> Result<()> {
        let plan = self.plan;
        let rows = self.target.len() / (plan.target[1] * plan.target[2]);
        let first = self.first_row / plan.spread.0;
        let planes = Planes::new(plan, first, rows.div_ceil(plan.spread.0));
        let mut pixels = Scratch::<T>::take(planes.plane * plan.depth)?;
        self.fill::<V>(&planes, &mut pixels)?;
        let mut sums = Scratch::<T>::take(plan.columns * panel_width::<T, V>())?;
        rehearsal::nothing_more_is_taken()?;
        for sweep in &plan.sweeps {
            let chunks = chunks(plan, sweep, &planes);
            for row in 0..rows.saturating_sub(sweep.first.0).div_ceil(plan.spread.0) {
                for column in (0..sweep.size.1).step_by(panel_width::<T, V>()) {
                    let start = row * plan.step.0 * planes.row + column * plan.step.1;
                    self.row::<V>(sweep, &chunks, pixels.get(start..).unwrap_or_default(), &mut sums, (row, column));
                }
            }
        }
        Ok(())
    }
}

impl<T: Element> Band<'_, T> {
    /// Transposes the rows that the band sees into planes.
    #[inline(always)]
    fn fill<V: Vector<T>>(&self, planes: &Planes, pixels: &mut [T]) -> Result<()> {
        let [height, width, channels] = self.plan.source;
        let mut gated = Scratch::<T>::take(if self.gate.is_some() { width * channels } else { 0 })?;
        // Columns begin..end of a row of the planes lie inside the image.
        let begin = (-planes.left).clamp(0, planes.columns as isize) as usize;
        let end = (width as isize - planes.left).clamp(begin as isize, planes.columns as isize) as usize;
        for row in 0..planes.rows {
            let place = row * planes.row;
            let y = planes.top + row as isize;
            let inside = (0..height as isize).contains(&y) && begin < end;
            let (begin, end) = if inside { (begin, end) } else { (planes.row, planes.row) };
            for channel in 0..channels {
                let line = &mut pixels[channel * planes.plane + place..][..planes.row];
                line[..begin].fill(T::ZERO);
                line[end..].fill(T::ZERO);
            }
            if !inside {
                continue;
            }
            let start = y as usize * width * channels;
            let mut line = &self.source[start..start + width * channels];
            if let Some(gate) = self.gate {
                for ((value, &grad), &gate) in gated.iter_mut().zip(line).zip(&gate[start..]) {
                    *value = if gate > T::ZERO { grad } else { T::ZERO };
                }
                line = &gated;
            }
            let first = (begin as isize + planes.left) as usize;
            transpose::<T, V>(&line[first * channels..], channels, (end - begin, channels), &mut pixels[place + begin..], planes.plane);
        }
        Ok(())
    }

    /// A register or two of pixels of one row of a sweep, all channels.
    #[inline(always)]
    fn row<V: Vector<T>>(&mut self, sweep: &Sweep, chunks: &[Chunk], pixels: &[T], sums: &mut [T], (row, column): (usize, usize)) {
        let plan = self.plan;
        let [_, width, channels] = plan.target;
        let lanes = panel_width::<T, V>();
        let wide = lanes.min(sweep.size.1 - column);
        for (i, chunk) in chunks.iter().enumerate() {
            let segments = Segments {
                a: self.filters,
                a_starts: &chunk.a_starts,
                a_row: self.filters.len() / channels,
                a_step: 1,
                transposed: false,
                b: pixels,
                b_starts: &chunk.b_starts,
                b_step: chunk.b_step,
                steps: chunk.steps,
            };
            let finish = if i == 0 { Finish::OVERWRITE } else { Finish::ACCUMULATE };
            multiply::<T, V>(&segments, &mut TileMut::new(sums, channels, wide, lanes), &finish);
        }
        let place = (sweep.first.0 + row * plan.spread.0) * width + sweep.first.1 + column * plan.spread.1;
        let target = &mut self.target[place * channels..];
        let spread = plan.spread.1 * channels;
        let Finish { accumulate, bias, relu } = *self.finish;
        for (channel, sums) in sums.chunks_exact_mut(lanes).enumerate() {
            let sums = &mut sums[..wide];
            if accumulate {
                for (sum, &value) in sums.iter_mut().zip(target[channel..].iter().step_by(spread)) {
                    *sum = value + *sum;
                }
            }
            if let Some(bias) = bias {
                sums.iter_mut().for_each(|sum| *sum += bias[channel]);
            }
            if relu {
                sums.iter_mut().for_each(|sum| *sum = T::ZERO.max_propagating(*sum));
            }
        }
        macro_rules! by_channels {
            ($($channels:literal)*) => {
                match channels {
                    $($channels => weave::<T, $channels>(sums, lanes, wide, target, spread),)*
                    _ => weave_any(sums, lanes, wide, target, spread),
                }
            };
        }
        by_channels!(1 2 3 4 5 6 7 8);
    }
}

/// Puts the channels of `wide` pixels side by side: rows of `sums`, `lanes` apart, become pixels of `target`, `spread` apart.
#[inline(always)]
fn weave<T: Element, const CHANNELS: usize>(sums: &[T], lanes: usize, wide: usize, target: &mut [T], spread: usize) {
    let rows: [&[T]; CHANNELS] = std::array::from_fn(|channel| &sums[channel * lanes..][..wide]);
    for (i, pixel) in target.chunks_mut(spread).take(wide).enumerate() {
        let pixel = &mut pixel[..CHANNELS];
        for channel in 0..CHANNELS {
            pixel[channel] = rows[channel][i];
        }
    }
}

/// As [`weave`], for more channels.
#[inline(always)]
fn weave_any<T: Element>(sums: &[T], lanes: usize, wide: usize, target: &mut [T], spread: usize) {
    for (channel, sums) in sums.chunks_exact(lanes).enumerate() {
        for (value, &sum) in target[channel..].iter_mut().step_by(spread).zip(&sums[..wide]) {
            *value = sum;
        }
    }
}

/// Steps of a sum that are added up in registers: pieces of taps, all equally long.
struct Chunk {
    a_starts: Vec<usize>,
    b_starts: Vec<usize>,
    b_step: usize,
    steps: usize,
}

/// Cuts the taps of a sweep into chunks of at most [`CHUNK`] steps.
#[inline(always)]
fn chunks(plan: &Correlation, sweep: &Sweep, planes: &Planes) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut add = |a_start: usize, b_start: usize, b_step: usize, steps: usize| match chunks.last_mut() {
        Some(chunk) if chunk.steps == steps && (chunk.a_starts.len() + 1) * steps <= CHUNK => {
            chunk.a_starts.push(a_start);
            chunk.b_starts.push(b_start);
        }
        _ => chunks.push(Chunk { a_starts: vec![a_start], b_starts: vec![b_start], b_step, steps }),
    };
    let place = |tap: &Tap| (tap.row - planes.above) as usize * planes.row + (tap.column - planes.left) as usize;
    // A grey image: the steps of a segment are the taps of a row instead of the channels of a tap.
    let by_rows = plan.depth == 1 && !plan.turned;
    for taps in sweep.taps.chunk_by(|a, b| by_rows && a.row == b.row) {
        let first = &taps[0];
        if by_rows {
            let gap = taps.get(1).map_or(1, |second| (second.column - first.column) as usize);
            add(first.filter, place(first), gap, taps.len());
            continue;
        }
        let parts = plan.depth.div_ceil(CHUNK);
        for part in 0..parts {
            let (from, to) = (part * plan.depth / parts, (part + 1) * plan.depth / parts);
            add(first.filter * plan.depth + from, from * planes.plane + place(first), planes.plane, to - from);
        }
    }
    if chunks.is_empty() {
        chunks.push(Chunk { a_starts: vec![], b_starts: vec![], b_step: 0, steps: 0 });
    }
    chunks
}
