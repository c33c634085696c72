//! Winograd's method on whole batches: which sizes it takes, and how its blocks are handed to
//! threads.
//!
//! Filters of 3×3 and 5×5 at stride 1 without dilation or groups. Output tiles are 4×4 or 2×2; see
//! [`crate::kernels::simd::conv2d::winograd`].

use std::marker::PhantomData;
use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{SharedMut, with_scratch};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::conv2d::winograd::Tiling;
use crate::kernels::simd::conv2d::winograd::correlate::{
    Block, FilterLayout, Filters, PlainFilters, Source, TransformFilters, block_tiles,
    group_columns,
};
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, SharedTiles, TileLayout};
use crate::kernels::simd::conv2d::winograd::transform::{Filter, Input};
use crate::kernels::simd::conv2d::winograd::weight_gradient::{self, Finishing, Rectangle, Share};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, register_block};

/// Bytes that the sums of all shares of a weight gradient may take; at least two shares are made
/// where there is work for two.
const SUMS_BYTES: usize = 48 << 20;

/// Shares of a weight gradient, at most.
const SHARES: usize = 8;

/// Bytes of transformed filters up to which each thread transforms its own tiles: the filters then
/// stream from the second- or third-level cache for every block of tiles.
const PRIVATE_FILTER_BYTES: usize = 4 << 20;

/// Blocks up to which their number is made even, lest one of two threads be left with the odd one.
const FEW_BLOCKS: usize = 16;

/// Tiles of a block where the transformed tiles are shared.
const SHARED_TILES: usize = 64;

/// Blocks that are transformed before they are multiplied.
const SHARED_BLOCKS: usize = 8;

/// Tiles that one item transforms.
const RUN_TILES: usize = 4;

/// Input channels times filters from which the gradient of the weights is made in rectangles.
const RECTANGLE_CHANNELS: usize = 96 * 96;

/// Side of a rectangle, in channels.
const RECTANGLE: usize = 64;

/// Bytes that the shared transformed tiles of a weight gradient may take.
const TRANSFORMED_BYTES: usize = 64 << 20;

/// Output pixels of a tile along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outputs {
    /// F(2×2): less error.
    Two,
    /// F(4×4): fewer multiplications.
    Four,
}

