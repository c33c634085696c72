//! Winograd's method: fewer multiplications, at some cost in rounding error.
//!
//! [`Winograd`] computes 3×3 and 5×5 filters of stride 1, without dilation or groups, on tiles of
//! 4×4 or 2×2 outputs. [`WinogradStride2`] computes 3×3 filters of stride 2. The transforms are
//! in [`crate::kernels::simd::conv2d::winograd`]; this module cuts a batch into blocks of tiles.

mod shared_tiles;
mod stride2;
mod weight_gradient;

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

use self::shared_tiles::{Correlation, Run, SharedTilesSize, correlate_shared, transform_run};
pub use self::stride2::WinogradStride2;
use super::method::{Filters, Method, Pass};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{AlignedBuffer, SharedMut};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::winograd::Tiling;
use crate::kernels::simd::conv2d::winograd::correlate::{
    self, Block, FilterLayout, PlainFilters, Source, block_tiles,
};
use crate::kernels::simd::conv2d::winograd::tiles::PatchLayout;
use crate::kernels::simd::conv2d::winograd::transform::{Filter, Input};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, register_block};

/// Fewest channels, both in and out, for which the transforms pay.
const CHANNELS: usize = 16;

/// Input channels times filters from which on reading the filters from memory bounds the
/// prediction of a sample of one tile.
const SINGLE_TILE_FILTERS: usize = 192 * 192;

/// Bytes of transformed filters up to which each block transforms its own tiles: for every block,
/// the filters then stream from the second- or third-level cache.
const PRIVATE_FILTER_BYTES: usize = 4 << 20;

/// Number of blocks up to which it is made even: with two threads, neither computes an odd one
/// alone.
const FEW_BLOCKS: usize = 16;

/// Most tiles of a block with shared tiles.
const SHARED_TILES: usize = 64;

/// 0: not decided yet, read the environment; 1: off; 2: on.
static ENABLED: AtomicU8 = AtomicU8::new(0);

/// Allows or forbids the choice of Winograd's method. Without it, all sums are accumulated plainly.
/// A method that is chosen by name is not affected.
pub fn set_winograd(enabled: bool) {
    ENABLED.store(1 + u8::from(enabled), Ordering::Relaxed);
}

/// Whether Winograd's method may be chosen. By default yes, unless `CNNRS_WINOGRAD` is `off` or
/// `0`.
pub fn winograd_enabled() -> bool {
    match ENABLED.load(Ordering::Relaxed) {
        0 => {
            let enabled = !matches!(std::env::var("CNNRS_WINOGRAD").as_deref(), Ok("off" | "0"));
            set_winograd(enabled);
            enabled
        }
        state => state == 2,
    }
}

/// Whether the method is enabled and the transforms pay: for `f32`, with at least `channels`
/// channels and filters, and outputs of at least 3×3 (see `BENCHMARKS.md`).
fn pays_for_sample<T>(g: &Conv2dGeometry, channels: usize) -> bool {
    size_of::<T>() == size_of::<f32>()
        && winograd_enabled()
        && g.out_height.min(g.out_width) >= 3
        && g.in_channels.min(g.out_channels) >= channels
}

/// Whether a sample is one tile of 4×4 outputs with many filters, which are then read from memory
/// for that tile alone.
fn single_large_tile(g: &Conv2dGeometry) -> bool {
    g.out_height.max(g.out_width) <= 4 && g.in_channels * g.out_channels >= SINGLE_TILE_FILTERS
}

/// Output pixels of a tile along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outputs {
    /// F(2×2): smaller rounding error.
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

/// Winograd's method for filters of stride 1.
pub struct Winograd(pub Outputs);

impl<T: Element> Method<T> for Winograd {
    fn name(&self) -> &'static str {
        match self.0 {
            Outputs::Two => "winograd_2x2",
            Outputs::Four => "winograd_4x4",
        }
    }

    /// In the backward passes, the padding must be smaller than the filter.
    fn supports(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        let padding = g.window.padding;
        let square = g.kernel_h == g.kernel_w && matches!(g.kernel_h, 3 | 5);
        let plain = g.window.stride == (1, 1) && g.window.dilation == (1, 1) && g.groups == 1;
        let reach = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
        let forward = matches!(pass, Pass::Forward | Pass::Prediction);
        square && plain && (forward || reach < g.kernel_h)
    }

    /// Transformed filters of 2×2 outputs are less than half as large as of 4×4 outputs. They pay
    /// for a single tile in prediction, where the filters are prepared.
    fn pays(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        let two = pass == Pass::Prediction && g.kernel_h == 3 && single_large_tile(g);
        pays_for_sample::<T>(g, CHANNELS) && two == (self.0 == Outputs::Two)
    }

    fn prepare(&self, g: &Conv2dGeometry, weight: &[T]) -> Result<AlignedBuffer<T>> {
        Stride1::forward::<T>(g, self.0).prepare(weight)
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        Correlation::forward(&Stride1::forward::<T>(g, self.0), x, filters, epilogue, y)
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
        Stride1::backward_input::<T>(g, self.0).run_plain(
            grad_output,
            activation_output,
            weight,
            grad_input,
            &epilogue,
        )
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
        use weight_gradient::run;
        let tiling = &Tiling::forward(g, self.0.size());
        by_size!(
            self.0,
            g.kernel_h,
            run(tiling, grad_output, activation_output, x, accumulate, grad_weight)
        )
    }
}

