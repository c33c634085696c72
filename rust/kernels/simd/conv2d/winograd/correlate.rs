//! Correlation by Winograd's method: the forward pass, and the gradient of the input (the same
//! computation with turned filters).
//!
//! A block of tiles is transformed to the scratch memory of the thread, multiplied frequency by
//! frequency with the transformed filters, and transformed back, one group of filter panels at a
//! time. The data of the block stays in the second-level cache, while all filters are read once for
//! each block. If the filters are larger than this cache, all tiles are transformed first, for all
//! threads, and a block is many tiles by one group of panels. Then the filters are read only a few
//! times.

use std::marker::PhantomData;

pub use super::filters::{FilterLayout, PlainFilters, TransformFilters};
use super::tiles::{PatchLayout, Prefetch, SharedTiles, TileLayout};
use super::transform::{Filter, Input, output};
use super::{Direct, Patch, ROW_PADDING, Tiling};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};
use crate::kernels::tuning::{
    WINOGRAD_5X5_SUM_STEPS, WINOGRAD_BLOCK_BYTES, WINOGRAD_PANEL_GROUP, WINOGRAD_STREAM_BYTES,
    WINOGRAD_SUM_STEPS,
};

/// Number of tiles of one block. Depends on the sizes only: the tiles that the cache holds, in
/// whole calls of the micro-kernel.
pub fn block_tiles<T>(depth: usize, frequencies: usize, rows: usize) -> usize {
    let bytes = frequencies * (depth + ROW_PADDING) * size_of::<T>();
    (WINOGRAD_BLOCK_BYTES / bytes / rows * rows).clamp(rows, 4 * rows)
}

/// Number of columns of a group of panels.
pub fn group_columns(layout: &FilterLayout) -> usize {
    (WINOGRAD_PANEL_GROUP * layout.width).min(layout.columns.next_multiple_of(layout.width))
}

/// Source of the tiles of a block.
#[derive(Clone, Copy)]
pub enum Source<'a, T> {
    /// Images, and the mask: where it is not positive, the images are taken as zero. The block
    /// transforms its tiles itself.
    Images(&'a [T], Option<&'a [T]>),
    /// The tiles of the block, already transformed.
    Tiles(&'a [T]),
}

/// The filters of a block.
#[derive(Clone, Copy)]
pub enum Filters<'a, T> {
    /// All panels, already transformed.
    Transformed(&'a [T]),
    /// Filters as given by the user: each block transforms its panels itself, immediately before it
    /// uses them. For filters that only one block uses, this saves writing them to memory and
    /// reading them again.
    Plain(PlainFilters<'a, T>),
}

/// One block of tiles.
pub struct Block<'a, T, const N: usize, const M: usize, const R: usize> {
    /// How images are cut into tiles.
    pub tiling: &'a Tiling,
    /// Source of the tiles.
    pub source: Source<'a, T>,
    /// The filters.
    pub filters: Filters<'a, T>,
    /// Layout of the transformed filters.
    pub layout: FilterLayout,
    /// The result; each block writes the outputs of its own tiles.
    pub target: &'a SharedMut<'a, T>,
    /// Index of the first tile of this block.
    pub first: usize,
    /// Number of tiles of this block.
    pub count: usize,
    /// Tiles that this thread will probably process next. This is only a hint for the prefetch.
    pub ahead: std::ops::Range<usize>,
    /// Columns of this block; whole groups of panels.
    pub columns: std::ops::Range<usize>,
    /// Operations on the results before they are written.
    pub finish: &'a Epilogue<'a, T>,
}

impl<T: Element, const N: usize, const M: usize, const R: usize> Kernel<T>
    for Block<'_, T, N, M, R>
{
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let FilterLayout { depth, columns, width, frequencies } = self.layout;
        debug_assert!(width == panel_width::<T, V>() && frequencies == N * N);
        let layout = TileLayout::new(depth, self.count);
        let TileLayout { row, frequency } = layout;
        let group = group_columns(&self.layout);
        let result_row = group + ROW_PADDING;
        let result_frequency = self.count * result_row + ROW_PADDING;
        let mut scratch = Scratch::<T>::take(if matches!(self.source, Source::Images(..)) {
            frequencies * frequency
        } else {
            0
        })?;
        let mut results = Scratch::<T>::take(frequencies * result_frequency)?;
        let panel_len = self.layout.panel_len();
        let own_len =
            if matches!(self.filters, Filters::Plain(_)) { group / width * panel_len } else { 0 };
        let mut own = Scratch::<T>::take(own_len)?;
        dry_run::scratch_complete()?;
        let places = PatchLayout {
            tiling: self.tiling,
            shape: self.tiling.source,
            step: M,
            before: self.tiling.before,
        };
        let (inputs, ahead) = match self.source {
            Source::Tiles(tiles) => (tiles, None),
            Source::Images(images, activation_output) => {
                let tiles = self.first..self.first + self.count;
                V::call(SharedTiles::<T, _, N> {
                    transform: Input,
                    images,
                    activation_output,
                    places,
                    tiles,
                    target: (&SharedMut::new(&mut scratch), 0),
                    layout,
                });
                (
                    &*scratch,
                    Some(Prefetch {
                        images,
                        activation_output,
                        places,
                        tiles: self.ahead.clone(),
                        size: N,
                    }),
                )
            }
        };
        for first in self.columns.clone().step_by(group) {
            let panels = group.min(columns - first).div_ceil(width);
            let group_filters = match self.filters {
                Filters::Transformed(all) => &all[first / width * panel_len..],
                Filters::Plain(filters) => {
                    for (i, panel) in own.chunks_exact_mut(panel_len).enumerate().take(panels) {
                        let (layout, first) = (self.layout, first + i * width);
                        V::call(TransformFilters::<T, Filter<N>, R> {
                            filters,
                            layout,
                            first,
                            panel,
                            transform: PhantomData,
                        });
                    }
                    &*own
                }
            };
            for f in 0..frequencies {
                if let (Some(ahead), true) = (&ahead, first == self.columns.start) {
                    ahead.fetch::<V>(f, frequencies);
                }
                for panel in 0..panels {
                    let filters =
                        &group_filters[panel * panel_len + f * self.layout.frequency_stride()..];
                    let mut tile = TileMut::new(
                        &mut results[f * result_frequency + panel * width..],
                        self.count,
                        width,
                        result_row,
                    );
                    for begin in (0..depth).step_by(Self::STEPS) {
                        let segments = Segments {
                            a: &inputs[f * frequency..],
                            a_starts: &[begin],
                            a_row: row,
                            a_step: 1,
                            transposed: false,
                            b: filters,
                            b_starts: &[begin * width],
                            b_step: width,
                            steps: (depth - begin).min(Self::STEPS),
                        };
                        let finish =
                            if begin > 0 { Epilogue::ACCUMULATE } else { Epilogue::OVERWRITE };
                        multiply::<T, V>(&segments, &mut tile, &finish);
                    }
                }
            }
            self.transform_results::<V>(
                &results,
                result_row,
                result_frequency,
                first,
                group.min(columns - first),
            );
        }
        V::fence();
        Ok(())
    }
}

