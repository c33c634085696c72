//! Blocks of tiles for stride 2: the forward pass and the gradient of the input.

use super::transform::{Gradient, Image, column_of, five, outputs_of};
use super::{EVEN, FILTER_SIDE, OUTPUTS, PIXELS, SIDE, frequencies_of};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::conv2d::winograd::correlate::{FilterLayout, Source};
use crate::kernels::simd::conv2d::winograd::tiles::{PatchLayout, SharedTiles, TileLayout};
use crate::kernels::simd::conv2d::winograd::{Direct, Get, Patch, ROW_PADDING, Tiling};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};
use crate::kernels::tuning::WINOGRAD_SUM_STEPS;

/// One block of tiles by some columns: the forward pass, or the gradient of the input.
pub struct Block<'a, T, const BACKWARD: bool, const SHIFT: usize> {
    /// How images are cut into tiles.
    pub tiling: &'a Tiling,
    /// Source of the tiles.
    pub source: Source<'a, T>,
    /// Positions of the patches of the tiles.
    pub places: PatchLayout<'a>,
    /// All panels of transformed filters.
    pub filters: &'a [T],
    /// Layout of the filters.
    pub layout: FilterLayout,
    /// The result; each block writes the pixels of its own tiles.
    pub target: &'a SharedMut<'a, T>,
    /// Indices of the tiles of this block.
    pub tiles: std::ops::Range<usize>,
    /// Columns of this block; whole groups of panels.
    pub columns: std::ops::Range<usize>,
    /// Columns that are multiplied before their results are transformed back; whole panels.
    pub group: usize,
    /// Operations on the results before they are written.
    pub finish: &'a Epilogue<'a, T>,
}

