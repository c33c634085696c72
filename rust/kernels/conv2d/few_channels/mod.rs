//! Correlation with few target channels: a register holds one channel of many pixels instead of
//! many channels of one.
//!
//! With one to eight target channels, registers of channels would stay almost empty: the gradient
//! of an image with three channels, or a first layer of six filters. Here the source rows of a band
//! are brought into [`planes`], where a register is either neighbouring pixels or the same pixel of
//! many images; each target channel is then a sum of such registers at the places of the taps, and
//! the results are brought back into the order of an image ([`band`]). The gradient of the weights
//! multiplies the planes of the input with those of the output's gradient ([`weight`]).

mod band;
mod planes;
mod weight_gradient;

use std::ops::Range;

use self::band::Band;
use self::planes::Lanes;
pub use self::weight_gradient::backward_weight;
use super::algorithm::Algorithm;
use super::correlation::Correlation;
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::few_channels::MAX_CHANNELS;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, lanes};

/// Fewest pixels of a row for which it beats registers of channels.
const MIN_PIXELS: usize = 8;

/// Items wanted of work on many images at a time.
const ITEMS: usize = 8;

/// Fewest rows of them: the rows around are brought into planes more than once.
const MIN_ROWS: usize = 4;

/// Bytes of source rows that such an item may see: a second-level cache holds them.
const PLANES_BYTES: usize = 512 << 10;

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

/// Whether the gradient of the weights can be computed so.
pub fn takes_backward_weight(g: &Conv2dGeometry) -> bool {
    g.groups == 1 && g.window.stride.1 == 1
}

/// Images that are worked on together, as many as a register has lanes, where there are so many,
/// rows are long enough to transpose, and the caches hold those that a few target rows see: the
/// rows of a source and of a target have so many elements, a filter so many rows.
fn images_at_once<T: Element>(
    batch: usize,
    (source_row, target_row): (usize, usize),
    kernel_h: usize,
) -> Option<usize> {
    let lanes = lanes::<T>();
    let bytes = source_row.saturating_mul((kernel_h + MIN_ROWS) * lanes * size_of::<T>());
    (batch >= lanes && source_row.min(target_row) >= lanes && bytes <= PLANES_BYTES)
        .then_some(lanes)
}

/// Images at the head of a batch of which a forward pass by `algorithm`, then `pooled`, is best
/// computed here, many at a time; the rest is left. Those of [`Algorithm::Direct`] come out with
/// the same bits, if [`Borders::Zeros`] are asked for: a sum of one chunk is taken in
/// the same order.
pub fn images_together<T: Element>(
    g: &Conv2dGeometry,
    algorithm: Algorithm,
    pooled: bool,
) -> usize {
    let lanes = lanes::<T>();
    let takes = match algorithm {
        Algorithm::FewChannels => true,
        Algorithm::Direct => {
            takes_forward(g)
                && g.out_channels <= lanes
                && g.kernel_h * g.kernel_w * g.in_channels <= CHUNK
        }
        _ => false,
    };
    let (height, width) =
        if pooled { (g.out_height / 2, g.out_width / 2) } else { (g.out_height, g.out_width) };
    match images_at_once::<T>(
        g.batch,
        (g.width * g.in_channels, width * g.out_channels),
        g.kernel_h,
    ) {
        Some(count) if takes && height > 0 => g.batch / count * count,
        _ => 0,
    }
}

/// What becomes of the taps that read beside the image. As zeros, they give NaN with a weight that
/// is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borders {
    /// They are left out where all pixels that are computed together agree: faster, but for such
    /// weights an image has not the same bits alone and among others.
    LeftOut,
    /// Those above and below the image are left out, the others read zeros.
    RowsLeftOut,
    /// They read zeros.
    Zeros,
}

/// `target (+)= source * weight` by the sweeps of `plan`, finished as asked. `activation_output` lets through
/// the source where it is positive.
///
/// # Errors
/// Out of memory; interrupted.
pub fn run<T: Element>(
    plan: &Correlation,
    borders: Borders,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    finish: &Epilogue<'_, T>,
) -> Result<()> {
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(plan, weight, filters);
        let filters = &*filters;
        let pieces = pieces(plan, target, finish.accumulate);
        parallel::try_for_each(pieces.into_iter(), plan.multiply_adds, |(piece, target)| {
            T::dispatch(Band {
                plan,
                borders,
                source,
                activation_output,
                filters,
                piece,
                target,
                pooled: false,
                finish,
            })
        })
    })?
}

