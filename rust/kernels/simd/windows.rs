//! Pooling forward, one row of windows at a time, on registers: channels side by side, the last register of a pixel partly filled if
//! need be, so that any number of channels takes the same path.
//!
//! The place of a maximum travels beside it as a float, counted in pixels from the first of the window (exact below 2²⁴ pixels), and
//! becomes an index when it is stored.

use std::ops::Range;

use super::{Kernel, Vector, load_some, store_some};
use crate::kernels::Element;
use crate::kernels::geometry::Pool2dGeometry;

/// Registers of one pixel that are worked on together, where it has as many.
const BLOCK: usize = 4;

/// How many bytes ahead of a window its rows are asked for: rows read in turn, a few hundred bytes each, are no stream that a prefetcher of
/// the hardware would follow far enough.
const AHEAD: usize = 2 << 10;

/// Whether output row `oy` exists, and every window of it has pixels. The first and the last column stand for those between: windows only
/// move to the right.
pub(super) fn fits(g: &Pool2dGeometry, oy: usize) -> bool {
    let inside = |range: Range<usize>, size: usize| !range.is_empty() && range.end <= size;
    let ends = [0, g.out_width.saturating_sub(1)].map(|ox| inside(g.columns(ox), g.width));
    oy < g.out_height && inside(g.rows(oy), g.height) && ends == [true, true]
}

/// The largest value of each window of output row `oy` of `image`, and its index in the plane.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn max_row<T: Element>(g: &Pool2dGeometry, image: &[T], oy: usize, y: &mut [T], argmax: &mut [i32]) {
    let len = g.out_width * g.channels;
    assert!(fits(g, oy) && image.len() >= g.height * g.width * g.channels && y.len() >= len && argmax.len() >= len);
    T::dispatch(MaxRow { row: Row { g, image, rows: g.rows(oy), y }, argmax });
}

/// The sum over each window of output row `oy` of `image`, in row-major order, divided by `divisors`, one for each window of the row.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn mean_row<T: Element>(g: &Pool2dGeometry, image: &[T], oy: usize, divisors: &[T], y: &mut [T]) {
    let len = g.out_width * g.channels;
    assert!(fits(g, oy) && image.len() >= g.height * g.width * g.channels && y.len() >= len && divisors.len() >= g.out_width);
    T::dispatch(MeanRow { row: Row { g, image, rows: g.rows(oy), y }, divisors });
}

/// A row of windows: what it reads, and where it writes.
struct Row<'a, T> {
    g: &'a Pool2dGeometry,
    image: &'a [T],
    rows: Range<usize>,
    y: &'a mut [T],
}

/// One window of a row.
#[derive(Clone, Copy)]
struct Place {
    /// Its column.
    ox: usize,
    /// Its first pixel, in the plane.
    first: usize,
    /// Its rows and columns inside the image.
    size: (usize, usize),
}

impl<T: Element> Row<'_, T> {
    #[inline(always)]
    fn place(&self, ox: usize) -> Place {
        let columns = self.g.columns(ox);
        Place { ox, first: self.rows.start * self.g.width + columns.start, size: (self.rows.len(), columns.len()) }
    }

    /// Asks for what a window further on will read.
    #[inline(always)]
    fn prefetch<V: Vector<T>>(&self, place: Place) {
        for dy in 0..place.size.0 {
            let row = self.image.as_ptr().wrapping_add((place.first + dy * self.g.width) * self.g.channels + AHEAD / size_of::<T>());
            for at in (0..self.g.stride.1 * self.g.channels).step_by(V::LANES) {
                V::prefetch(row.wrapping_add(at));
            }
        }
    }

    /// `count` channels from `c` on, of the pixel `down` and `right` of the first of the window.
    ///
    /// # Safety
    /// The pixel must lie in the window, and `c + count` inside the channels.
    #[inline(always)]
    unsafe fn tap<V: Vector<T>>(&self, place: Place, down: usize, right: usize, c: usize, count: usize) -> V {
        let at = (place.first + down * self.g.width + right) * self.g.channels + c;
        // SAFETY: `max_row` and `mean_row` checked that the window lies inside the image, and its length.
        unsafe { load_some(self.image.as_ptr().add(at), count) }
    }
}

/// What one group of channels of one window becomes.
trait Window<T> {
    /// `BLOCKS` registers of `count` elements each, from channel `c` on; mark it `#[inline(always)]`.
    ///
    /// # Safety
    /// All of them must lie inside the channels.
    unsafe fn pool<V: Vector<T>, const BLOCKS: usize>(&mut self, place: Place, c: usize, count: usize);
}

