//! The gradient of the weights by Winograd's method: `dW = Aᵀ [ Σ_tiles (Bᵀ x B) ⊙ (G dY Gᵀ) ] A`.
//!
//! Inputs are transformed as in the forward pass, the output's gradient as if each tile of it were a filter. The products are summed over
//! tiles frequency by frequency (a matrix product whose sum runs over tiles) and transformed back once, at the end.

use super::transform::{Filter, Input, MAX_TILE, output};
use super::{ROW_PADDING, Tiling, transform_patch};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::simd::gemm::{Finish, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};

/// Bytes of transformed inputs and gradients that a block of tiles may take.
const BLOCK_BYTES: usize = 512 << 10;

/// Tiles of one block, by the sizes alone.
pub fn block_tiles<T>(depth: usize, columns: usize, frequencies: usize) -> usize {
    let bytes = frequencies * (depth + columns + 2 * ROW_PADDING) * size_of::<T>();
    (BLOCK_BYTES / bytes).clamp(16, 256)
}

/// Elements from one frequency's sums to the next.
pub fn frequency_stride(depth: usize, columns: usize) -> usize {
    depth * columns + ROW_PADDING
}

/// Sums a run of tiles, block by block in order, into `sums[frequency][depth][columns]`.
pub struct Share<'a, T, const N: usize, const M: usize> {
    /// Where the tiles lie, as in the forward pass.
    pub tiling: &'a Tiling,
    /// The input.
    pub x: &'a [T],
    /// The gradient of the output.
    pub grad_y: &'a [T],
    /// Lets through the gradient where it is positive.
    pub gate: Option<&'a [T]>,
    /// First and last tile.
    pub tiles: std::ops::Range<usize>,
    /// Overwritten.
    pub sums: &'a mut [T],
}

impl<T: Element, const N: usize, const M: usize> Kernel<T> for Share<'_, T, N, M> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let (depth, columns) = (self.tiling.source[2], self.tiling.target[2]);
        let (row_x, row_y) = (depth.next_multiple_of(V::LANES) + ROW_PADDING, columns.next_multiple_of(V::LANES) + ROW_PADDING);
        let block = block_tiles::<T>(depth, columns, N * N);
        let (stride_x, stride_y) = (block * row_x + ROW_PADDING, block * row_y + ROW_PADDING);
        let stride = frequency_stride(depth, columns);
        let Self { tiling, x, grad_y, gate, tiles, sums } = self;
        assert!(sums.len() >= N * N * stride);
        if tiles.is_empty() {
            sums.fill(T::ZERO);
        }
        let (mut inputs, mut gradients) = (Scratch::<T>::take(N * N * stride_x)?, Scratch::<T>::take(N * N * stride_y)?);
        for begin in tiles.clone().step_by(block) {
            let count = block.min(tiles.end - begin);
            for tile in 0..count {
                let source = tiling.patch(begin + tile, tiling.source, M, tiling.before, N);
                let target = tiling.patch(begin + tile, tiling.target, M, (0, 0), M);
                // SAFETY: the patches were made for these shapes; the rows have room for whole registers of channels.
                unsafe {
                    let to = inputs.as_mut_ptr().add(tile * row_x);
                    transform_patch::<T, V, Input, N>(x, None, source, depth, to, stride_x);
                    let to = gradients.as_mut_ptr().add(tile * row_y);
                    transform_patch::<T, V, Filter<N>, M>(grad_y, gate, target, columns, to, stride_y);
                }
            }
            let finish = if begin > tiles.start { Finish::ACCUMULATE } else { Finish::OVERWRITE };
            for f in 0..N * N {
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
                    let mut tile = TileMut::new(&mut sums[f * stride + column..], depth, wide, columns);
                    multiply::<T, V>(&segments, &mut tile, &finish);
                }
            }
        }
        Ok(())
    }
}

/// Adds the shares' sums in order and transforms them back: one input channel of `[R, R, depth, columns]`.
pub struct Finishing<'a, T, const N: usize, const R: usize> {
    /// The sums of all shares, one after another.
    pub sums: &'a [T],
    /// Elements of one share.
    pub share_len: usize,
    /// Input channels and filters.
    pub size: (usize, usize),
    /// The channel.
    pub channel: usize,
    /// Its gradient, one row of `columns` for each tap.
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
            // SAFETY: `count` columns from `column` on exist in every row of the sums and of the result.
            unsafe {
                let mut sums = [V::zero(); MAX_TILE * MAX_TILE];
                for (f, sum) in sums.iter_mut().enumerate().take(N * N) {
                    let at = f * stride + self.channel * columns + column;
                    for share in self.sums.chunks_exact(self.share_len) {
                        *sum = sum.add(load_some(share.as_ptr().add(at), count));
                    }
                }
                let outputs = output::<T, V, N, R>(|f| sums[f]);
                for (i, outputs) in outputs.iter().enumerate() {
                    for (j, &value) in outputs.iter().enumerate() {
                        store_some(value, self.rows.as_mut_ptr().add((i * R + j) * columns + column), count);
                    }
                }
            }
        }
    }
}
