//! Winograd's method for 3×3 filters of stride 2; see
//! [`crate::kernels::simd::conv2d::winograd::stride2`] for the transforms.

use std::ops::Range;

use super::shared_tiles::{
    Correlation, Run, SharedTilesSize, TRANSFORMED_BYTES, correlate_shared, sum_rectangles,
    transform_filters, transform_run,
};
use super::{pays_for_sample, single_large_tile};
use crate::kernels::Element;
use crate::kernels::conv2d::method::{Filters, Method, Pass};
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{AlignedBuffer, SharedMut};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::winograd::Tiling;
use crate::kernels::simd::conv2d::winograd::correlate::{
    FilterLayout, PlainFilters, Source, group_columns,
};
use crate::kernels::simd::conv2d::winograd::stride2::correlate::Block;
use crate::kernels::simd::conv2d::winograd::stride2::transform::{Factors, Gradient, Image, Taps};
use crate::kernels::simd::conv2d::winograd::stride2::weight_gradient::Rectangle;
use crate::kernels::simd::conv2d::winograd::stride2::{
    FILTER_SIDE, GRADIENTS, OUTPUTS, PIXELS, SIDE,
};
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, TileLayout};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, register_block};

/// Fewest channels, both in and out, for which the transforms pay.
const CHANNELS: usize = 32;

/// Input channels times filters from which on the transforms pay in the gradient of the weights.
const WEIGHT_CHANNELS: usize = 128 * 128;

/// Bytes of transformed filters up to which each block transforms its own tiles.
const PRIVATE_FILTER_BYTES: usize = 2 << 20;

/// Most tiles of a block with shared tiles: two calls of the widest micro-kernel.
const SHARED_TILES: usize = 28;

/// Frequencies of a tile.
const FREQUENCIES: usize = SIDE * SIDE;

/// Winograd's method on tiles of 4×4 outputs, for 3×3 filters of stride 2.
pub struct WinogradStride2;

impl<T: Element> Method<T> for WinogradStride2 {
    fn name(&self) -> &'static str {
        "winograd_stride2"
    }

    /// In the gradient of the input, the even and odd rows must come in the same order as the even
    /// and odd columns.
    fn supports(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        let padding = g.window.padding;
        let plain = (g.kernel_h, g.kernel_w) == (3, 3)
            && g.window.stride == (2, 2)
            && g.window.dilation == (1, 1)
            && g.groups == 1;
        let reach = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
        plain && reach < 3 && (pass != Pass::BackwardInput || padding.top == padding.left)
    }

    fn pays(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        let enough = match pass {
            Pass::BackwardWeight => g.in_channels * g.out_channels >= WEIGHT_CHANNELS,
            Pass::Prediction => !single_large_tile(g),
            Pass::Forward | Pass::BackwardInput => true,
        };
        enough && pays_for_sample::<T>(g, CHANNELS)
    }

    fn prepare(&self, g: &Conv2dGeometry, weight: &[T]) -> Result<AlignedBuffer<T>> {
        Stride2::forward::<T>(g).prepare(weight)
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        Correlation::forward(&Stride2::forward::<T>(g), x, filters, epilogue, y)
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
        let epilogue = Epilogue { accumulate, ..Epilogue::OVERWRITE };
        Stride2::backward_input::<T>(g).run_plain(
            grad_output,
            activation_output,
            weight,
            grad_input,
            &epilogue,
        )
    }

    /// A batch whose transformed tiles are too large is computed in parts, one after another.
    fn backward_weight(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        grad_weight: &mut [T],
    ) -> Result<()> {
        let tiling = &Tiling::forward(g, OUTPUTS);
        let (depth, columns, tiles) = (g.in_channels, g.out_channels, tiling.count());
        let per_tile = TileLayout::new(depth, 0).row + TileLayout::new(columns, 0).row;
        let tile_bytes = FREQUENCIES * per_tile * size_of::<T>();
        let at_once = (TRANSFORMED_BYTES / tile_bytes).max(1);
        if tiles == 0 && !accumulate {
            grad_weight.fill(T::ZERO);
        }
        for first in (0..tiles).step_by(at_once) {
            let run = first..tiles.min(first + at_once);
            let accumulate = accumulate || first > 0;
            weight_gradient(
                tiling,
                run,
                grad_output,
                activation_output,
                x,
                accumulate,
                grad_weight,
            )?;
        }
        Ok(())
    }
}

