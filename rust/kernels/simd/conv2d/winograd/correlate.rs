//! Correlation by Winograd's method: the forward pass, and the gradient of the input (the same with
//! turned filters).
//!
//! A block of tiles is transformed to this thread's scratch, multiplied frequency by frequency with
//! the transformed filters, and transformed back, a group of panels of filters at a time, so that
//! all of it stays in the second-level cache while the filters stream past. Where the filters are
//! larger than that cache, all tiles are transformed first, for all threads, and a block is many
//! tiles by one group of panels: then the filters stream past only a few times.

use std::marker::PhantomData;

use super::tiles::{PatchLayout, Prefetch, TileLayout, transform_tiles};
use super::transform::{Filter, Input, output};
use super::{Direct, Frequencies, Gathered, Patch, ROW_PADDING, Tiling, Transform};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Index, Kernel, Shuffle, Vector, load_some, store_some};

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
    /// Elements from one frequency to the next: a little more than needed, so that frequencies do
    /// not fall on the same cache sets.
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

/// Filters as the user has them.
#[derive(Clone, Copy)]
pub struct PlainFilters<'a, T> {
    /// `[R, R, depth, columns]`, or `[R, R, columns, depth]` when they are to be turned.
    pub weight: &'a [T],
    /// Turn them: taps in reverse order, channel axes exchanged, as the gradient of the input
    /// needs them.
    pub turned: bool,
}

/// Transforms the filters of one panel, each by transform `K`.
pub struct TransformFilters<'a, T, K, const R: usize> {
    /// The filters.
    pub filters: PlainFilters<'a, T>,
    /// How they are laid out.
    pub layout: FilterLayout,
    /// First column of the panel.
    pub first: usize,
    /// The panel, overwritten.
    pub panel: &'a mut [T],
    /// The transform.
    pub transform: PhantomData<K>,
}

impl<T: Element, K: Transform<T, R>, const R: usize> Kernel<T> for TransformFilters<'_, T, K, R> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let FilterLayout { depth, columns, width, .. } = self.layout;
        assert!(
            self.filters.weight.len() == R * R * depth * columns
                && self.panel.len() == self.layout.panel_len()
        );
        let stride = self.layout.frequency_stride();
        for offset in (0..width).step_by(V::LANES) {
            let first = self.first + offset;
            let count = V::LANES.min(columns.saturating_sub(first));
            let mut taps = [T::ZERO; TURN_CHANNELS * MAX_LANES * MAX_TAPS];
            for begin in (0..depth).step_by(TURN_CHANNELS) {
                let channels = TURN_CHANNELS.min(depth - begin);
                if self.filters.turned {
                    turn::<T, V, R>(
                        &mut taps,
                        self.filters.weight,
                        (depth, columns),
                        begin..begin + channels,
                        first,
                        count,
                    );
                }
                for channel in 0..channels {
                    // SAFETY: `count` columns from `first` on exist, as do the turned taps of
                    // `channels` channels; each frequency, channel below
                    // `depth` and LANES columns below `width` lie within the panel.
                    unsafe {
                        let start = self.panel.as_mut_ptr().add((begin + channel) * width + offset);
                        let put = Frequencies { start, stride };
                        if self.filters.turned {
                            let start = taps.as_ptr().add(channel * V::LANES);
                            let column = TURN_CHANNELS * V::LANES;
                            K::apply::<V, _>(Direct { start, row: R * column, column }, put);
                        } else if count == V::LANES {
                            let start = self
                                .filters
                                .weight
                                .as_ptr()
                                .add((begin + channel) * columns + first);
                            let column = depth * columns;
                            K::apply::<V, _>(Direct { start, row: R * column, column }, put);
                        } else {
                            let mut values = [[V::zero(); R]; R];
                            for i in 0..R {
                                for j in 0..R {
                                    let at =
                                        ((i * R + j) * depth + begin + channel) * columns + first;
                                    if count > 0 {
                                        values[i][j] =
                                            load_some(self.filters.weight.as_ptr().add(at), count);
                                    }
                                }
                            }
                            K::apply::<V, _>(Gathered(&values), put);
                        }
                    }
                }
            }
        }
    }
}

/// Channels that are turned at a time: a cache line of floats.
const TURN_CHANNELS: usize = 16;
/// Elements of the widest register.
const MAX_LANES: usize = 16;
/// Taps of the largest filter.
const MAX_TAPS: usize = 25;