impl<T: Element, const BACKWARD: bool, const SHIFT: usize> Kernel<T>
    for Block<'_, T, BACKWARD, SHIFT>
{
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let FilterLayout { depth, columns, width, frequencies } = self.layout;
        debug_assert!(width == panel_width::<T, V>() && frequencies == FILTER_SIDE * FILTER_SIDE);
        let count = self.tiles.len();
        let layout = TileLayout::new(depth, count);
        let TileLayout { row, frequency } = layout;
        let group = self.group;
        let result_row = group + ROW_PADDING;
        let result_frequency = count * result_row + ROW_PADDING;
        let own = matches!(self.source, Source::Images(..));
        let mut scratch = Scratch::<T>::take(if own { SIDE * SIDE * frequency } else { 0 })?;
        let mut results = Scratch::<T>::take(SIDE * SIDE * result_frequency)?;
        dry_run::scratch_complete()?;
        let inputs = match self.source {
            Source::Tiles(tiles) => tiles,
            Source::Images(images, activation_output) => {
                let (places, tiles) = (self.places, self.tiles.clone());
                let target = (&SharedMut::new(&mut scratch), 0);
                if BACKWARD {
                    V::call(SharedTiles::<T, _, EVEN> {
                        transform: Gradient::<SHIFT>,
                        images,
                        activation_output,
                        places,
                        tiles,
                        target,
                        layout,
                    });
                } else {
                    V::call(SharedTiles::<T, _, PIXELS> {
                        transform: Image,
                        images,
                        activation_output,
                        places,
                        tiles,
                        target,
                        layout,
                    });
                }
                &*scratch
            }
        };
        for first in self.columns.clone().step_by(group) {
            let panels = group.min(columns - first).div_ceil(width);
            let filters = &self.filters[first / width * self.layout.panel_len()..];
            for filter in 0..frequencies {
                for panel in 0..panels {
                    let filters = &filters[panel * self.layout.panel_len()
                        + filter * self.layout.frequency_stride()..];
                    for f in frequencies_of(filter) {
                        let mut tile = TileMut::new(
                            &mut results[f * result_frequency + panel * width..],
                            count,
                            width,
                            result_row,
                        );
                        for begin in (0..depth).step_by(WINOGRAD_SUM_STEPS) {
                            let segments = Segments {
                                a: &inputs[f * frequency..],
                                a_starts: &[begin],
                                a_row: row,
                                a_step: 1,
                                transposed: false,
                                b: filters,
                                b_starts: &[begin * width],
                                b_step: width,
                                steps: (depth - begin).min(WINOGRAD_SUM_STEPS),
                            };
                            let finish =
                                if begin > 0 { Epilogue::ACCUMULATE } else { Epilogue::OVERWRITE };
                            multiply::<T, V>(&segments, &mut tile, &finish);
                        }
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
        Ok(())
    }
}

impl<T: Element, const BACKWARD: bool, const SHIFT: usize> Block<'_, T, BACKWARD, SHIFT> {
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
        let size = if BACKWARD { 2 * OUTPUTS } else { OUTPUTS };
        for (i, tile) in self.tiles.clone().enumerate() {
            let patch = self.tiling.patch(tile, self.tiling.target, size, (0, 0), size);
            for offset in (0..count).step_by(V::LANES) {
                let lanes = V::LANES.min(count - offset);
                // SAFETY: results have whole registers of columns at each frequency; the outputs
                // that are written are inside the image, in tiles that belong to this block only,
                // and have `lanes` channels from `column` on; so has the bias.
                unsafe {
                    let start = results.as_ptr().add(i * row + offset);
                    let get = Direct { start, row: SIDE * frequency, column: frequency };
                    let bias = match self.finish.bias {
                        Some(bias) => load_some(bias.as_ptr().add(first + offset), lanes),
                        None => V::zero(),
                    };
                    self.transform_back::<V, _>(get, patch, bias, first + offset, lanes);
                }
            }
        }
    }

    /// Computes and writes the outputs of one tile.
    ///
    /// # Safety
    /// The registers that `get` reads must be readable, and the outputs inside the image must be
    /// writable.
    #[inline(always)]
    unsafe fn transform_back<V: Vector<T>, G: Get<V>>(
        &self,
        get: G,
        patch: Patch,
        bias: V,
        column: usize,
        lanes: usize,
    ) {
        // SAFETY: the caller's promise, here and below.
        unsafe {
            let mut even = [[V::zero(); SIDE]; OUTPUTS];
            for j in 0..SIDE {
                let values = outputs_of::<T, V>(column_of(get, j, 1));
                for o in 0..OUTPUTS {
                    even[o][j] =
                        if BACKWARD { values[o] } else { values[o].add(get.get(EVEN + o, j)) };
                }
            }
            for o in 0..OUTPUTS {
                if !BACKWARD {
                    let sums = outputs_of::<T, V>(five(&even[o], 1));
                    let mut outputs = [V::zero(); OUTPUTS];
                    for i in 0..OUTPUTS {
                        outputs[i] = sums[i].add(even[o][EVEN + i]).add(bias);
                    }
                    self.put_row::<V, OUTPUTS>(&outputs, patch, o, column, lanes);
                    continue;
                }
                let mut odd = [V::zero(); SIDE];
                for j in 0..SIDE {
                    odd[j] = get.get(EVEN + o, j);
                }
                for (row, place) in [(&even[o], 2 * o + 1 - SHIFT), (&odd, 2 * o + SHIFT)] {
                    let sums = outputs_of::<T, V>(five(row, 1));
                    let mut outputs = [V::zero(); 2 * OUTPUTS];
                    for i in 0..OUTPUTS {
                        outputs[2 * i + 1 - SHIFT] = sums[i];
                        outputs[2 * i + SHIFT] = row[EVEN + i];
                    }
                    self.put_row::<V, { 2 * OUTPUTS }>(&outputs, patch, place, column, lanes);
                }
            }
        }
    }

    /// Writes the outputs of a row that are inside the image: `lanes` channels from `column` on.
    ///
    /// # Safety
    /// These outputs must be within the target, and no other block may access them.
    #[inline(always)]
    unsafe fn put_row<V: Vector<T>, const SIZE: usize>(
        &self,
        outputs: &[V; SIZE],
        patch: Patch,
        row: usize,
        column: usize,
        lanes: usize,
    ) {
        if row >= patch.rows.1 {
            return;
        }
        for j in 0..SIZE {
            if j >= patch.columns.1 {
                return;
            }
            // SAFETY: the caller's promise.
            unsafe {
                let at = self.target.start().offset(patch.at(row, j)).add(column);
                let mut value = outputs[j];
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