/// A correlation of stride 1, or its gradient of the input.
#[derive(Debug, Clone, Copy)]
struct Stride1 {
    outputs: Outputs,
    kernel: usize,
    tiling: Tiling,
    layout: FilterLayout,
    turned: bool,
    /// Rows of the micro-kernel.
    rows: usize,
}

impl Stride1 {
    fn forward<T: Element>(g: &Conv2dGeometry, outputs: Outputs) -> Self {
        Self::new::<T>(g, outputs, Tiling::forward(g, outputs.size()), false)
    }

    fn backward_input<T: Element>(g: &Conv2dGeometry, outputs: Outputs) -> Self {
        Self::new::<T>(g, outputs, Tiling::backward_input(g, outputs.size()), true)
    }

    fn new<T: Element>(g: &Conv2dGeometry, outputs: Outputs, tiling: Tiling, turned: bool) -> Self {
        let (width, rows) = register_block::<T>();
        let tile = outputs.size() + g.kernel_h - 1;
        let (depth, columns) = (tiling.source[2], tiling.target[2]);
        let layout = FilterLayout { depth, columns, width, frequencies: tile * tile };
        Self { outputs, kernel: g.kernel_h, tiling, layout, turned, rows }
    }

    /// Whether each block transforms its own tiles.
    fn private_tiles<T>(&self) -> bool {
        self.layout.total_len() * size_of::<T>() <= PRIVATE_FILTER_BYTES
    }

    /// Number of blocks that transform their own tiles: as many as the size of the cache requires,
    /// and an even number if they are few.
    fn private_blocks<T>(&self) -> usize {
        let FilterLayout { depth, frequencies, .. } = self.layout;
        let tiles = self.tiling.count();
        let blocks = tiles.div_ceil(block_tiles::<T>(depth, frequencies, self.rows));
        if blocks <= FEW_BLOCKS { blocks.next_multiple_of(2).min(tiles) } else { blocks }
    }
}

impl<T: Element> Correlation<T> for Stride1 {
    fn layout(&self) -> FilterLayout {
        self.layout
    }

    fn transform_filters(&self, weight: &[T], filters: &mut [T]) -> Result<()> {
        fn transform<T: Element, const N: usize, const M: usize, const R: usize>(
            layout: FilterLayout,
            plain: PlainFilters<'_, T>,
            filters: &mut [T],
        ) -> Result<()> {
            shared_tiles::transform_filters::<T, Filter<N>, R>(layout, plain, filters)
        }
        let plain = PlainFilters { weight, turned: self.turned };
        by_size!(self.outputs, self.kernel, transform(self.layout, plain, filters))
    }

    fn run(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        filters: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()> {
        let filters = correlate::Filters::Transformed(filters);
        by_size!(
            self.outputs,
            self.kernel,
            correlate(self, source, activation_output, filters, target, epilogue)
        )
    }

    /// With large filters and few tiles, each block transforms the filters just before it uses
    /// them: they are used only once.
    fn run_plain(
        &self,
        source: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        target: &mut [T],
        epilogue: &Epilogue<'_, T>,
    ) -> Result<()> {
        if self.private_tiles::<T>() || self.tiling.count() > SHARED_TILES {
            return shared_tiles::transform_and_run(
                self,
                source,
                activation_output,
                weight,
                target,
                epilogue,
            );
        }
        let filters = correlate::Filters::Plain(PlainFilters { weight, turned: self.turned });
        by_size!(
            self.outputs,
            self.kernel,
            correlate(self, source, activation_output, filters, target, epilogue)
        )
    }
}

fn correlate<T: Element, const N: usize, const M: usize, const R: usize>(
    correlation: &Stride1,
    source: &[T],
    activation_output: Option<&[T]>,
    filters: correlate::Filters<'_, T>,
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    let (tiling, layout) = (&correlation.tiling, correlation.layout);
    let FilterLayout { depth, columns, frequencies, .. } = layout;
    let tiles = tiling.count();
    let cost = tiles * frequencies * depth * columns;
    let target = &SharedMut::new(target);
    let block = |tiles: Range<usize>, ahead, columns: Range<usize>, source: Source<'_, T>| {
        T::dispatch(Block::<T, N, M, R> {
            tiling,
            source,
            filters,
            layout,
            target,
            first: tiles.start,
            count: tiles.len(),
            ahead,
            columns,
            finish: epilogue,
        })
    };
    if correlation.private_tiles::<T>() {
        let blocks = correlation.private_blocks::<T>();
        let begin = |i: usize| i.min(blocks) * tiles / blocks;
        let source = Source::Images(source, activation_output);
        return parallel::try_for_each(0..blocks, cost, |i| {
            // Prefetch the following block, which this thread will most likely process next.
            let ahead = begin(i + 1)..begin(i + 2);
            block(begin(i)..begin(i + 1), ahead, 0..columns, source)
        });
    }
    let places = PatchLayout { tiling, shape: tiling.source, step: M, before: tiling.before };
    let transform = |run: Run<'_, T>| {
        transform_run::<T, _, N>(Input, source, activation_output, places, run);
    };
    let size = SharedTilesSize { tiles, block: SHARED_TILES, frequencies, cost };
    correlate_shared(size, &layout, transform, |tiles, columns, source| {
        block(tiles, 0..0, columns, source)
    })
}
