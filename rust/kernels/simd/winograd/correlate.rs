//! Correlation by Winograd's method: the forward pass, and the gradient of the input (the same with turned filters).
//!
//! A block of tiles is transformed to this thread's scratch, multiplied frequency by frequency with the transformed filters, and
//! transformed back, a group of panels of filters at a time, so that all of it stays in the second-level cache while the filters
//! stream past. Where the filters are larger than that cache, all tiles are transformed first, for all threads, and a block is many
//! tiles by one group of panels: then the filters stream past only a few times.

use super::tiles::{Places, TileLayout, transform_tiles};
use super::transform::{Filter, Input, output};
use super::{Frequencies, Get, ROW_PADDING, Tiling, Transform};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::gemm::{Finish, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};

/// Bytes of transformed inputs that a block may take.
const BLOCK_BYTES: usize = 352 << 10;

/// Panels of filters that are multiplied before their results are transformed back.
const PANEL_GROUP: usize = 2;

/// The layout of transformed filters: `[panel][frequency][channel][width]`.
#[derive(Debug, Clone, Copy)]
pub struct FilterLayout {
    /// Channels of the source.
    pub depth: usize,
    /// Channels of the target.
    pub columns: usize,
    /// Columns of a panel.
    pub width: usize,
    /// Frequencies of a tile.
    pub frequencies: usize,
}

impl FilterLayout {
    /// Elements from one frequency to the next: a little more than needed, so that frequencies do not fall on the same cache sets.
    pub fn frequency_stride(&self) -> usize {
        self.depth * self.width + 2 * ROW_PADDING
    }

    /// Elements of one panel.
    pub fn panel_len(&self) -> usize {
        self.frequencies * self.frequency_stride()
    }

    /// Elements in all.
    pub fn total_len(&self) -> usize {
        self.columns.div_ceil(self.width) * self.panel_len()
    }
}

/// Transforms the filters `[R, R, depth, columns]` of one panel.
pub struct TransformFilters<'a, T, const N: usize, const R: usize> {
    /// The filters.
    pub weight: &'a [T],
    /// How they are laid out.
    pub layout: FilterLayout,
    /// First column of the panel.
    pub first: usize,
    /// The panel, overwritten.
    pub panel: &'a mut [T],
}

impl<T: Element, const N: usize, const R: usize> Kernel<T> for TransformFilters<'_, T, N, R> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let FilterLayout { depth, columns, width, .. } = self.layout;
        assert!(self.weight.len() == R * R * depth * columns && self.panel.len() == self.layout.panel_len());
        for channel in 0..depth {
            for offset in (0..width).step_by(V::LANES) {
                let first = self.first + offset;
                let count = V::LANES.min(columns.saturating_sub(first));
                let taps =
                    Taps { weight: self.weight, at: channel * columns + first, row: R * depth * columns, column: depth * columns, count };
                let stride = self.layout.frequency_stride();
                // SAFETY: `count` columns from `first` on exist; frequency `f < N²`, channel below `depth` and LANES columns below
                // `width` lie within the panel.
                unsafe {
                    let start = self.panel.as_mut_ptr().add(channel * width + offset);
                    <Filter<N> as Transform<T, V, R>>::apply(taps, Frequencies { start, stride });
                }
            }
        }
    }
}

/// Reads the taps of some filters; zero past the last filter.
#[derive(Clone, Copy)]
struct Taps<'a, T> {
    weight: &'a [T],
    at: usize,
    row: usize,
    column: usize,
    count: usize,
}

impl<T: Element, V: Vector<T>> Get<V> for Taps<'_, T> {
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> V {
        if self.count == 0 {
            return V::zero();
        }
        // SAFETY: the caller's promise.
        unsafe { load_some(self.weight.as_ptr().add(self.at + i * self.row + j * self.column), self.count) }
    }
}

/// Tiles of one block, by the sizes alone: what the cache holds, in whole calls of the micro-kernel.
pub fn block_tiles<T>(depth: usize, frequencies: usize, rows: usize) -> usize {
    let bytes = frequencies * (depth + ROW_PADDING) * size_of::<T>();
    (BLOCK_BYTES / bytes / rows * rows).clamp(rows, 4 * rows)
}

/// Columns of a group of panels.
pub fn group_columns(layout: &FilterLayout) -> usize {
    (PANEL_GROUP * layout.width).min(layout.columns.next_multiple_of(layout.width))
}

/// Where a block takes its tiles from.
#[derive(Clone, Copy)]
pub enum Source<'a, T> {
    /// Images, let through where the gate is positive; the block transforms its tiles itself.
    Images(&'a [T], Option<&'a [T]>),
    /// The block's tiles, transformed before.
    Tiles(&'a [T]),
}

