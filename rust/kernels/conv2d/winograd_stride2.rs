//! Winograd's method for 3×3 filters of stride 2 on whole batches; see
//! [`crate::kernels::simd::conv2d::winograd::stride2`].

use std::marker::PhantomData;
use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{SharedMut, with_scratch};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::conv2d::winograd::Tiling;
use crate::kernels::simd::conv2d::winograd::correlate::{
    FilterLayout, PlainFilters, Source, TransformFilters, group_columns,
};
use crate::kernels::simd::conv2d::winograd::stride2::correlate::Block;
use crate::kernels::simd::conv2d::winograd::stride2::transform::{Factors, Gradient, Image, Taps};
use crate::kernels::simd::conv2d::winograd::stride2::weight_gradient::Rectangle;
use crate::kernels::simd::conv2d::winograd::stride2::{
    FILTER_SIDE, GRADIENTS, OUTPUTS, PIXELS, SIDE,
};
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, SharedTiles, TileLayout};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, register_block};

/// Bytes of transformed filters up to which each thread transforms its own tiles.
const PRIVATE_FILTER_BYTES: usize = 2 << 20;

/// Tiles of a block where the transformed tiles are shared: two calls of the widest micro-kernel.
const SHARED_TILES: usize = 28;

/// Blocks that are transformed before they are multiplied.
const SHARED_BLOCKS: usize = 8;

/// Tiles that one item transforms.
const RUN_TILES: usize = 4;

/// Side of a rectangle of the gradient of the weights, in channels.
const RECTANGLE: usize = 64;

/// Bytes of transformed tiles of a gradient of the weights; a longer batch is taken in parts, one
/// after the other.
const TRANSFORMED_BYTES: usize = 64 << 20;

/// Whether the method takes this geometry. The gradient of the input asks that its even and odd
/// rows and columns come in the same order.
pub fn takes(g: &Conv2dGeometry, backward_input: bool) -> bool {
    let padding = g.window.padding;
    let plain = (g.kernel_h, g.kernel_w) == (3, 3)
        && g.window.stride == (2, 2)
        && g.window.dilation == (1, 1)
        && g.groups == 1;
    let reach = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
    plain && reach < 3 && (!backward_input || padding.top == padding.left)
}

/// A correlation; shapes only, no data.
#[derive(Debug, Clone, Copy)]
pub struct Correlation {
    tiling: Tiling,
    layout: FilterLayout,
    /// Pixels of the source from one tile to the next.
    step: usize,
    backward: bool,
    /// Whether an even pixel of the gradient of the input comes first.
    shift: bool,
    /// Rows of the micro-kernel.
    rows: usize,
}

impl Correlation {
    /// The forward pass.
    pub fn forward<T: Element>(g: &Conv2dGeometry) -> Self {
        Self::new::<T>(Tiling::forward(g, OUTPUTS), 2 * OUTPUTS, false, false)
    }

    /// The gradient of the input.
    pub fn backward_input<T: Element>(g: &Conv2dGeometry) -> Self {
        let before = usize::from(g.window.padding.top == 0);
        let tiling = Tiling {
            source: [g.out_height, g.out_width, g.out_channels],
            target: [g.height, g.width, g.in_channels],
            before: (before, before),
            batch: g.batch,
            tiles: (g.height.div_ceil(2 * OUTPUTS), g.width.div_ceil(2 * OUTPUTS)),
        };
        Self::new::<T>(tiling, OUTPUTS, true, g.window.padding.top.is_multiple_of(2))
    }

    fn new<T: Element>(tiling: Tiling, step: usize, backward: bool, shift: bool) -> Self {
        let (width, rows) = register_block::<T>();
        let layout = FilterLayout {
            depth: tiling.source[2],
            columns: tiling.target[2],
            width,
            frequencies: FILTER_SIDE * FILTER_SIDE,
        };
        Self { tiling, layout, step, backward, shift, rows }
    }

    /// Elements of the transformed filters.
    pub fn filters_len(&self) -> usize {
        self.layout.total_len()
    }

    /// Transforms the filters.
    ///
    /// # Errors
    /// Interrupted.
    pub fn transform_filters<T: Element>(&self, weight: &[T], filters: &mut [T]) -> Result<()> {
        let layout = self.layout;
        let cost = layout.total_len() * ELEMENT_COST;
        parallel::for_each(
            filters.chunks_mut(layout.panel_len()).enumerate(),
            cost,
            |(i, panel)| {
                let (filters, first) =
                    (PlainFilters { weight, turned: self.backward }, i * layout.width);
                T::dispatch(TransformFilters::<T, Taps, 3> {
                    filters,
                    layout,
                    first,
                    panel,
                    transform: PhantomData,
                });
            },
        )
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
        with_scratch(self.filters_len(), |filters| {
            self.transform_filters(weight, filters)?;
            self.run(source, activation_output, filters, target, finish)
        })?
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
        match (self.backward, self.shift) {
            (false, _) => {
                self.correlate::<T, false, 0>(source, activation_output, filters, target, finish)
            }
            (true, false) => {
                self.correlate::<T, true, 0>(source, activation_output, filters, target, finish)
            }
            (true, true) => {
                self.correlate::<T, true, 1>(source, activation_output, filters, target, finish)
            }
        }
    }