/// Goes over the windows of a row and their channels.
#[inline(always)]
fn every_window<T: Element, V: Vector<T>>(channels: usize, place: Place, window: &mut impl Window<T>) {
    let mut c = 0;
    // SAFETY: as many channels as are left.
    unsafe {
        while c + BLOCK * V::LANES <= channels {
            window.pool::<V, BLOCK>(place, c, V::LANES);
            c += BLOCK * V::LANES;
        }
        while c < channels {
            window.pool::<V, 1>(place, c, V::LANES.min(channels - c));
            c += V::LANES;
        }
    }
}

struct MaxRow<'a, T> {
    row: Row<'a, T>,
    argmax: &'a mut [i32],
}

impl<T: Element> Kernel<T> for MaxRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        for ox in 0..self.row.g.out_width {
            let place = self.row.place(ox);
            self.row.prefetch::<V>(place);
            every_window::<T, V>(self.row.g.channels, place, &mut self);
        }
    }
}

impl<T: Element> MaxRow<'_, T> {
    /// The largest of a window of `rows` × `columns`; constants unroll the loops.
    ///
    /// # Safety
    /// As [`Row::tap`].
    #[inline(always)]
    unsafe fn largest<V: Vector<T>>(&self, place: Place, (rows, columns): (usize, usize), c: usize, count: usize) -> (V, V) {
        let (one, down) = (V::splat(T::ONE), V::splat(T::from_f64(self.row.g.width as f64)));
        // SAFETY: the caller's promise.
        unsafe {
            let mut best = (self.row.tap(place, 0, 0, c, count), V::zero());
            let (mut dy, mut row) = (0, V::zero());
            while dy < rows {
                let (mut dx, mut index) = (0, row);
                while dx < columns {
                    if (dy, dx) != (0, 0) {
                        best = V::larger(best, (self.row.tap(place, dy, dx, c, count), index));
                    }
                    index = index.add(one);
                    dx += 1;
                }
                row = row.add(down);
                dy += 1;
            }
            best
        }
    }
}

impl<T: Element> Window<T> for MaxRow<'_, T> {
    #[inline(always)]
    unsafe fn pool<V: Vector<T>, const BLOCKS: usize>(&mut self, place: Place, c: usize, count: usize) {
        for block in 0..BLOCKS {
            let c = c + block * V::LANES;
            // SAFETY: the caller's promise, and the lengths that `max_row` checked.
            unsafe {
                let (value, index): (V, V) = match place.size {
                    (2, 2) => self.largest(place, (2, 2), c, count),
                    (3, 3) => self.largest(place, (3, 3), c, count),
                    size => self.largest(place, size, c, count),
                };
                let at = place.ox * self.row.g.channels + c;
                store_some(value, self.row.y.as_mut_ptr().add(at), count);
                index.store_index(place.first as i32, self.argmax.as_mut_ptr().add(at), count);
            }
        }
    }
}

struct MeanRow<'a, T> {
    row: Row<'a, T>,
    divisors: &'a [T],
}

impl<T: Element> Kernel<T> for MeanRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        for ox in 0..self.row.g.out_width {
            let place = self.row.place(ox);
            self.row.prefetch::<V>(place);
            every_window::<T, V>(self.row.g.channels, place, &mut self);
        }
    }
}

impl<T: Element> MeanRow<'_, T> {
    /// The sum over a window of `rows` × `columns`; constants unroll the loops.
    ///
    /// # Safety
    /// As [`Row::tap`].
    #[inline(always)]
    unsafe fn sum<V: Vector<T>>(&self, place: Place, (rows, columns): (usize, usize), c: usize, count: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            let mut sum: V = self.row.tap(place, 0, 0, c, count);
            let mut dy = 0;
            while dy < rows {
                let mut dx = 0;
                while dx < columns {
                    if (dy, dx) != (0, 0) {
                        sum = sum.add(self.row.tap(place, dy, dx, c, count));
                    }
                    dx += 1;
                }
                dy += 1;
            }
            sum
        }
    }
}

impl<T: Element> Window<T> for MeanRow<'_, T> {
    #[inline(always)]
    unsafe fn pool<V: Vector<T>, const BLOCKS: usize>(&mut self, place: Place, c: usize, count: usize) {
        let divisor = V::splat(self.divisors[place.ox]);
        for block in 0..BLOCKS {
            let c = c + block * V::LANES;
            // SAFETY: the caller's promise, and the lengths that `mean_row` checked.
            unsafe {
                let sum: V = match place.size {
                    (2, 2) => self.sum(place, (2, 2), c, count),
                    (3, 3) => self.sum(place, (3, 3), c, count),
                    size => self.sum(place, size, c, count),
                };
                store_some(sum.div(divisor), self.row.y.as_mut_ptr().add(place.ox * self.row.g.channels + c), count);
            }
        }
    }
}