impl Outputs {
    fn size(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// Whether the method takes this geometry; the passes backward also ask that the padding be smaller
/// than the filter.
pub fn takes(g: &Conv2dGeometry, forward: bool) -> bool {
    let padding = g.window.padding;
    let square = g.kernel_h == g.kernel_w && matches!(g.kernel_h, 3 | 5);
    let plain = g.window.stride == (1, 1) && g.window.dilation == (1, 1) && g.groups == 1;
    let reach = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
    square && plain && (forward || reach < g.kernel_h)
}

/// Calls `$call` with the tile and kernel sizes as constants.
macro_rules! by_size {
    ($outputs:expr, $kernel:expr, $call:ident($($argument:expr),* $(,)?)) => {
        match ($outputs, $kernel) {
            (Outputs::Two, 3) => $call::<T, 4, 2, 3>($($argument),*),
            (Outputs::Four, 3) => $call::<T, 6, 4, 3>($($argument),*),
            (Outputs::Two, _) => $call::<T, 6, 2, 5>($($argument),*),
            (Outputs::Four, _) => $call::<T, 8, 4, 5>($($argument),*),
        }
    };
}

/// A correlation by Winograd's method; shapes only, no data.
#[derive(Debug, Clone, Copy)]
pub struct Correlation {
    outputs: Outputs,
    kernel: usize,
    tiling: Tiling,
    layout: FilterLayout,
    turned: bool,
    /// Rows of the micro-kernel.
    rows: usize,
}

impl Correlation {
    /// The forward pass.
    pub fn forward<T: Element>(g: &Conv2dGeometry, outputs: Outputs) -> Self {
        Self::new::<T>(g, outputs, Tiling::forward(g, outputs.size()), false)
    }

    /// The gradient of the input.
    pub fn backward_input<T: Element>(g: &Conv2dGeometry, outputs: Outputs) -> Self {
        Self::new::<T>(g, outputs, Tiling::backward_input(g, outputs.size()), true)
    }

    fn new<T: Element>(g: &Conv2dGeometry, outputs: Outputs, tiling: Tiling, turned: bool) -> Self {
        let (width, rows) = register_block::<T>();
        let tile = outputs.size() + g.kernel_h - 1;
        let layout = FilterLayout {
            depth: tiling.source[2],
            columns: tiling.target[2],
            width,
            frequencies: tile * tile,
        };
        Self { outputs, kernel: g.kernel_h, tiling, layout, turned, rows }
    }

    /// Elements of the transformed filters.
    pub fn filters_len(&self) -> usize {
        self.layout.total_len()
    }

    /// Transforms the filters.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn transform_filters<T: Element>(&self, weight: &[T], filters: &mut [T]) -> Result<()> {
        by_size!(self.outputs, self.kernel, transform_filters(self, weight, filters))
    }

    /// As [`Self::run`], with the filters as they are.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn run_plain<T: Element>(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        target: &mut [T],
        finish: &Epilogue<'_, T>,
    ) -> Result<()> {
        if !self.private_tiles::<T>() && self.tiling.count() <= SHARED_TILES {
            let filters = Filters::Plain(PlainFilters { weight, turned: self.turned });
            return by_size!(
                self.outputs,
                self.kernel,
                correlate(self, source, activation_output, filters, target, finish)
            );
        }
        with_scratch(self.filters_len(), |filters| {
            self.transform_filters(weight, filters)?;
            self.run(source, activation_output, filters, target, finish)
        })?
    }

    /// Whether each block transforms its own tiles.
    fn private_tiles<T>(&self) -> bool {
        self.layout.total_len() * size_of::<T>() <= PRIVATE_FILTER_BYTES
    }

    /// Blocks of tiles where each transforms its own: as many as the cache asks for, an even number
    /// if they are few.
    fn private_blocks<T>(&self) -> usize {
        let FilterLayout { depth, frequencies, .. } = self.layout;
        let tiles = self.tiling.count();
        let blocks = tiles.div_ceil(block_tiles::<T>(depth, frequencies, self.rows));
        if blocks <= FEW_BLOCKS { blocks.next_multiple_of(2).min(tiles) } else { blocks }
    }

    /// `target (+)= source * filters`, finished as asked. `activation_output` lets through the source where it
    /// is positive.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn run<T: Element>(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        finish: &Epilogue<'_, T>,
    ) -> Result<()> {
        by_size!(
            self.outputs,
            self.kernel,
            correlate(
                self,
                source,
                activation_output,
                Filters::Transformed(filters),
                target,
                finish
            )
        )
    }
}

fn transform_filters<T: Element, const N: usize, const M: usize, const R: usize>(
    plan: &Correlation,
    weight: &[T],
    filters: &mut [T],
) -> Result<()> {
    let layout = plan.layout;
    let cost = layout.total_len() * ELEMENT_COST;
    parallel::for_each(filters.chunks_mut(layout.panel_len()).enumerate(), cost, |(i, panel)| {
        let filters = PlainFilters { weight, turned: plan.turned };
        let first = i * layout.width;
        T::dispatch(TransformFilters::<T, Filter<N>, R> {
            filters,
            layout,
            first,
            panel,
            transform: PhantomData,
        });
    })
}