impl<T: Element, const N: usize, const M: usize, const R: usize> Block<'_, T, N, M, R> {
    /// Channels that are summed in registers before they are added to the total. Few for large
    /// filters, whose transforms amplify rounding errors.
    const STEPS: usize = if R > 3 { WINOGRAD_5X5_SUM_STEPS } else { WINOGRAD_SUM_STEPS };

    /// Transforms the results of `count` columns from `first` on back, and writes the outputs that
    /// are inside the image.
    #[inline(always)]
    fn transform_results<V: Vector<T>>(
        &self,
        results: &[T],
        row: usize,
        frequency: usize,
        first: usize,
        count: usize,
    ) {
        let Tiling { target: [height, width, channels], batch, .. } = *self.tiling;
        let bytes = V::LANES * size_of::<T>();
        let aligned =
            self.target.start().addr().is_multiple_of(bytes) && channels.is_multiple_of(V::LANES);
        // Registers narrower than a cache line would leave partially written lines.
        let stream = bytes == 64
            && aligned
            && batch * height * width * channels * size_of::<T>() >= WINOGRAD_STREAM_BYTES;
        for tile in 0..self.count {
            let patch = self.tiling.patch(self.first + tile, self.tiling.target, M, (0, 0), M);
            let whole = patch.is_whole(M) && !self.finish.accumulate;
            for offset in (0..count).step_by(V::LANES) {
                let lanes = V::LANES.min(count - offset);
                let column = first + offset;
                // SAFETY: results have whole registers of columns at each frequency; the outputs
                // that are written are inside the image, in tiles that belong to this block only,
                // and have `lanes` channels from `column` on; so has the bias.
                unsafe {
                    let start = results.as_ptr().add(tile * row + offset);
                    let mut outputs = output::<T, V, _, N, M>(Direct {
                        start,
                        row: N * frequency,
                        column: frequency,
                    });
                    let bias = match self.finish.bias {
                        Some(bias) => load_some(bias.as_ptr().add(column), lanes),
                        None => V::zero(),
                    };
                    for i in 0..M {
                        for j in 0..M {
                            outputs[i][j] = outputs[i][j].add(bias);
                        }
                    }
                    if whole && lanes == V::LANES {
                        let to = self.target.start().offset(patch.origin).add(column);
                        if self.finish.relu {
                            for i in 0..M {
                                for j in 0..M {
                                    outputs[i][j] = outputs[i][j].relu();
                                }
                            }
                        }
                        for i in 0..M {
                            for j in 0..M {
                                let at = to.add(i * patch.row_stride + j * patch.column_stride);
                                if stream {
                                    outputs[i][j].stream(at)
                                } else {
                                    outputs[i][j].store(at)
                                }
                            }
                        }
                    } else {
                        self.put_inside::<V>(&outputs, patch, column, lanes);
                    }
                }
            }
        }
    }

    /// Writes the outputs of a tile that are inside the image: `lanes` channels from `column` on.
    ///
    /// # Safety
    /// These outputs must be within the target, and no other block may access them.
    #[inline(always)]
    unsafe fn put_inside<V: Vector<T>>(
        &self,
        outputs: &[[V; M]; M],
        patch: Patch,
        column: usize,
        lanes: usize,
    ) {
        for i in 0..patch.rows.1 {
            for j in 0..patch.columns.1 {
                // SAFETY: the caller's promise.
                unsafe {
                    let at = self.target.start().offset(patch.at(i, j)).add(column);
                    let mut value = outputs[i][j];
                    if self.finish.accumulate {
                        value = load_some::<T, V>(at, lanes).add(value);
                    }
                    if self.finish.relu {
                        value = value.relu();
                    }
                    store_some(value, at, lanes);
                }
            }
        }
    }
}
