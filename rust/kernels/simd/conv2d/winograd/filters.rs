//! Filters of a Winograd convolution: the layout of transformed filters, and the transform of a
//! panel.

use std::marker::PhantomData;

use super::{Direct, Frequencies, Gathered, ROW_PADDING, Transform};
use crate::kernels::Element;
use crate::kernels::simd::{Kernel, MAX_LANES, Vector, load_some};

/// Number of channels that are turned at a time: a cache line of floats.
const TURN_CHANNELS: usize = 16;

/// Number of taps of the largest filter.
const MAX_TAPS: usize = 25;

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
    /// Elements from one frequency to the next. Includes padding, so that frequencies do not map to
    /// the same cache sets.
    pub fn frequency_stride(&self) -> usize {
        self.depth * self.width + 2 * ROW_PADDING
    }

    /// Number of elements of one panel.
    pub fn panel_len(&self) -> usize {
        self.frequencies * self.frequency_stride()
    }

    /// Total number of elements.
    pub fn total_len(&self) -> usize {
        self.columns.div_ceil(self.width) * self.panel_len()
    }
}

/// Filters as given by the user, not transformed.
#[derive(Clone, Copy)]
pub struct PlainFilters<'a, T> {
    /// `[R, R, depth, columns]`, or `[R, R, columns, depth]` if `turned`.
    pub weight: &'a [T],
    /// Turn the filters for the gradient of the input: reverse the order of taps and exchange the
    /// channel axes.
    pub turned: bool,
}

/// Transforms each filter of one panel by transform `K`.
pub struct TransformFilters<'a, T, K, const R: usize> {
    /// The filters.
    pub filters: PlainFilters<'a, T>,
    /// Layout of the transformed filters.
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
                    // SAFETY: `count` columns from `first` on exist, and so do the turned taps of
                    // `channels` channels; for each frequency and each channel below `depth`, LANES
                    // columns below `width` are within the panel.
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

/// Turns some channels of `count` filters from `first` on and writes them to
/// `taps[tap][channel][lane]`, with a register of filters for each tap and channel. Lanes after the
/// last filter are not written and stay zero.
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