/// The gradient of the weights over a run of tiles.
fn weight_gradient<T: Element>(
    tiling: &Tiling,
    run: Range<usize>,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (size, count) = ((tiling.source[2], tiling.target[2]), run.len());
    let places_x =
        PatchLayout { tiling, shape: tiling.source, step: 2 * OUTPUTS, before: tiling.before };
    let places_y = PatchLayout { tiling, shape: tiling.target, step: OUTPUTS, before: (0, 0) };
    let target = &SharedMut::new(grad_weight);
    let transform = |inputs: Run<'_, T>, gradients: Run<'_, T>| {
        transform_run::<T, _, PIXELS>(Image, x, None, places_x, inputs);
        transform_run::<T, _, OUTPUTS>(
            Factors,
            grad_output,
            activation_output,
            places_y,
            gradients,
        );
    };
    sum_rectangles(run, size, FREQUENCIES, transform, |tiles| {
        T::dispatch(Rectangle {
            inputs: tiles.inputs,
            gradients: tiles.gradients,
            tiles: count,
            size,
            part: tiles.part,
            accumulate,
            target,
        })
    })
}

/// A correlation of stride 2, or its gradient of the input.
#[derive(Debug, Clone, Copy)]
struct Stride2 {
    tiling: Tiling,
    layout: FilterLayout,
    /// Pixels of the source from one tile to the next.
    step: usize,
    /// The gradient of the input.
    backward: bool,
    /// An even pixel of the gradient of the input comes first.
    shift: bool,
    /// Rows of the micro-kernel.
    rows: usize,
}

impl Stride2 {
    fn forward<T: Element>(g: &Conv2dGeometry) -> Self {
        Self::new::<T>(Tiling::forward(g, OUTPUTS), 2 * OUTPUTS, false, false)
    }

    fn backward_input<T: Element>(g: &Conv2dGeometry) -> Self {
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
        let (depth, columns) = (tiling.source[2], tiling.target[2]);
        let frequencies = FILTER_SIDE * FILTER_SIDE;
        let layout = FilterLayout { depth, columns, width, frequencies };
        Self { tiling, layout, step, backward, shift, rows }
    }

    fn correlate<T: Element, const BACKWARD: bool, const SHIFT: usize>(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()> {
        let (tiling, layout, tiles) = (&self.tiling, self.layout, self.tiling.count());
        let (columns, group) = (layout.columns, group_columns(&layout));
        let cost = tiles * FREQUENCIES * layout.depth * columns;
        let places =
            PatchLayout { tiling, shape: tiling.source, step: self.step, before: tiling.before };
        let target = &SharedMut::new(target);
        let block = |tiles: Range<usize>, columns: Range<usize>, source: Source<'_, T>| {
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
                finish: epilogue,
            })
        };
        if layout.total_len() * size_of::<T>() <= PRIVATE_FILTER_BYTES {
            let blocks = tiles.div_ceil(self.rows);
            return parallel::try_for_each(0..blocks, cost, |i| {
                let run = i * tiles / blocks..(i + 1) * tiles / blocks;
                block(run, 0..columns, Source::Images(source, activation_output))
            });
        }
        let size = SharedTilesSize { tiles, block: SHARED_TILES, frequencies: FREQUENCIES, cost };
        let transform = |run: Run<'_, T>| {
            if BACKWARD {
                let by = Gradient::<SHIFT>;
                transform_run::<T, _, GRADIENTS>(by, source, activation_output, places, run);
            } else {
                transform_run::<T, _, PIXELS>(Image, source, activation_output, places, run);
            }
        };
        correlate_shared(size, &layout, transform, block)
    }
}

impl<T: Element> Correlation<T> for Stride2 {
    fn layout(&self) -> FilterLayout {
        self.layout
    }

    fn transform_filters(&self, weight: &[T], filters: &mut [T]) -> Result<()> {
        let plain = PlainFilters { weight, turned: self.backward };
        transform_filters::<T, Taps, 3>(self.layout, plain, filters)
    }

    fn run(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()> {
        let correlate = match (self.backward, self.shift) {
            (false, _) => Self::correlate::<T, false, 0>,
            (true, false) => Self::correlate::<T, true, 0>,
            (true, true) => Self::correlate::<T, true, 1>,
        };
        correlate(self, source, activation_output, filters, target, epilogue)
    }
}
