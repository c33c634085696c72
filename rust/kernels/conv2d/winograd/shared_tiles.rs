//! What both strides of Winograd's method repeat: filters that are transformed once, and tiles that
//! are transformed once for all threads.
//!
//! While the transformed filters fit in a cache, each block of tiles is transformed and multiplied
//! by one thread. Larger filters would stream from memory for every block. Then the tiles of
//! several blocks are transformed into an array that all threads share, and each item multiplies
//! the tiles of a block with a few columns of the filters.

use std::marker::PhantomData;
use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::conv2d::method;
use crate::kernels::error::Result;
use crate::kernels::memory::{AlignedBuffer, SharedMut, with_scratch};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::conv2d::winograd::Transform;
use crate::kernels::simd::conv2d::winograd::correlate::{
    FilterLayout, PlainFilters, Source, TransformFilters, group_columns,
};
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, SharedTiles, TileLayout};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;

/// Blocks that are transformed before they are multiplied.
const SHARED_BLOCKS: usize = 8;

/// Tiles that one item transforms.
const RUN_TILES: usize = 4;

/// Side of a rectangle of the gradient of the weights, in channels.
const RECTANGLE: usize = 64;

/// Bytes that the shared transformed tiles of a weight gradient may take.
pub(super) const TRANSFORMED_BYTES: usize = 64 << 20;

/// A correlation by Winograd's method; sizes only, no data.
pub(super) trait Correlation<T: Element> {
    /// The layout of the transformed filters.
    fn layout(&self) -> FilterLayout;

    /// Transforms the filters.
    fn transform_filters(&self, weight: &[T], filters: &mut [T]) -> Result<()>;

