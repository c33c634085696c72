//! A piece of a correlation with few target channels.

use std::ops::Range;

use super::planes::{Lanes, MAX_LANES, Planes};
use super::{Borders, Piece, group};
use crate::kernels::Element;
use crate::kernels::conv2d::correlation::{Correlation, Sweep, Tap};
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::geometry::{Padding, Pool2dGeometry};
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::simd::conv2d::few_channels::{Correlate, MAX_CHANNELS, Place, Segment, Taps};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::matmul::pack::transpose_tile;
use crate::kernels::simd::pool2d::forward::max_rows;
use crate::kernels::simd::{Kernel, Vector};

/// One piece of the work.
pub struct Band<'a, T> {
    pub plan: &'a Correlation,
    pub borders: Borders,
    pub source: &'a [T],
    pub activation_output: Option<&'a [T]>,
    /// The filters of each group of columns, `[filter, depth, column]`.
    pub filters: &'a [T],
    pub piece: Piece,
    /// The piece of the target: a row for each image.
    pub target: TileMut<'a, T>,
    /// Only the largest of each 2 × 2 pixels is wanted, of many images.
    pub pooled: bool,
    pub finish: &'a Epilogue<'a, T>,
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) -> Result<()> {
        let Self { plan, source, activation_output, filters, finish, .. } = self;
        let Piece { lanes, image, rows } = self.piece.clone();
        // A segment of a grey image is a row of taps, which cannot be left out one by one; pooling
        // takes many images.
        debug_assert!(self.borders != Borders::LeftOut || plan.turned);
        debug_assert!(!self.pooled || lanes != Lanes::Pixels);
        let ([height, width, _], [_, target_width, channels]) = (plan.source, plan.target);
        let first = rows.start / plan.spread.0;
        let planes = Planes::new(plan, lanes, first, rows.len().div_ceil(plan.spread.0));
        let mut pixels = Scratch::<T>::take(planes.len::<T, V>())?;
        let mut gated = Scratch::<T>::take(if activation_output.is_some() {
            planes.gated_len(width)
        } else {
            0
        })?;
        let pool = self.pooled.then(|| pair_of_rows(target_width, channels * lanes.images()));
        let line_len = match lanes {
            Lanes::Pixels => {
                MAX_CHANNELS
                    * (target_width.next_multiple_of(MAX_LANES) + Correlate::<T>::overhang::<V>())
            }
            Lanes::Images(count) => target_width * channels * count,
        };
        let mut lines = Scratch::<T>::take(if pool.is_some() { 2 * line_len } else { line_len })?;
        let pooled_len = pool.map_or(0, |pool| pool.output_len());
        let mut largest = Scratch::<T>::take(pooled_len)?;
        let mut places = Scratch::<i32>::take(pooled_len)?;
        dry_run::scratch_complete()?;
        let part = image * plan.source.iter().product::<usize>()..;
        planes.fill::<T, V>(
            &source[part.clone()],
            activation_output.map(|activation_output| &activation_output[part]),
            &mut gated,
            (height, width),
            &mut pixels,
        );
        let chunks: Vec<_> = plan.sweeps.iter().map(|sweep| chunks(plan, sweep, &planes)).collect();
        let steps = filters.len() / channels;
        let mut sums = Vec::new();
        for (sweep, chunks) in plan.sweeps.iter().zip(&chunks) {
            for column in (0..channels).step_by(MAX_CHANNELS) {
                let group = group(plan, column);
                let filters = &filters[steps * group.start..steps * group.end];
                sums.push((
                    sweep,
                    group.clone(),
                    Correlate::new(
                        group.len(),
                        filters,
                        &pixels,
                        planes.register::<T, V>(),
                        chunks,
                    ),
                ));
            }
        }
        for y in rows.clone() {
            let line = if pool.is_some() {
                &mut lines[y % 2 * line_len..][..line_len]
            } else {
                &mut *lines
            };
            let row = y / plan.spread.0;
            let above = -((row * plan.step.0) as isize);
            let rows_inside = above..above + height as isize;
            let taps = match (self.borders, lanes) {
                (Borders::Zeros, _) => Taps { rows: isize::MIN..isize::MAX, columns: None },
                (Borders::LeftOut, Lanes::Images(_)) => {
                    Taps { rows: rows_inside, columns: Some((width, plan.step.1)) }
                }
                (Borders::LeftOut | Borders::RowsLeftOut, _) => {
                    Taps { rows: rows_inside, columns: None }
                }
            };
            let start = (row - first) * plan.step.0 * planes.row;
            for (sweep, group, sums) in
                sums.iter().filter(|(sweep, ..)| sweep.first.0 == y % plan.spread.0)
            {
                let (taps, group, pixels) = (&taps, group.clone(), sweep.size.1);
                if let Lanes::Images(count) = lanes {
                    let to = &mut line[(sweep.first.1 * channels + group.start) * count..];
                    let finish = Epilogue { bias: finish.bias.map(|bias| &bias[group]), ..*finish };
                    sums.row::<V>(
                        start,
                        taps,
                        pixels,
                        &finish,
                        Place::Registers(to, plan.spread.1 * channels * count),
                    );
                    continue;
                }
                let place = ((y - rows.start) * target_width + sweep.first.1) * channels;
                let target = &mut self.target.row_mut(0)[place..];
                if plan.spread.1 == 1 && channels <= MAX_CHANNELS && !finish.accumulate {
                    sums.row::<V>(start, taps, pixels, finish, Place::Woven(target));
                } else {
                    let stride = line.len() / MAX_CHANNELS;
                    sums.row::<V>(start, taps, pixels, finish, Place::Planes(line, stride));
                    scatter(
                        line,
                        stride,
                        pixels,
                        group,
                        finish,
                        target,
                        (channels, plan.spread.1 * channels),
                    );
                }
            }
            match (lanes, pool) {
                (Lanes::Pixels, _) => {}
                (Lanes::Images(count), None) => {
                    let row = target_width * channels;
                    transpose_tile::<T, V>(
                        line,
                        count,
                        &mut self.target.part(0, count, (y - rows.start) * row, row),
                    );
                }
                (Lanes::Images(_), Some(_)) if y % 2 == 0 => {}
                (Lanes::Images(count), Some(pool)) => {
                    max_rows(&pool, &lines, 0..1, &mut largest, &mut places);
                    let row = target_width / 2 * channels;
                    transpose_tile::<T, V>(
                        &largest,
                        count,
                        &mut self.target.part(0, count, (y - rows.start) / 2 * row, row),
                    );
                }
            }
        }
        Ok(())
    }
}

