//! Gradient of the weights for stride 2: sums over tiles, transformed back.

use super::transform::taps_of;
use super::{FILTER_SIDE, frequencies_of};
use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::simd::conv2d::winograd::tiles::TileLayout;
use crate::kernels::simd::conv2d::winograd::{Direct, ROW_PADDING};
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};
use crate::kernels::tuning::SUM_STEPS;

/// Sums all tiles for a rectangle of the gradient of the weights and transforms the sums back.
pub struct Rectangle<'a, T> {
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
    /// The gradient `[3, 3, depth, columns]`; each item writes its own rectangle.
    pub target: &'a SharedMut<'a, T>,
}

impl<T: Element> Kernel<T> for Rectangle<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let (channels, filters) = self.part;
        let (depth, columns) = (channels.len(), filters.len());
        let row = columns.next_multiple_of(V::LANES);
        let stride = depth * row + ROW_PADDING;
        let mut sums = Scratch::<T>::take(FILTER_SIDE * FILTER_SIDE * stride)?;
        dry_run::scratch_complete()?;
        let ((inputs, layout_x), (gradients, layout_y)) = (self.inputs, self.gradients);
        for filter in 0..FILTER_SIDE * FILTER_SIDE {
            for column in (0..columns).step_by(panel_width::<T, V>()) {
                let wide = panel_width::<T, V>().min(columns - column);
                let mut finish = Epilogue::OVERWRITE;
                for f in frequencies_of(filter) {
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
                        multiply::<T, V>(
                            &segments,
                            &mut TileMut::new(
                                &mut sums[filter * stride + column..],
                                depth,
                                wide,
                                row,
                            ),
                            &finish,
                        );
                        finish = Epilogue::ACCUMULATE;
                    }
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
                    let get = Direct { start, row: FILTER_SIDE * stride, column: stride };
                    let outputs = taps_of::<T, V, _>(get);
                    for i in 0..3 {
                        for j in 0..3 {
                            let line = (i * 3 + j) * self.size.0 + channels.start + channel;
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