/// The forward pass of [`images_together`], and no other image, of which only the largest of each 2
/// × 2 outputs is kept; a last odd row or column is left out.
///
/// # Errors
/// Out of memory; interrupted.
pub fn run_pooled<T: Element>(
    plan: &Correlation,
    borders: Borders,
    source: &[T],
    weight: &[T],
    target: &mut [T],
    finish: &Epilogue<'_, T>,
) -> Result<()> {
    let [height, width, channels] = [plan.target[0] / 2, plan.target[1] / 2, plan.target[2]];
    let (row, image) = (width * channels, height * width * channels);
    let count = lanes::<T>();
    let rows = rows_of_many::<T>(plan, target.len() / image / count, height).div_ceil(2);
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(plan, weight, filters);
        let filters = &*filters;
        let images = TileMut::new(target, target.len() / image, image, image);
        parallel::try_for_each(
            images.into_parts(count, rows * row),
            plan.multiply_adds,
            |(image, place, target)| {
                let rows = place / row * 2..(place + target.cols()) / row * 2;
                let piece = Piece { lanes: Lanes::Images(count), image, rows };
                T::dispatch(Band {
                    plan,
                    borders,
                    source,
                    activation_output: None,
                    filters,
                    piece,
                    target,
                    pooled: true,
                    finish,
                })
            },
        )
    })?
}

/// Target rows of a piece of many images, of which there are so many groups: enough pieces to go
/// round, and what a cache holds.
fn rows_of_many<T: Element>(plan: &Correlation, groups: usize, height: usize) -> usize {
    let by_balance = (groups * height).div_ceil(ITEMS * plan.spread.0);
    let row_bytes = plan.source[1] * plan.source[2] * plan.step.0 * lanes::<T>() * size_of::<T>();
    let by_cache = (PLANES_BYTES / row_bytes.max(1)).saturating_sub(plan.reach());
    by_balance.min(by_cache).max(MIN_ROWS) * plan.spread.0
}

/// What one item computes: some target rows of an image, or of as many as a register has lanes.
#[derive(Debug, Clone)]
struct Piece {
    lanes: Lanes,
    /// The image, or the first of them.
    image: usize,
    /// Target rows; the first is a multiple of the spread.
    rows: Range<usize>,
}

/// Cuts the target, by its shape alone. The images that are left over, and all where results are
/// added, are worked on one by one.
fn pieces<'a, T: Element>(
    plan: &Correlation,
    target: &'a mut [T],
    accumulate: bool,
) -> Vec<(Piece, TileMut<'a, T>)> {
    let [height, width, channels] = plan.target;
    let (row, image) = (width * channels, height * width * channels);
    let mut pieces = Vec::new();
    let mut cut = |target: &'a mut [T], first: usize, lanes: Lanes, rows: usize| {
        let images = TileMut::new(target, target.len() / image, image, image);
        pieces.extend(images.into_parts(lanes.images(), rows * row).map(|(i, place, target)| {
            let rows = place / row..(place + target.cols()) / row;
            (Piece { lanes, image: first + i, rows }, target)
        }));
    };
    let mut done = 0;
    let mut rest = target;
    if let Some(count) =
        images_at_once::<T>(plan.batch, (plan.source[1] * plan.source[2], row), plan.reach())
            .filter(|_| !accumulate)
    {
        let groups = plan.batch / count;
        let rows = rows_of_many::<T>(plan, groups, height);
        done = groups * count;
        let together;
        (together, rest) = rest.split_at_mut(done * image);
        cut(together, 0, Lanes::Images(count), rows);
    }
    cut(rest, done, Lanes::Pixels, plan.band_rows::<T>());
    pieces
}

/// The columns from `first` on that are summed at a time.
fn group(plan: &Correlation, first: usize) -> Range<usize> {
    first..plan.columns.min(first + MAX_CHANNELS)
}

/// The filters of each group of columns, `[filter, depth, column]`.
fn arrange<T: Element>(plan: &Correlation, weight: &[T], filters: &mut [T]) {
    let (depth, columns) = (plan.depth, plan.columns);
    let steps = weight.len() / columns;
    for first in (0..columns).step_by(MAX_CHANNELS) {
        let group = group(plan, first);
        let rows = filters[steps * first..steps * group.end].chunks_exact_mut(group.len());
        for (step, row) in rows.enumerate() {
            for (value, column) in row.iter_mut().zip(group.clone()) {
                *value = if plan.turned {
                    weight[(step / depth * columns + column) * depth + step % depth]
                } else {
                    weight[step * columns + column]
                };
            }
        }
    }
}