/// Turns some channels of `count` filters from `first` on: `taps[tap][channel][lane]`, a register
/// of filters each; zero past the last.
#[inline(always)]
fn turn<T: Element, V: Vector<T>, const R: usize>(
    taps: &mut [T; TURN_CHANNELS * MAX_LANES * MAX_TAPS],
    weight: &[T],
    (depth, columns): (usize, usize),
    channels: std::ops::Range<usize>,
    first: usize,
    count: usize,
) {
    for tap in 0..R * R {
        let to = &mut taps[tap * TURN_CHANNELS * V::LANES..][..TURN_CHANNELS * V::LANES];
        for lane in 0..count {
            let at = ((R * R - 1 - tap) * columns + first + lane) * depth;
            let from = &weight[at + channels.start..at + channels.end];
            if let Ok(from) = <&[T; TURN_CHANNELS]>::try_from(from) {
                for i in 0..TURN_CHANNELS {
                    to[i * V::LANES + lane] = from[i];
                }
            } else {
                for i in 0..from.len() {
                    to[i * V::LANES + lane] = from[i];
                }
            }
        }
    }
}

/// Tiles of one block, by the sizes alone: what the cache holds, in whole calls of the
/// micro-kernel.
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
    /// Images, let through where the activation_output is positive; the block transforms its tiles itself.
    Images(&'a [T], Option<&'a [T]>),
    /// The block's tiles, transformed before.
    Tiles(&'a [T]),
}

/// Bytes of results from which they are written past the caches: nothing of them would be left
/// there when they are read.
const STREAM_BYTES: usize = 4 << 20;

/// The filters of a block.
#[derive(Clone, Copy)]
pub enum Filters<'a, T> {
    /// All panels, transformed before.
    Transformed(&'a [T]),
    /// As the user has them: each block transforms its panels itself, just before it uses them. For
    /// filters that are used by one block only this saves a trip through memory.
    Plain(PlainFilters<'a, T>),
}

/// One block of tiles.
pub struct Block<'a, T, const N: usize, const M: usize, const R: usize> {
    /// Where the tiles lie.
    pub tiling: &'a Tiling,
    /// The tiles.
    pub source: Source<'a, T>,
    /// The filters.
    pub filters: Filters<'a, T>,
    /// Their layout, transformed.
    pub layout: FilterLayout,
    /// The result; each block writes the outputs of its own tiles.
    pub target: &'a SharedMut<'a, T>,
    /// First tile of this block.
    pub first: usize,
    /// Tiles of this block.
    pub count: usize,
    /// Tiles that this thread will probably take next; only a hint.
    pub ahead: std::ops::Range<usize>,
    /// Columns of this block; whole groups of panels.
    pub columns: std::ops::Range<usize>,
    /// What happens to the results.
    pub finish: &'a Epilogue<'a, T>,
}

impl<T: Element, const N: usize, const M: usize, const R: usize> Kernel<T>
    for Block<'_, T, N, M, R>
{
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Shuffle<T> + Index<T>>(self) -> Result<()> {
        let FilterLayout { depth, columns, width, frequencies } = self.layout;
        debug_assert!(width == panel_width::<T, V>() && frequencies == N * N);
        let TileLayout { row, frequency } = TileLayout::new(depth, self.count);
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
                transform_tiles::<T, V, Input, N>(
                    images,
                    activation_output,
                    &places,
                    tiles,
                    &SharedMut::new(&mut scratch),
                    0,
                    frequency,
                );
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
                        TransformFilters::<T, Filter<N>, R> {
                            filters,
                            layout,
                            first,
                            panel,
                            transform: PhantomData,
                        }
                        .run::<V>();
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
    /// Channels that are added up in registers before they join the rest: few where the transforms
    /// make much of each rounding error.
    const STEPS: usize = if R > 3 { CHUNK / 2 } else { 2 * CHUNK };

    /// Transforms `count` columns from `first` on back, and writes the outputs that lie inside the
    /// image.
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
        // Narrower registers would leave half-written lines.
        let stream = bytes == 64
            && aligned
            && batch * height * width * channels * size_of::<T>() >= STREAM_BYTES;
        for tile in 0..self.count {
            let patch = self.tiling.patch(self.first + tile, self.tiling.target, M, (0, 0), M);
            let whole = patch.is_whole(M) && !self.finish.accumulate;
            for offset in (0..count).step_by(V::LANES) {
                let lanes = V::LANES.min(count - offset);
                let column = first + offset;
                // SAFETY: results have whole registers of columns at each frequency; the places
                // written lie inside the image, in tiles that belong to this block
                // alone, and have `lanes` channels from `column` on; so has the bias.
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

    /// Writes those outputs of a tile that lie inside the image: `lanes` channels from `column` on.
    ///
    /// # Safety
    /// They must be there, and this block's alone.
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