/// Windows of 2 × 2 pixels over two rows.
fn pair_of_rows(width: usize, channels: usize) -> Pool2dGeometry {
    let (batch, out_height, window) = (1, 1, (2, 2));
    let padding = Padding::default();
    Pool2dGeometry {
        batch,
        height: 2,
        width,
        channels,
        out_height,
        out_width: width / 2,
        kernel: window,
        stride: window,
        padding,
    }
}

/// Finishes the channels of `group` of some pixels, `spread` apart: channel `i` of them is row `i`
/// of `sums`.
#[inline(always)]
fn scatter<T: Element>(
    sums: &[T],
    stride: usize,
    pixels: usize,
    group: Range<usize>,
    finish: &Epilogue<'_, T>,
    target: &mut [T],
    (channels, spread): (usize, usize),
) {
    let Epilogue { accumulate, bias, relu } = *finish;
    for (i, pixel) in target.chunks_mut(spread).take(pixels).enumerate() {
        for (column, value) in group.clone().zip(&mut pixel[..channels][group.clone()]) {
            let mut sum = sums[(column - group.start) * stride + i];
            if accumulate {
                sum = *value + sum;
            }
            if let Some(bias) = bias {
                sum += bias[column];
            }
            *value = if relu { T::ZERO.max_propagating(sum) } else { sum };
        }
    }
}

/// Cuts the taps of a sweep into chunks of at most [`CHUNK`] steps.
#[inline(always)]
fn chunks(plan: &Correlation, sweep: &Sweep, planes: &Planes) -> Vec<Vec<Segment>> {
    let mut chunks: Vec<Vec<Segment>> = vec![Vec::new()];
    let mut steps_so_far = 0;
    let mut add = |segment: Segment| {
        if steps_so_far + segment.steps > CHUNK {
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
    // A grey image: the steps of a segment are the taps of a row instead of the channels of a tap.
    let by_rows = plan.depth == 1 && !plan.turned;
    for taps in sweep.taps.chunk_by(|a, b| by_rows && a.row == b.row) {
        let first = &taps[0];
        if by_rows {
            let gap = taps.get(1).map_or(1, |second| (second.column - first.column) as usize)
                * planes.column;
            add(Segment {
                filters: first.filter,
                pixels: place(first),
                pixel_step: gap,
                steps: taps.len(),
                row: first.row,
                column: first.column,
            });
            continue;
        }
        let parts = plan.depth.div_ceil(CHUNK);
        for part in 0..parts {
            let (from, to) = (part * plan.depth / parts, (part + 1) * plan.depth / parts);
            add(Segment {
                filters: first.filter * plan.depth + from,
                pixels: from * planes.plane + place(first),
                pixel_step: planes.plane,
                steps: to - from,
                row: first.row,
                column: first.column,
            });
        }
    }
    chunks
}
