//! The gradient of the weights by Winograd's method of stride 1.
//!
//! With few channels, the tiles are cut into shares; each share transforms its tiles and sums their
//! products. With many channels, all tiles are transformed first, and the gradient is computed in
//! rectangles of input channels by filters.

use super::shared_tiles::{Run, TRANSFORMED_BYTES, sum_rectangles, transform_run};
use crate::kernels::Element;
use crate::kernels::conv2d::partials::part;
use crate::kernels::error::Result;
use crate::kernels::memory::{SharedMut, with_scratch};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::conv2d::winograd::Tiling;
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, TileLayout};
use crate::kernels::simd::conv2d::winograd::transform::{Filter, Input};
use crate::kernels::simd::conv2d::winograd::weight_gradient::{
    Finishing, Rectangle, Share, block_tiles, frequency_stride,
};

/// Bytes that the sums of all shares may take. Two shares are allowed in any case.
const SUMS_BYTES: usize = 48 << 20;

/// Most shares.
const SHARES: usize = 8;

/// Input channels times filters from which on the gradient is computed in rectangles.
const RECTANGLE_CHANNELS: usize = 96 * 96;

/// The gradient of the weights; see [`crate::kernels::conv2d::backward_weight`].
pub(super) fn run<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (depth, columns, tiles) = (tiling.source[2], tiling.target[2], tiling.count());
    let tile_len =
        TileLayout::new(depth, tiles).frequency + TileLayout::new(columns, tiles).frequency;
    let transformed_bytes = N * N * tile_len * size_of::<T>();
    let compute = if depth * columns >= RECTANGLE_CHANNELS
        && transformed_bytes <= TRANSFORMED_BYTES
        && tiles > 0
    {
        rectangles::<T, N, M, R>
    } else {
        shares::<T, N, M, R>
    };
    compute(tiling, grad_output, activation_output, x, accumulate, grad_weight)
}

/// The gradient from shares of the tiles.
fn shares<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (depth, columns, tiles) = (tiling.source[2], tiling.target[2], tiling.count());
    let share_len = N * N * frequency_stride(depth, columns);
    let by_memory = (SUMS_BYTES / (share_len * size_of::<T>())).clamp(2, SHARES);
    let shares = tiles.div_ceil(block_tiles::<T>(depth, columns, N * N)).clamp(1, by_memory);
    with_scratch(share_len * shares, |sums: &mut [T]| {
        let items = sums.chunks_mut(share_len).enumerate();
        parallel::try_for_each(items, tiles * N * N * depth * columns, |(i, sums)| {
            let tiles = part(tiles, i, shares);
            T::dispatch(Share::<T, N, M> { tiling, x, grad_output, activation_output, tiles, sums })
        })?;
        with_scratch(depth * R * R * columns, |rows: &mut [T]| {
            let sums = &*sums;
            let cost = share_len * shares * ELEMENT_COST;
            let channels = rows.chunks_mut(R * R * columns).enumerate();
            parallel::for_each(channels, cost, |(channel, rows)| {
                let size = (depth, columns);
                T::dispatch(Finishing::<T, N, R> { sums, share_len, size, channel, rows });
            })?;
            store_rows(rows, depth, columns, accumulate, grad_weight);
            Ok(())
        })?
    })?
}

/// Stores `[channel, tap, column]` as `[tap, channel, column]`.
fn store_rows<T: Element>(
    rows: &[T],
    depth: usize,
    columns: usize,
    accumulate: bool,
    grad_weight: &mut [T],
) {
    for (i, row) in rows.chunks_exact(columns).enumerate() {
        let taps = rows.len() / (depth * columns);
        let (channel, tap) = (i / taps, i % taps);
        let target = &mut grad_weight[(tap * depth + channel) * columns..][..columns];
        if accumulate {
            target.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
        } else {
            target.copy_from_slice(row);
        }
    }
}

/// The gradient from tiles that all threads share.
fn rectangles<T: Element, const N: usize, const M: usize, const R: usize>(
    tiling: &Tiling,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let (size, tiles) = ((tiling.source[2], tiling.target[2]), tiling.count());
    let places_x = PatchLayout { tiling, shape: tiling.source, step: M, before: tiling.before };
    let places_y = PatchLayout { shape: tiling.target, before: (0, 0), ..places_x };
    let target = &SharedMut::new(grad_weight);
    let transform = |inputs: Run<'_, T>, gradients: Run<'_, T>| {
        transform_run::<T, _, N>(Input, x, None, places_x, inputs);
        let by = Filter::<N>;
        transform_run::<T, _, M>(by, grad_output, activation_output, places_y, gradients);
    };
    sum_rectangles(0..tiles, size, N * N, transform, |part| {
        T::dispatch(Rectangle::<T, N, R> {
            inputs: part.inputs,
            gradients: part.gradients,
            tiles,
            size,
            part: part.part,
            accumulate,
            target,
        })
    })
}
