//! Winograd's method on whole batches: which sizes it takes, and how its blocks are handed to threads.
//!
//! Filters of 3×3 and 5×5 at stride 1 without dilation or groups. Output tiles are 4×4 or 2×2; see [`crate::kernels::simd::winograd`].

use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::matmul::pack_transposed;
use crate::kernels::memory::{SharedMut, with_scratch};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::gemm::{Finish, panel_width};
use crate::kernels::simd::winograd::Tiling;
use crate::kernels::simd::winograd::correlate::{Block, FilterLayout, TransformFilters, block_tiles};
use crate::kernels::simd::winograd::weight_gradient::{self, Finishing, Share};
use crate::kernels::simd::{Kernel, Vector};

/// Bytes that the sums of all shares of a weight gradient may take; at least two shares are made where there is work for two.
const SUMS_BYTES: usize = 48 << 20;

/// Shares of a weight gradient, at most.
const SHARES: usize = 8;

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

/// Whether the method takes this geometry; the passes backward also ask that the padding be smaller than the filter.
pub fn takes(g: &Conv2dGeometry, forward: bool) -> bool {
    let padding = g.window.padding;
    let square = g.kernel_h == g.kernel_w && matches!(g.kernel_h, 3 | 5);
    let plain = g.window.stride == (1, 1) && g.window.dilation == (1, 1) && g.groups == 1;
    let reach = padding.top.max(padding.bottom).max(padding.left).max(padding.right);
    square && plain && (forward || reach < g.kernel_h)
}

/// The instruction set's panel width and rows of the micro-kernel.
fn register_block<T: Element>() -> (usize, usize) {
    struct Sizes;
    impl<T: Element> Kernel<T> for Sizes {
        type Output = (usize, usize);
        #[inline(always)]
        fn run<V: Vector<T>>(self) -> (usize, usize) {
            (panel_width::<T, V>(), V::ROWS)
        }
    }
    T::dispatch(Sizes)
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
        let layout = FilterLayout { depth: tiling.source[2], columns: tiling.target[2], width, frequencies: tile * tile };
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
        if !self.turned {
            return by_size!(self.outputs, self.kernel, transform_filters(self, weight, filters));
        }
        with_scratch(weight.len(), |turned: &mut [T]| {
            let FilterLayout { depth, columns, .. } = self.layout;
            // Tap `R² - 1 - tap` of the turned filters is tap `tap` with its two channel axes exchanged.
            let taps = turned.chunks_mut((depth * columns).max(1)).rev().zip(weight.chunks((depth * columns).max(1)));
            parallel::for_each(taps, weight.len() * ELEMENT_COST, |(turned, tap)| {
                T::dispatch(Turn { tap, turned, depth, columns });
            })?;
            by_size!(self.outputs, self.kernel, transform_filters(self, turned, filters))
        })?
    }

    /// `target (+)= source * filters`, finished as asked. `gate` lets through the source where it is positive.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn run<T: Element>(&self, source: &[T], gate: Option<&[T]>, filters: &[T], target: &mut [T], finish: &Finish<'_, T>) -> Result<()> {
        by_size!(self.outputs, self.kernel, correlate(self, source, gate, filters, target, finish))
    }
}

/// Exchanges the channel axes of one tap: `turned[d, c] = tap[c, d]`.
struct Turn<'a, T> {
    tap: &'a [T],
    turned: &'a mut [T],
    depth: usize,
    columns: usize,
}

impl<T: Element> Kernel<T> for Turn<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        pack_transposed(self.tap, self.depth, self.columns, self.turned, self.columns, self.depth);
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
        T::dispatch(TransformFilters::<T, N, R> { weight, layout, first: i * layout.width, panel });
    })
}

fn correlate<T: Element, const N: usize, const M: usize, const R: usize>(
    plan: &Correlation,
    source: &[T],
    gate: Option<&[T]>,
    filters: &[T],
    target: &mut [T],
    finish: &Finish<'_, T>,
) -> Result<()> {
    let FilterLayout { depth, columns, frequencies, .. } = plan.layout;
    let tiles = plan.tiling.count();
    let blocks = tiles.div_ceil(block_tiles::<T>(depth, frequencies, plan.rows));
    let target = SharedMut::new(target);
    let places = (0..blocks).map(|i| (i * tiles / blocks, (i + 1) * tiles / blocks));
    parallel::try_for_each(places, tiles * frequencies * depth * columns, |(begin, end)| {
        T::dispatch(Block::<T, N, M> {
            tiling: &plan.tiling,
            source,
            gate,
            filters,
            layout: plan.layout,
            target: &target,
            first: begin,
            count: end - begin,
            finish,
        })
    })
}

/// The gradient of the weights; see [`super::backward_weight`].
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    outputs: Outputs,
    grad_y: &[T],
    gate: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let tiling = Tiling::forward(g, outputs.size());
    by_size!(outputs, g.kernel_h, weight_gradient(&tiling, grad_y, gate, x, accumulate, grad_weight))
}

fn weight_gradient<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    grad_y: &[T],
    gate: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (depth, columns) = (tiling.source[2], tiling.target[2]);
    let share_len = N * N * weight_gradient::frequency_stride(depth, columns);
    let tiles = tiling.count();
    let by_memory = (SUMS_BYTES / (share_len * size_of::<T>())).clamp(2, SHARES);
    let shares = tiles.div_ceil(weight_gradient::block_tiles::<T>(depth, columns, N * N)).clamp(1, by_memory);
    with_scratch(share_len * shares, |sums: &mut [T]| {
        let items = sums.chunks_mut(share_len).enumerate();
        parallel::try_for_each(items, tiles * N * N * depth * columns, |(i, sums)| {
            let tiles = i * tiles / shares..(i + 1) * tiles / shares;
            T::dispatch(Share::<T, N, M> { tiling, x, grad_y, gate, tiles, sums })
        })?;
        with_scratch(depth * R * R * columns, |rows: &mut [T]| {
            let sums = &*sums;
            let cost = share_len * shares * ELEMENT_COST;
            parallel::for_each(rows.chunks_mut(R * R * columns).enumerate(), cost, |(channel, rows)| {
                T::dispatch(Finishing::<T, N, R> { sums, share_len, size: (depth, columns), channel, rows });
            })?;
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