/// One block of tiles.
pub struct Block<'a, T, const N: usize, const M: usize> {
    /// Where the tiles lie.
    pub tiling: &'a Tiling,
    /// The tiles.
    pub source: Source<'a, T>,
    /// The transformed filters.
    pub filters: &'a [T],
    /// Their layout.
    pub layout: FilterLayout,
    /// The result; each block writes the outputs of its own tiles.
    pub target: &'a SharedMut<'a, T>,
    /// First tile of this block.
    pub first: usize,
    /// Tiles of this block.
    pub count: usize,
    /// Columns of this block; whole groups of panels.
    pub columns: std::ops::Range<usize>,
    /// What happens to the results.
    pub finish: &'a Finish<'a, T>,
}

impl<T: Element, const N: usize, const M: usize> Kernel<T> for Block<'_, T, N, M> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let FilterLayout { depth, columns, width, frequencies } = self.layout;
        debug_assert!(width == panel_width::<T, V>() && frequencies == N * N);
        let TileLayout { row, frequency } = TileLayout::new(depth, self.count);
        let group = group_columns(&self.layout);
        let result_row = group + ROW_PADDING;
        let result_frequency = self.count * result_row + ROW_PADDING;
        let mut scratch = Scratch::<T>::take(if matches!(self.source, Source::Images(..)) { frequencies * frequency } else { 0 })?;
        let mut results = Scratch::<T>::take(frequencies * result_frequency)?;
        let inputs = match self.source {
            Source::Tiles(tiles) => tiles,
            Source::Images(images, gate) => {
                let shape = self.tiling.source;
                let places = Places { tiling: self.tiling, shape, step: M, before: self.tiling.before };
                transform_tiles::<T, V, Input, N>(
                    images,
                    gate,
                    &places,
                    self.first..self.first + self.count,
                    &SharedMut::new(&mut scratch),
                    0,
                    frequency,
                );
                &scratch
            }
        };
        for first in self.columns.clone().step_by(group) {
            let panels = group.min(columns - first).div_ceil(width);
            for f in 0..frequencies {
                for panel in 0..panels {
                    let filters = &self.filters[(first / width + panel) * self.layout.panel_len() + f * self.layout.frequency_stride()..];
                    let mut tile = TileMut::new(&mut results[f * result_frequency + panel * width..], self.count, width, result_row);
                    for begin in (0..depth).step_by(2 * CHUNK) {
                        let segments = Segments {
                            a: &inputs[f * frequency..],
                            a_starts: &[begin],
                            a_row: row,
                            a_step: 1,
                            transposed: false,
                            b: filters,
                            b_starts: &[begin * width],
                            b_step: width,
                            steps: (depth - begin).min(2 * CHUNK),
                        };
                        let finish = if begin > 0 { Finish::ACCUMULATE } else { Finish::OVERWRITE };
                        multiply::<T, V>(&segments, &mut tile, &finish);
                    }
                }
            }
            self.transform_results::<V>(&results, result_row, result_frequency, first, group.min(columns - first));
        }
        Ok(())
    }
}

impl<T: Element, const N: usize, const M: usize> Block<'_, T, N, M> {
    /// Transforms `count` columns from `first` on back, and writes the outputs that lie inside the image.
    #[inline(always)]
    fn transform_results<V: Vector<T>>(&self, results: &[T], row: usize, frequency: usize, first: usize, count: usize) {
        let target = self.tiling.target;
        let finish = self.finish;
        for tile in 0..self.count {
            let patch = self.tiling.patch(self.first + tile, target, M, (0, 0), M);
            for offset in (0..count).step_by(V::LANES) {
                let lanes = V::LANES.min(count - offset);
                let column = first + offset;
                // SAFETY: results have whole registers of columns at each frequency; the places written lie inside the image, in tiles
                // that belong to this block alone, and have `lanes` channels from `column` on; so has the bias.
                unsafe {
                    let from = results.as_ptr().add(tile * row + offset);
                    let outputs = output::<T, V, N, M>(|f| V::load(from.add(f * frequency)));
                    let bias = match finish.bias {
                        Some(bias) => load_some(bias.as_ptr().add(column), lanes),
                        None => V::zero(),
                    };
                    for (i, outputs) in outputs.iter().enumerate().take(patch.rows.1) {
                        for (j, &value) in outputs.iter().enumerate().take(patch.columns.1) {
                            let at = self.target.start().add((patch.at(i, j) + column as isize) as usize);
                            let mut value = value.add(bias);
                            if finish.accumulate {
                                value = load_some::<T, V>(at, lanes).add(value);
                            }
                            if finish.relu {
                                value = value.relu();
                            }
                            store_some(value, at, lanes);
                        }
                    }
                }
            }
        }
    }
}