    /// `target (+)= epilogue(source * filters)`, with transformed filters. Where
    /// `activation_output` is given, it has the shape of `source`, and masks it.
    fn run(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()>;

    /// [`Self::run`] with plain filters.
    fn run_plain(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()> {
        transform_and_run(self, source, activation_output, weight, target, epilogue)
    }

    /// Transforms the filters for repeated use.
    fn prepare(&self, weight: &[T]) -> Result<AlignedBuffer<T>> {
        let mut filters = AlignedBuffer::zeroed(self.layout().total_len())?;
        self.transform_filters(weight, &mut filters)?;
        Ok(filters)
    }

    /// The forward pass.
    fn forward(
        &self,
        x: &[T],
        filters: method::Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        match filters {
            method::Filters::Plain(weight) => self.run_plain(x, None, weight, y, epilogue),
            method::Filters::Prepared(filters) => self.run(x, None, filters, y, epilogue),
        }
    }
}

/// Transforms the filters into scratch, and runs a correlation.
pub(super) fn transform_and_run<T: Element, C: Correlation<T> + ?Sized>(
    correlation: &C,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    with_scratch(correlation.layout().total_len(), |filters| {
        correlation.transform_filters(weight, filters)?;
        correlation.run(source, activation_output, filters, target, epilogue)
    })?
}

/// Transforms the filters of all panels by `K`.
pub(super) fn transform_filters<T: Element, K: Transform<T, R>, const R: usize>(
    layout: FilterLayout,
    filters: PlainFilters<'_, T>,
    panels: &mut [T],
) -> Result<()> {
    let cost = layout.total_len() * ELEMENT_COST;
    parallel::for_each(panels.chunks_mut(layout.panel_len()).enumerate(), cost, |(i, panel)| {
        let (first, transform) = (i * layout.width, PhantomData);
        T::dispatch(TransformFilters::<T, K, R> { filters, layout, first, panel, transform });
    })
}

/// A run of tiles, and where their transforms are stored: the shared array, the place of the first
/// tile in it, and its layout.
pub(super) struct Run<'a, T> {
    pub(super) tiles: Range<usize>,
    pub(super) target: (&'a SharedMut<'a, T>, usize),
    pub(super) layout: TileLayout,
}

/// Transforms the `SIZE × SIZE` patches of a run of tiles. Where `activation_output` is given, it has
/// the shape of `images`, and masks them.
pub(super) fn transform_run<T: Element, K: Transform<T, SIZE>, const SIZE: usize>(
    transform: K,
    images: &[T],
    activation_output: Option<&[T]>,
    places: PatchLayout<'_>,
    run: Run<'_, T>,
) {
    let Run { tiles, target, layout } = run;
    T::dispatch(SharedTiles::<T, K, SIZE> {
        transform,
        images,
        activation_output,
        places,
        tiles,
        target,
        layout,
    });
}

/// The sizes of a correlation with shared tiles.
#[derive(Clone, Copy)]
pub(super) struct SharedTilesSize {
    /// Tiles in all.
    pub(super) tiles: usize,
    /// Most tiles of a block.
    pub(super) block: usize,
    /// Frequencies of a tile.
    pub(super) frequencies: usize,
    /// Cost in multiply-adds.
    pub(super) cost: usize,
}

/// Transforms the tiles of some blocks for all threads, then multiplies each block with each group
/// of columns; and so on until all tiles are done.
pub(super) fn correlate_shared<T: Element>(
    size: SharedTilesSize,
    filters: &FilterLayout,
    transform: impl Fn(Run<'_, T>) + Sync,
    multiply: impl Fn(Range<usize>, Range<usize>, Source<'_, T>) -> Result<()> + Sync,
) -> Result<()> {
    let SharedTilesSize { tiles, block, frequencies, cost } = size;
    let FilterLayout { depth, columns, .. } = *filters;
    let group = group_columns(filters);
    let groups = columns.div_ceil(group);
    for first in (0..tiles).step_by(block * SHARED_BLOCKS) {
        let tiles = first..tiles.min(first + block * SHARED_BLOCKS);
        let blocks = tiles.len().div_ceil(block);
        let begin = |i: usize| tiles.start + i * tiles.len() / blocks;
        let len = frequencies * TileLayout::new(depth, tiles.len().div_ceil(blocks)).frequency;
        with_scratch(blocks * len, |shared: &mut [T]| {
            // Tile `t` of block `i` is stored at place `t` of the block's part.
            let parts: Vec<SharedMut<'_, T>> = shared.chunks_mut(len).map(SharedMut::new).collect();
            let runs: Vec<_> = (0..blocks)
                .flat_map(|i| (begin(i)..begin(i + 1)).step_by(RUN_TILES).map(move |t| (i, t)))
                .collect();
            parallel::for_each(runs.into_iter(), cost, |(i, tile)| {
                transform(Run {
                    tiles: tile..begin(i + 1).min(tile + RUN_TILES),
                    target: (&parts[i], tile - begin(i)),
                    layout: TileLayout::new(depth, begin(i + 1) - begin(i)),
                });
            })?;
            drop(parts);
            let shared = &*shared;
            parallel::try_for_each(0..blocks * groups, cost, |item| {
                let (i, column) = (item % blocks, item / blocks * group);
                let tiles = Source::Tiles(&shared[i * len..(i + 1) * len]);
                multiply(begin(i)..begin(i + 1), column..columns.min(column + group), tiles)
            })
        })??;
    }
    Ok(())
}

/// The transformed tiles of the input and of the output's gradient, for a rectangle of the gradient
/// of the weights.
pub(super) struct RectangleTiles<'a, T> {
    /// Transformed inputs, and their layout.
    pub(super) inputs: (&'a [T], TileLayout),
    /// Transformed gradients, and their layout.
    pub(super) gradients: (&'a [T], TileLayout),
    /// The rectangle: input channels and filters.
    pub(super) part: (Range<usize>, Range<usize>),
}

/// Transforms `tiles` of the input and of the output's gradient for all threads, then computes the
/// gradient of the weights, `depth × columns` channels, in rectangles.
pub(super) fn sum_rectangles<T: Element>(
    tiles: Range<usize>,
    (depth, columns): (usize, usize),
    frequencies: usize,
    transform: impl Fn(Run<'_, T>, Run<'_, T>) + Sync,
    sum: impl Fn(RectangleTiles<'_, T>) -> Result<()> + Sync,
) -> Result<()> {
    let cost = tiles.len() * frequencies * depth * columns;
    let layout_x = TileLayout::new(depth, tiles.len());
    let layout_y = TileLayout::new(columns, tiles.len());
    with_scratch(frequencies * layout_x.frequency, |inputs: &mut [T]| {
        with_scratch(frequencies * layout_y.frequency, |gradients: &mut [T]| {
            let (to_x, to_y) = (SharedMut::new(inputs), SharedMut::new(gradients));
            parallel::for_each(tiles.clone().step_by(RUN_TILES), cost, |tile| {
                let run = tile..tiles.end.min(tile + RUN_TILES);
                let place = tile - tiles.start;
                transform(
                    Run { tiles: run.clone(), target: (&to_x, place), layout: layout_x },
                    Run { tiles: run, target: (&to_y, place), layout: layout_y },
                );
            })?;
            let (inputs, gradients) = ((&*inputs, layout_x), (&*gradients, layout_y));
            let (down, across) = (depth.div_ceil(RECTANGLE), columns.div_ceil(RECTANGLE));
            parallel::try_for_each(0..down * across, cost, |item| {
                let (channel, column) = (item / across * RECTANGLE, item % across * RECTANGLE);
                let channels = channel..depth.min(channel + RECTANGLE);
                let filters = column..columns.min(column + RECTANGLE);
                sum(RectangleTiles { inputs, gradients, part: (channels, filters) })
            })
        })?
    })?
}
