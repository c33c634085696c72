//! Convolution with few target channels: a register holds one channel of many pixels, not many
//! channels of one pixel.
//!
//! With one to eight target channels, registers of channels would stay almost empty: the gradient
//! of an image with three channels, or a first layer of six filters. The source rows of a band are
//! copied into [`planes`], where a register holds either adjacent pixels of one image or the same
//! pixel of a group of images. A target channel is a sum of such registers at the places of the
//! taps; [`band`] brings the results back into the order of an image. [`weight_gradient`]
//! multiplies the planes of the input with the planes of the output's gradient.

mod band;
mod planes;
mod pooled;
mod pooling;
mod weight_gradient;

use std::ops::Range;

use self::band::Band;
use self::planes::Lanes;
pub use self::pooled::run_pooled;
use super::method::{Filters, MaxPooled, Method, Pass};
use super::sweeps::Sweeps;
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::few_channels::MAX_CHANNELS;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, lanes};

/// Fewest pixels of a row for which the method is faster than registers of channels.
const MIN_PIXELS: usize = 8;

/// Items wanted of the work on groups of images.
const ITEMS: usize = 8;

/// Fewest target rows of such an item: the source rows around them are copied more than once.
const MIN_ROWS: usize = 4;

/// Bytes of source rows that such an item may read: a second-level cache holds them.
const PLANES_BYTES: usize = 512 << 10;

/// Registers of pixels, or of images.
pub struct FewChannels;

/// Whether the method can compute a pass. In the forward pass and the gradient of the weights,
/// the pixels of a register must be adjacent.
pub fn supports(pass: Pass, g: &Conv2dGeometry) -> bool {
    g.groups == 1 && (g.window.stride.1 == 1 || pass == Pass::BackwardInput)
}

impl<T: Element> Method<T> for FewChannels {
    fn name(&self) -> &'static str {
        "few_channels"
    }

    fn supports(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        supports(pass, g)
    }

    fn pays(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        let (channels, width) = match pass {
            Pass::BackwardInput => (g.in_channels, g.width.div_ceil(g.window.stride.1)),
            Pass::Forward | Pass::Prediction | Pass::BackwardWeight => {
                (g.out_channels, g.out_width)
            }
        };
        channels <= MAX_CHANNELS && width >= MIN_PIXELS
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        let sweeps = Sweeps::forward(g);
        run(&sweeps, Borders::RowsLeftOut, x, None, filters.unpacked(), y, epilogue)
    }

    fn max_pooled(&self) -> Option<&dyn MaxPooled<T>> {
        Some(self)
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
        let sweeps = Sweeps::backward_input(g);
        let (borders, epilogue) =
            (Borders::LeftOut, Epilogue { accumulate, ..Epilogue::OVERWRITE });
        run(&sweeps, borders, grad_output, activation_output, weight, grad_input, &epilogue)
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
        let grads = (grad_weight, None);
        weight_gradient::run(g, grad_output, activation_output, x, accumulate, grads)
    }

    /// One pass: the planes of the output's gradient serve both.
    fn backward_weight_and_bias(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        (grad_weight, grad_bias): (&mut [T], &mut [T]),
    ) -> Result<()> {
        let grads = (grad_weight, Some(grad_bias));
        weight_gradient::run(g, grad_output, activation_output, x, accumulate, grads)
    }
}

/// How taps that read outside the image are computed. As zeros, they give NaN with a weight that
/// is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borders {
    /// Left out where all pixels that are computed together agree. Faster, but with a weight that
    /// is not finite an image has other bits alone than in a batch.
    LeftOut,
    /// Left out above and below the image, zeros to the left and right.
    RowsLeftOut,
    /// Zeros.
    Zeros,
}

/// `target (+)= epilogue(source * weight)`. Where `activation_output` is given, it has the shape of
/// `source`, and masks it.
///
/// # Errors
/// Out of memory; interrupted.
pub fn run<T: Element>(
    sweeps: &Sweeps,
    borders: Borders,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(sweeps, weight, filters);
        let filters = &*filters;
        let pieces = pieces(sweeps, target, epilogue.accumulate);
        parallel::try_for_each(pieces.into_iter(), sweeps.multiply_adds, |(piece, target)| {
            T::dispatch(Band {
                sweeps,
                borders,
                source,
                activation_output,
                filters,
                piece,
                target,
                pooled: false,
                epilogue,
            })
        })
    })?
}

