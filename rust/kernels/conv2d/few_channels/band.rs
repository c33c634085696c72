//! Computes a band: some target rows of an image, or of a group of images.

use std::ops::Range;

use super::planes::{Lanes, Planes};
use super::pooling::Pooling;
use super::{Borders, Piece, group};
use crate::kernels::Element;
use crate::kernels::conv2d::sweeps::{Sweep, Sweeps, Tap};
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::simd::conv2d::few_channels::{Correlate, MAX_CHANNELS, Place, Segment, Taps};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::matmul::pack::transpose_tile;
use crate::kernels::simd::{Kernel, MAX_LANES, Shuffle};
use crate::kernels::tuning::SUM_STEPS;

/// One item of the work.
pub(super) struct Band<'a, T> {
    pub(super) sweeps: &'a Sweeps,
    pub(super) borders: Borders,
    pub(super) source: &'a [T],
    pub(super) activation_output: Option<&'a [T]>,
    /// The filters of each group of columns, `[filter, depth, column]`.
    pub(super) filters: &'a [T],
    pub(super) piece: Piece,
    /// The piece of the target: one row for each image.
    pub(super) target: TileMut<'a, T>,
    /// Max-pool in windows of 2×2 and store only the pooled rows. Only for groups of images.
    pub(super) pooled: bool,
    pub(super) epilogue: &'a Epilogue<'a, T>,
}

/// The sums of a sweep for a group of columns.
type Sums<'a, T> = (&'a Sweep, Range<usize>, Correlate<'a, T>);

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Shuffle<T>>(mut self) -> Result<()> {
        let Self { sweeps, source, activation_output, .. } = self;
        let Piece { lanes, image, rows } = self.piece.clone();
        // With one source channel, a segment is a row of taps, which cannot be left out one by one.
        debug_assert!(self.borders != Borders::LeftOut || sweeps.turned);
        debug_assert!(!self.pooled || lanes != Lanes::Pixels);
        let [height, width, _] = sweeps.source;
        let first = rows.start / sweeps.spread.0;
        let planes = Planes::new(sweeps, lanes, first, rows.len().div_ceil(sweeps.spread.0));
        let mut pixels = Scratch::<T>::take(planes.len::<T, V>())?;
        let masked_len = activation_output.map_or(0, |_| planes.masked_len(width));
        let mut masked = Scratch::<T>::take(masked_len)?;
        let line_len = self.line_len::<V>();
        let mut lines = Scratch::<T>::take(if self.pooled { 2 * line_len } else { line_len })?;
        let [_, target_width, channels] = sweeps.target;
        let mut pooling = Pooling::new(self.pooled, target_width, channels * lanes.images())?;
        dry_run::scratch_complete()?;
        let part = image * sweeps.source.iter().product::<usize>()..;
        planes.fill::<T, V>(
            &source[part.clone()],
            activation_output.map(|output| &output[part]),
            &mut masked,
            (height, width),
            &mut pixels,
        );
        let chunks: Vec<_> = sweeps.iter().map(|sweep| chunks(sweeps, sweep, &planes)).collect();
        let sums = self.sums(&pixels, planes.register::<T, V>(), &chunks);
        for y in rows {
            let start = (y / sweeps.spread.0 - first) * sweeps.step.0 * planes.row;
            if self.pooled {
                self.row::<V>(y, start, &sums, &mut lines[y % 2 * line_len..][..line_len]);
                if y % 2 == 1 {
                    pooling.max(&lines);
                    self.store::<V>(y / 2 - self.piece.rows.start / 2, pooling.largest());
                }
            } else {
                self.row::<V>(y, start, &sums, &mut lines);
                self.store::<V>(y - self.piece.rows.start, &lines);
            }
        }
        Ok(())
    }
}

impl<'a, T: Element> Band<'a, T> {
    /// Elements of the scratch for one row of the target.
    #[inline(always)]
    fn line_len<V: Shuffle<T>>(&self) -> usize {
        let [_, width, channels] = self.sweeps.target;
        match self.piece.lanes {
            Lanes::Pixels => {
                let overhang = Correlate::<T>::overhang::<V>();
                MAX_CHANNELS * (width.next_multiple_of(MAX_LANES) + overhang)
            }
            Lanes::Images(count) => width * channels * count,
        }
    }

