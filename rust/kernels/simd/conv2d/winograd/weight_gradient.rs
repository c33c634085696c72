//! Gradient of the weights by Winograd's method: `dW = Aᵀ [ Σ_tiles (Bᵀ x B) ⊙ (G dY Gᵀ) ] A`.
//!
//! Inputs are transformed as in the forward pass. Each tile of the gradient of the output is
//! transformed as a filter. The products are summed over tiles, frequency by frequency (a matrix
//! product whose sum runs over tiles), and transformed back once, at the end.
//!
//! With few channels, each share of the tiles is transformed and summed by one thread ([`Share`]),
//! and the sums of the shares are then added and transformed back ([`Finishing`]). With many
//! channels and not too many tiles, all tiles are transformed first, for all threads. An item is
//! then a rectangle of the gradient, which is summed over all tiles and immediately transformed
//! back ([`Rectangle`]), so that no partial sums are stored.

use super::tiles::{PatchLayout, Prefetch, SharedTiles, TileLayout};
use super::transform::{Filter, Input, output};
use super::{Direct, Gathered, ROW_PADDING, Tiling};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};
use crate::kernels::tuning::{SUM_STEPS, WINOGRAD_WEIGHT_BLOCK_BYTES};

/// Number of tiles of one block. Depends on the sizes only.
pub fn block_tiles<T>(depth: usize, columns: usize, frequencies: usize) -> usize {
    let bytes = frequencies * (depth + columns + 2 * ROW_PADDING) * size_of::<T>();
    (WINOGRAD_WEIGHT_BLOCK_BYTES / bytes).clamp(16, 256)
}

/// Elements from the sums of one frequency to the sums of the next.
pub fn frequency_stride(depth: usize, columns: usize) -> usize {
    depth * columns + ROW_PADDING
}

/// Sums a run of tiles, block by block in order, into `sums[frequency][depth][columns]`.
pub struct Share<'a, T, const N: usize, const M: usize> {
    /// The tiles, as in the forward pass.
    pub tiling: &'a Tiling,
    /// The input.
    pub x: &'a [T],
    /// The gradient of the output.
    pub grad_output: &'a [T],
    /// The mask: where it is not positive, the gradient is taken as zero.
    pub activation_output: Option<&'a [T]>,
    /// Indices of the tiles.
    pub tiles: std::ops::Range<usize>,
    /// The sums, overwritten.
    pub sums: &'a mut [T],
}

impl<T: Element, const N: usize, const M: usize> Kernel<T> for Share<'_, T, N, M> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let (depth, columns) = (self.tiling.source[2], self.tiling.target[2]);
        let block = block_tiles::<T>(depth, columns, N * N);
        let (layout_x, layout_y) = (TileLayout::new(depth, block), TileLayout::new(columns, block));
        let TileLayout { row: row_x, frequency: stride_x } = layout_x;
        let TileLayout { row: row_y, frequency: stride_y } = layout_y;
        let stride = frequency_stride(depth, columns);
        let Self { tiling, x, grad_output, activation_output, tiles, sums } = self;
        assert!(sums.len() >= N * N * stride);
        if tiles.is_empty() {
            sums.fill(T::ZERO);
        }
        let (mut inputs, mut gradients) =
            (Scratch::<T>::take(N * N * stride_x)?, Scratch::<T>::take(N * N * stride_y)?);
        dry_run::scratch_complete()?;
        for begin in tiles.clone().step_by(block) {
            let count = block.min(tiles.end - begin);
            let run = begin..begin + count;
            let source =
                PatchLayout { tiling, shape: tiling.source, step: M, before: tiling.before };
            let target = PatchLayout { tiling, shape: tiling.target, step: M, before: (0, 0) };
            V::call(SharedTiles::<T, _, N> {
                transform: Input,
                images: x,
                activation_output: None,
                places: source,
                tiles: run.clone(),
                target: (&SharedMut::new(&mut inputs), 0),
                layout: layout_x,
            });
            V::call(SharedTiles::<T, _, M> {
                transform: Filter::<N>,
                images: grad_output,
                activation_output,
                places: target,
                tiles: run,
                target: (&SharedMut::new(&mut gradients), 0),
                layout: layout_y,
            });
            let next = begin + count..tiles.end.min(begin + 2 * count);
            let ahead_x = Prefetch {
                images: x,
                activation_output: None,
                places: source,
                tiles: next.clone(),
                size: N,
            };
            let ahead_y = Prefetch {
                images: grad_output,
                activation_output,
                places: target,
                tiles: next,
                size: M,
            };
            let finish =
                if begin > tiles.start { Epilogue::ACCUMULATE } else { Epilogue::OVERWRITE };
            for f in 0..N * N {
                ahead_x.fetch::<V>(f, N * N);
                ahead_y.fetch::<V>(f, N * N);
                for column in (0..columns).step_by(panel_width::<T, V>()) {
                    let wide = panel_width::<T, V>().min(columns - column);
                    let segments = Segments {
                        a: &inputs[f * stride_x..],
                        a_starts: &[0],
                        a_row: 1,
                        a_step: row_x,
                        transposed: true,
                        b: &gradients[f * stride_y + column..],
                        b_starts: &[0],
                        b_step: row_y,
                        steps: count,
                    };
                    let mut tile =
                        TileMut::new(&mut sums[f * stride + column..], depth, wide, columns);
                    multiply::<T, V>(&segments, &mut tile, &finish);
                }
            }
        }
        Ok(())
    }
}