/// Number of images, from the first on, that a forward pass, then `pooled`, computes in groups.
pub fn images_together<T: Element>(g: &Conv2dGeometry, pooled: bool) -> usize {
    let (height, width) =
        if pooled { (g.out_height / 2, g.out_width / 2) } else { (g.out_height, g.out_width) };
    let rows = (g.width * g.in_channels, width * g.out_channels);
    match group_of_images::<T>(g.batch, rows, g.kernel_h) {
        Some(count) if height > 0 => g.batch / count * count,
        _ => 0,
    }
}

/// Images of a group: one for each lane of a register. None if the batch is smaller, if rows are
/// too short to transpose, or if the caches do not hold the source rows that a few target rows
/// read. Takes the elements of a row of the source and of the target, and the rows of a filter.
fn group_of_images<T: Element>(
    batch: usize,
    (source_row, target_row): (usize, usize),
    kernel_h: usize,
) -> Option<usize> {
    let lanes = lanes::<T>();
    let bytes = source_row.saturating_mul((kernel_h + MIN_ROWS) * lanes * size_of::<T>());
    (batch >= lanes && source_row.min(target_row) >= lanes && bytes <= PLANES_BYTES)
        .then_some(lanes)
}

/// Target rows of an item of a group of images: what a cache holds, and enough items for all
/// threads.
fn rows_of_group<T: Element>(sweeps: &Sweeps, groups: usize, height: usize) -> usize {
    let by_balance = (groups * height).div_ceil(ITEMS * sweeps.spread.0);
    let row = sweeps.source[1] * sweeps.source[2] * sweeps.step.0;
    let row_bytes = row * lanes::<T>() * size_of::<T>();
    let by_cache = (PLANES_BYTES / row_bytes.max(1)).saturating_sub(sweeps.reach());
    by_balance.min(by_cache).max(MIN_ROWS) * sweeps.spread.0
}

/// The part of the target that one item computes.
#[derive(Debug, Clone)]
struct Piece {
    lanes: Lanes,
    /// The image, or the first image of the group.
    image: usize,
    /// Target rows; the first is a multiple of the spread.
    rows: Range<usize>,
}

/// Cuts the target into pieces, by its sizes alone. Images after the last whole group are computed
/// one by one; so are all images if the result is accumulated.
fn pieces<'a, T: Element>(
    sweeps: &Sweeps,
    target: &'a mut [T],
    accumulate: bool,
) -> Vec<(Piece, TileMut<'a, T>)> {
    let [height, width, channels] = sweeps.target;
    let (row, image) = (width * channels, height * width * channels);
    let mut pieces = Vec::new();
    let mut cut = |target: &'a mut [T], first: usize, lanes: Lanes, rows: usize| {
        let images = TileMut::new(target, target.len() / image, image, image);
        pieces.extend(images.into_parts(lanes.images(), rows * row).map(|(i, place, target)| {
            let rows = place / row..(place + target.cols()) / row;
            (Piece { lanes, image: first + i, rows }, target)
        }));
    };
    let source_row = sweeps.source[1] * sweeps.source[2];
    let group = group_of_images::<T>(sweeps.batch, (source_row, row), sweeps.reach());
    let mut done = 0;
    let mut rest = target;
    if let Some(count) = group.filter(|_| !accumulate) {
        let groups = sweeps.batch / count;
        done = groups * count;
        let together;
        (together, rest) = rest.split_at_mut(done * image);
        cut(together, 0, Lanes::Images(count), rows_of_group::<T>(sweeps, groups, height));
    }
    cut(rest, done, Lanes::Pixels, sweeps.band_rows::<T>());
    pieces
}

/// The columns from `first` on that are summed together.
fn group(sweeps: &Sweeps, first: usize) -> Range<usize> {
    first..sweeps.columns.min(first + MAX_CHANNELS)
}

/// Copies the filters of each group of columns, as `[filter, depth, column]`.
fn arrange<T: Element>(sweeps: &Sweeps, weight: &[T], filters: &mut [T]) {
    let (depth, columns) = (sweeps.depth, sweeps.columns);
    let steps = weight.len() / columns;
    for first in (0..columns).step_by(MAX_CHANNELS) {
        let group = group(sweeps, first);
        let rows = filters[steps * first..steps * group.end].chunks_exact_mut(group.len());
        for (step, row) in rows.enumerate() {
            for (value, column) in row.iter_mut().zip(group.clone()) {
                *value = if sweeps.turned {
                    weight[(step / depth * columns + column) * depth + step % depth]
                } else {
                    weight[step * columns + column]
                };
            }
        }
    }
}