fn correlate<T: Element, const N: usize, const M: usize, const R: usize>(
    plan: &Correlation,
    source: &[T],
    activation_output: Option<&[T]>,
    filters: Filters<'_, T>,
    target: &mut [T],
    finish: &Epilogue<'_, T>,
) -> Result<()> {
    let FilterLayout { depth, columns, frequencies, .. } = plan.layout;
    let tiles = plan.tiling.count();
    let cost = tiles * frequencies * depth * columns;
    let target = SharedMut::new(target);
    let block = |first: usize,
                 end: usize,
                 ahead: Range<usize>,
                 columns: Range<usize>,
                 source: Source<'_, T>| {
        let (tiling, layout, target, count) = (&plan.tiling, plan.layout, &target, end - first);
        T::dispatch(Block::<T, N, M, R> {
            tiling,
            source,
            filters,
            layout,
            target,
            first,
            count,
            ahead,
            columns,
            finish,
        })
    };
    if plan.private_tiles::<T>() {
        let blocks = plan.private_blocks::<T>();
        let begin = |i: usize| i.min(blocks) * tiles / blocks;
        return parallel::try_for_each(0..blocks, cost, |i| {
            // The block behind is the one that this thread is likely to take next.
            block(
                begin(i),
                begin(i + 1),
                begin(i + 1)..begin(i + 2),
                0..columns,
                Source::Images(source, activation_output),
            )
        });
    }
    let group = group_columns(&plan.layout);
    let groups = columns.div_ceil(group);
    let places = PatchLayout {
        tiling: &plan.tiling,
        shape: plan.tiling.source,
        step: M,
        before: plan.tiling.before,
    };
    for first in (0..tiles).step_by(SHARED_TILES * SHARED_BLOCKS) {
        let tiles = first..tiles.min(first + SHARED_TILES * SHARED_BLOCKS);
        let blocks = tiles.len().div_ceil(SHARED_TILES);
        let begin = |i: usize| tiles.start + i * tiles.len() / blocks;
        let layout = TileLayout::new(depth, tiles.len().div_ceil(blocks));
        let len = frequencies * layout.frequency;
        with_scratch(blocks * len, |shared: &mut [T]| {
            // Tile `t` of block `i` lies at place `t` of the block's part.
            let whole: Vec<SharedMut<'_, T>> = shared.chunks_mut(len).map(SharedMut::new).collect();
            let runs: Vec<_> = (0..blocks)
                .flat_map(|i| (begin(i)..begin(i + 1)).step_by(RUN_TILES).map(move |t| (i, t)))
                .collect();
            parallel::for_each(runs.into_iter(), cost, |(i, tile)| {
                let layout = TileLayout::new(depth, begin(i + 1) - begin(i));
                let run = tile..begin(i + 1).min(tile + RUN_TILES);
                let target = (&whole[i], tile - begin(i));
                T::dispatch(SharedTiles::<T, _, N> {
                    transform: Input,
                    images: source,
                    activation_output,
                    places,
                    tiles: run,
                    target,
                    layout,
                });
            })?;
            drop(whole);
            let shared = &*shared;
            parallel::try_for_each(0..blocks * groups, cost, |item| {
                let (i, column) = (item % blocks, item / blocks * group);
                block(
                    begin(i),
                    begin(i + 1),
                    0..0,
                    column..columns.min(column + group),
                    Source::Tiles(&shared[i * len..(i + 1) * len]),
                )
            })
        })??;
    }
    Ok(())
}

/// The gradient of the weights; see [`super::backward_weight`].
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    outputs: Outputs,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let tiling = Tiling::forward(g, outputs.size());
    by_size!(
        outputs,
        g.kernel_h,
        weight_gradient(&tiling, grad_output, activation_output, x, accumulate, grad_weight)
    )
}