/// Adds the sums of the shares in order and transforms them back, for one input channel of
/// `[R, R, depth, columns]`.
pub struct Finishing<'a, T, const N: usize, const R: usize> {
    /// The sums of all shares, one after another.
    pub sums: &'a [T],
    /// Number of elements of one share.
    pub share_len: usize,
    /// Number of input channels and of filters.
    pub size: (usize, usize),
    /// Index of the channel.
    pub channel: usize,
    /// The gradient of the channel, with one row of `columns` for each tap.
    pub rows: &'a mut [T],
}

impl<T: Element, const N: usize, const R: usize> Kernel<T> for Finishing<'_, T, N, R> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let (depth, columns) = self.size;
        let stride = frequency_stride(depth, columns);
        assert!(self.share_len >= N * N * stride && self.rows.len() == R * R * columns);
        for column in (0..columns).step_by(V::LANES) {
            let count = V::LANES.min(columns - column);
            // SAFETY: `count` columns from `column` on exist in every row of the sums and of the
            // result.
            unsafe {
                let mut sums = [[V::zero(); N]; N];
                for i in 0..N {
                    for j in 0..N {
                        let at = (i * N + j) * stride + self.channel * columns + column;
                        for share in 0..self.sums.len() / self.share_len {
                            sums[i][j] = sums[i][j].add(load_some(
                                self.sums.as_ptr().add(share * self.share_len + at),
                                count,
                            ));
                        }
                    }
                }
                let outputs = output::<T, V, _, N, R>(Gathered(&sums));
                for i in 0..R {
                    for j in 0..R {
                        store_some(
                            outputs[i][j],
                            self.rows.as_mut_ptr().add((i * R + j) * columns + column),
                            count,
                        );
                    }
                }
            }
        }
    }
}

/// Sums all tiles for a rectangle of the gradient and transforms the sums back.
pub struct Rectangle<'a, T, const N: usize, const R: usize> {
    /// Transformed inputs of all tiles, and their layout.
    pub inputs: (&'a [T], TileLayout),
    /// Transformed gradients of all tiles, and their layout.
    pub gradients: (&'a [T], TileLayout),
    /// Number of tiles.
    pub tiles: usize,
    /// Total number of input channels and of filters.
    pub size: (usize, usize),
    /// The rectangle: ranges of input channels and of filters.
    pub part: (std::ops::Range<usize>, std::ops::Range<usize>),
    /// Add to the gradient instead of overwriting it.
    pub accumulate: bool,
    /// The gradient `[R, R, depth, columns]`; each item writes its own rectangle.
    pub target: &'a SharedMut<'a, T>,
}

impl<T: Element, const N: usize, const R: usize> Kernel<T> for Rectangle<'_, T, N, R> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let (channels, filters) = self.part;
        let (depth, columns) = (channels.len(), filters.len());
        let row = columns.next_multiple_of(V::LANES);
        let stride = depth * row + ROW_PADDING;
        let mut sums = Scratch::<T>::take(N * N * stride)?;
        dry_run::scratch_complete()?;
        let ((inputs, layout_x), (gradients, layout_y)) = (self.inputs, self.gradients);
        for f in 0..N * N {
            for column in (0..columns).step_by(panel_width::<T, V>()) {
                let wide = panel_width::<T, V>().min(columns - column);
                for begin in (0..self.tiles).step_by(SUM_STEPS) {
                    let segments = Segments {
                        a: &inputs
                            [f * layout_x.frequency + begin * layout_x.row + channels.start..],
                        a_starts: &[0],
                        a_row: 1,
                        a_step: layout_x.row,
                        transposed: true,
                        b: &gradients[f * layout_y.frequency
                            + begin * layout_y.row
                            + filters.start
                            + column..],
                        b_starts: &[0],
                        b_step: layout_y.row,
                        steps: SUM_STEPS.min(self.tiles - begin),
                    };
                    let finish = if begin > 0 { Epilogue::ACCUMULATE } else { Epilogue::OVERWRITE };
                    multiply::<T, V>(
                        &segments,
                        &mut TileMut::new(&mut sums[f * stride + column..], depth, wide, row),
                        &finish,
                    );
                }
            }
        }
        for channel in 0..depth {
            for column in (0..columns).step_by(V::LANES) {
                let count = V::LANES.min(columns - column);
                // SAFETY: the sums have whole registers of columns; the rectangle is within the
                // gradient, and no other item accesses it.
                unsafe {
                    let start = sums.as_ptr().add(channel * row + column);
                    let outputs =
                        output::<T, V, _, N, R>(Direct { start, row: N * stride, column: stride });
                    for i in 0..R {
                        for j in 0..R {
                            let line = (i * R + j) * self.size.0 + channels.start + channel;
                            let at = self
                                .target
                                .start()
                                .add(line * self.size.1 + filters.start + column);
                            let value = outputs[i][j];
                            let value = if self.accumulate {
                                load_some::<T, V>(at, count).add(value)
                            } else {
                                value
                            };
                            store_some(value, at, count);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