    /// The sums of all sweeps and groups of columns over the planes in `pixels`.
    #[inline(always)]
    fn sums<'b>(
        &self,
        pixels: &'b [T],
        register: usize,
        chunks: &'b [Vec<Vec<Segment>>],
    ) -> Vec<Sums<'b, T>>
    where
        'a: 'b,
    {
        let (sweeps, filters) = (self.sweeps, self.filters);
        let channels = sweeps.target[2];
        let steps = filters.len() / channels;
        let mut sums = Vec::new();
        for (sweep, chunks) in sweeps.iter().zip(chunks) {
            for column in (0..channels).step_by(MAX_CHANNELS) {
                let group = group(sweeps, column);
                let filters = &filters[steps * group.start..steps * group.end];
                let correlate = Correlate::new(group.len(), filters, pixels, register, chunks);
                sums.push((sweep, group, correlate));
            }
        }
        sums
    }

    /// Computes row `y` of the target, whose source rows begin at `start` of the planes. Pixels of
    /// one image go to the target, pixels of a group of images to `line`.
    #[inline(always)]
    fn row<V: Shuffle<T>>(&mut self, y: usize, start: usize, sums: &[Sums<'_, T>], line: &mut [T]) {
        let (sweeps, lanes, epilogue) = (self.sweeps, self.piece.lanes, self.epilogue);
        let [_, width, channels] = sweeps.target;
        let spread = sweeps.spread.1 * channels;
        let taps = self.taps(y);
        for (sweep, group, sums) in sums {
            if sweep.first.0 != y % sweeps.spread.0 {
                continue;
            }
            let pixels = sweep.size.1;
            let bias = epilogue.bias.map(|bias| &bias[group.clone()]);
            let of_group = Epilogue { bias, ..*epilogue };
            let pixel = (y - self.piece.rows.start) * width + sweep.first.1;
            let stride = line.len() / MAX_CHANNELS;
            let one_group = channels <= MAX_CHANNELS;
            let woven = sweeps.spread.1 == 1 && one_group && !epilogue.accumulate;
            let place = match lanes {
                Lanes::Images(count) => {
                    let first = (sweep.first.1 * channels + group.start) * count;
                    Place::Registers(&mut line[first..], spread * count)
                }
                Lanes::Pixels if woven => {
                    Place::Woven(&mut self.target.row_mut(0)[pixel * channels..])
                }
                Lanes::Pixels => Place::Planes(&mut *line, stride),
            };
            sums.row::<V>(start, &taps, pixels, &of_group, place);
            if lanes == Lanes::Pixels && !woven {
                let target = self.target.row_mut(0)[pixel * channels..].chunks_mut(spread);
                scatter(line, stride, target.take(pixels), group.clone(), &of_group);
            }
        }
    }

    /// The taps that row `y` of the target reads.
    #[inline(always)]
    fn taps(&self, y: usize) -> Taps {
        let Sweeps { source: [height, width, _], step, spread, .. } = *self.sweeps;
        let above = -((y / spread.0 * step.0) as isize);
        let inside = above..above + height as isize;
        match (self.borders, self.piece.lanes) {
            (Borders::Zeros, _) => Taps { rows: isize::MIN..isize::MAX, columns: None },
            (Borders::LeftOut, Lanes::Images(_)) => {
                Taps { rows: inside, columns: Some((width, step.1)) }
            }
            (Borders::LeftOut | Borders::RowsLeftOut, _) => Taps { rows: inside, columns: None },
        }
    }

    /// Stores a row of a group of images, as row `y` of the piece.
    #[inline(always)]
    fn store<V: Shuffle<T>>(&mut self, y: usize, line: &[T]) {
        if let Lanes::Images(count) = self.piece.lanes {
            let row = line.len() / count;
            transpose_tile::<T, V>(line, count, &mut self.target.part(0, count, y * row, row));
        }
    }
}

/// Stores the channels of `group` of some pixels of one image, finished by `epilogue`. Channel `i`
/// of the group is row `i` of `sums`, a matrix of `stride` columns.
#[inline(always)]
fn scatter<'a, T: Element>(
    sums: &[T],
    stride: usize,
    target: impl Iterator<Item = &'a mut [T]>,
    group: Range<usize>,
    epilogue: &Epilogue<'_, T>,
) {
    let Epilogue { accumulate, bias, relu } = *epilogue;
    for (i, pixel) in target.enumerate() {
        for (channel, value) in pixel[group.clone()].iter_mut().enumerate() {
            let mut sum = sums[channel * stride + i];
            if accumulate {
                sum = *value + sum;
            }
            if let Some(bias) = bias {
                sum += bias[channel];
            }
            *value = if relu { T::ZERO.max_propagating(sum) } else { sum };
        }
    }
}

/// Cuts the taps of a sweep into chunks of at most [`SUM_STEPS`] steps.
#[inline(always)]
fn chunks(sweeps: &Sweeps, sweep: &Sweep, planes: &Planes) -> Vec<Vec<Segment>> {
    let mut chunks: Vec<Vec<Segment>> = vec![Vec::new()];
    let mut steps_so_far = 0;
    let mut add = |segment: Segment| {
        if steps_so_far + segment.steps > SUM_STEPS {
            chunks.push(Vec::new());
            steps_so_far = 0;
        }
        steps_so_far += segment.steps;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(segment);
        }
    };
    let place = |tap: &Tap| {
        (tap.row - planes.above) as usize * planes.row
            + (tap.column - planes.left) as usize * planes.column
    };
    // With one source channel, the steps of a segment are the taps of a row; else the channels of a
    // tap.
    let by_rows = sweeps.depth == 1 && !sweeps.turned;
    for taps in sweep.taps.chunk_by(|a, b| by_rows && a.row == b.row) {
        let first = &taps[0];
        let (row, column) = (first.row, first.column);
        if by_rows {
            let gap = taps.get(1).map_or(1, |second| (second.column - column) as usize);
            let pixel_step = gap * planes.column;
            let (filters, pixels, steps) = (first.filter, place(first), taps.len());
            add(Segment { filters, pixels, pixel_step, steps, row, column });
            continue;
        }
        let parts = sweeps.depth.div_ceil(SUM_STEPS);
        for part in 0..parts {
            let (from, to) = (part * sweeps.depth / parts, (part + 1) * sweeps.depth / parts);
            add(Segment {
                filters: first.filter * sweeps.depth + from,
                pixels: from * planes.plane + place(first),
                pixel_step: planes.plane,
                steps: to - from,
                row,
                column,
            });
        }
    }
    chunks
}