fn weight_gradient<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (depth, columns) = (tiling.source[2], tiling.target[2]);
    let share_len = N * N * weight_gradient::frequency_stride(depth, columns);
    let tiles = tiling.count();
    let (layout_x, layout_y) = (TileLayout::new(depth, tiles), TileLayout::new(columns, tiles));
    let transformed_len = N * N * (layout_x.frequency + layout_y.frequency);
    if depth * columns >= RECTANGLE_CHANNELS
        && transformed_len * size_of::<T>() <= TRANSFORMED_BYTES
        && tiles > 0
    {
        return rectangles::<T, N, M, R>(
            tiling,
            (layout_x, layout_y),
            grad_output,
            activation_output,
            x,
            accumulate,
            grad_weight,
        );
    }
    let by_memory = (SUMS_BYTES / (share_len * size_of::<T>())).clamp(2, SHARES);
    let shares = tiles
        .div_ceil(weight_gradient::block_tiles::<T>(depth, columns, N * N))
        .clamp(1, by_memory);
    with_scratch(share_len * shares, |sums: &mut [T]| {
        let items = sums.chunks_mut(share_len).enumerate();
        parallel::try_for_each(items, tiles * N * N * depth * columns, |(i, sums)| {
            let tiles = i * tiles / shares..(i + 1) * tiles / shares;
            T::dispatch(Share::<T, N, M> { tiling, x, grad_output, activation_output, tiles, sums })
        })?;
        with_scratch(depth * R * R * columns, |rows: &mut [T]| {
            let sums = &*sums;
            let cost = share_len * shares * ELEMENT_COST;
            parallel::for_each(
                rows.chunks_mut(R * R * columns).enumerate(),
                cost,
                |(channel, rows)| {
                    T::dispatch(Finishing::<T, N, R> {
                        sums,
                        share_len,
                        size: (depth, columns),
                        channel,
                        rows,
                    });
                },
            )?;
            for (channel, rows) in rows.chunks_exact(R * R * columns).enumerate() {
                for (tap, row) in rows.chunks_exact(columns).enumerate() {
                    let target = &mut grad_weight[(tap * depth + channel) * columns..][..columns];
                    if accumulate {
                        target.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
                    } else {
                        target.copy_from_slice(row);
                    }
                }
            }
            Ok(())
        })?
    })?
}

/// The gradient of the weights from tiles that all threads share.
fn rectangles<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    (layout_x, layout_y): (TileLayout, TileLayout),
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (depth, columns, tiles) = (tiling.source[2], tiling.target[2], tiling.count());
    let cost = tiles * N * N * depth * columns;
    with_scratch(N * N * layout_x.frequency, |inputs: &mut [T]| {
        with_scratch(N * N * layout_y.frequency, |gradients: &mut [T]| {
            let (to_x, to_y) = (SharedMut::new(inputs), SharedMut::new(gradients));
            parallel::for_each((0..tiles).step_by(RUN_TILES), cost, |tile| {
                let run = tile..tiles.min(tile + RUN_TILES);
                let places =
                    PatchLayout { tiling, shape: tiling.source, step: M, before: tiling.before };
                let target = (&to_x, tile);
                let tiles = run.clone();
                T::dispatch(SharedTiles::<T, _, N> {
                    transform: Input,
                    images: x,
                    activation_output: None,
                    places,
                    tiles,
                    target,
                    layout: layout_x,
                });
                let places = PatchLayout { shape: tiling.target, before: (0, 0), ..places };
                let target = (&to_y, tile);
                T::dispatch(SharedTiles::<T, _, M> {
                    transform: Filter::<N>,
                    images: grad_output,
                    activation_output,
                    places,
                    tiles: run,
                    target,
                    layout: layout_y,
                });
            })?;
            let (inputs, gradients) = (&*inputs, &*gradients);
            let (down, across) = (depth.div_ceil(RECTANGLE), columns.div_ceil(RECTANGLE));
            let target = SharedMut::new(grad_weight);
            parallel::try_for_each(0..down * across, cost, |item| {
                let (channel, column) = (item / across * RECTANGLE, item % across * RECTANGLE);
                let part = (
                    channel..depth.min(channel + RECTANGLE),
                    column..columns.min(column + RECTANGLE),
                );
                let (inputs, gradients, target) =
                    ((inputs, layout_x), (gradients, layout_y), &target);
                T::dispatch(Rectangle::<T, N, R> {
                    inputs,
                    gradients,
                    tiles,
                    size: (depth, columns),
                    part,
                    accumulate,
                    target,
                })
            })
        })?
    })?
}