    fn correlate<T: Element, const BACKWARD: bool, const SHIFT: usize>(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        finish: &Epilogue<'_, T>,
    ) -> Result<()> {
        let (tiling, layout) = (&self.tiling, self.layout);
        let FilterLayout { depth, columns, .. } = layout;
        let tiles = tiling.count();
        let cost = tiles * SIDE * SIDE * depth * columns;
        let places =
            PatchLayout { tiling, shape: tiling.source, step: self.step, before: tiling.before };
        let group = group_columns(&layout);
        let target = SharedMut::new(target);
        let block = |tiles: Range<usize>, columns: Range<usize>, source: Source<'_, T>| {
            let target = &target;
            T::dispatch(Block::<T, BACKWARD, SHIFT> {
                tiling,
                source,
                places,
                filters,
                layout,
                target,
                tiles,
                columns,
                group,
                finish,
            })
        };
        if layout.total_len() * size_of::<T>() <= PRIVATE_FILTER_BYTES {
            let blocks = tiles.div_ceil(self.rows);
            return parallel::try_for_each(0..blocks, cost, |i| {
                block(
                    i * tiles / blocks..(i + 1) * tiles / blocks,
                    0..columns,
                    Source::Images(source, activation_output),
                )
            });
        }
        let groups = columns.div_ceil(group);
        for first in (0..tiles).step_by(SHARED_TILES * SHARED_BLOCKS) {
            let tiles = first..tiles.min(first + SHARED_TILES * SHARED_BLOCKS);
            let blocks = tiles.len().div_ceil(SHARED_TILES);
            let begin = |i: usize| tiles.start + i * tiles.len() / blocks;
            let len = SIDE * SIDE * TileLayout::new(depth, tiles.len().div_ceil(blocks)).frequency;
            with_scratch(blocks * len, |shared: &mut [T]| {
                // Tile `t` of block `i` lies at place `t` of the block's part.
                let whole: Vec<SharedMut<'_, T>> =
                    shared.chunks_mut(len).map(SharedMut::new).collect();
                let runs: Vec<_> = (0..blocks)
                    .flat_map(|i| (begin(i)..begin(i + 1)).step_by(RUN_TILES).map(move |t| (i, t)))
                    .collect();
                parallel::for_each(runs.into_iter(), cost, |(i, tile)| {
                    let layout = TileLayout::new(depth, begin(i + 1) - begin(i));
                    let (tiles, target) =
                        (tile..begin(i + 1).min(tile + RUN_TILES), (&whole[i], tile - begin(i)));
                    if BACKWARD {
                        let transform = Gradient::<SHIFT>;
                        T::dispatch(SharedTiles::<T, _, GRADIENTS> {
                            transform,
                            images: source,
                            activation_output,
                            places,
                            tiles,
                            target,
                            layout,
                        });
                    } else {
                        T::dispatch(SharedTiles::<T, _, PIXELS> {
                            transform: Image,
                            images: source,
                            activation_output,
                            places,
                            tiles,
                            target,
                            layout,
                        });
                    }
                })?;
                drop(whole);
                let shared = &*shared;
                parallel::try_for_each(0..blocks * groups, cost, |item| {
                    let (i, column) = (item % blocks, item / blocks * group);
                    let tiles = Source::Tiles(&shared[i * len..(i + 1) * len]);
                    block(begin(i)..begin(i + 1), column..columns.min(column + group), tiles)
                })
            })??;
        }
        Ok(())
    }
}

/// The gradient of the weights.
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let tiling = &Tiling::forward(g, OUTPUTS);
    let (depth, columns, tiles) = (tiling.source[2], tiling.target[2], tiling.count());
    let per_tile = SIDE
        * SIDE
        * (TileLayout::new(depth, 0).row + TileLayout::new(columns, 0).row)
        * size_of::<T>();
    let at_once = (TRANSFORMED_BYTES / per_tile).max(1);
    if tiles == 0 && !accumulate {
        grad_weight.fill(T::ZERO);
    }
    for first in (0..tiles).step_by(at_once) {
        let run = first..tiles.min(first + at_once);
        let cost = run.len() * SIDE * SIDE * depth * columns;
        let (layout_x, layout_y) =
            (TileLayout::new(depth, run.len()), TileLayout::new(columns, run.len()));
        let accumulate = accumulate || first > 0;
        with_scratch(SIDE * SIDE * layout_x.frequency, |inputs: &mut [T]| {
            with_scratch(SIDE * SIDE * layout_y.frequency, |gradients: &mut [T]| {
                let (to_x, to_y) = (SharedMut::new(inputs), SharedMut::new(gradients));
                parallel::for_each(run.clone().step_by(RUN_TILES), cost, |tile| {
                    let tiles = tile..run.end.min(tile + RUN_TILES);
                    let places = PatchLayout {
                        tiling,
                        shape: tiling.source,
                        step: 2 * OUTPUTS,
                        before: tiling.before,
                    };
                    let (at, target) = (tile - first, (&to_x, tile - first));
                    let part = tiles.clone();
                    T::dispatch(SharedTiles::<T, _, PIXELS> {
                        transform: Image,
                        images: x,
                        activation_output: None,
                        places,
                        tiles: part,
                        target,
                        layout: layout_x,
                    });
                    let places =
                        PatchLayout { tiling, shape: tiling.target, step: OUTPUTS, before: (0, 0) };
                    let target = (&to_y, at);
                    T::dispatch(SharedTiles::<T, _, OUTPUTS> {
                        transform: Factors,
                        images: grad_output,
                        activation_output,
                        places,
                        tiles,
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
                    let (tiles, size) = (run.len(), (depth, columns));
                    T::dispatch(Rectangle {
                        inputs,
                        gradients,
                        tiles,
                        size,
                        part,
                        accumulate,
                        target,
                    })
                })
            })?
        })??;
    }
    Ok(())
}
