//! Pooling forward, one row of windows at a time, on registers: channels side by side, the last register of a pixel partly filled if
//! need be, so that any number of channels takes the same path.
//!
//! The place of a maximum travels beside it as a float, counted in pixels from the first of the window (exact below 2²⁴ pixels), and
//! becomes an index when it is stored.

use std::ops::Range;

use super::{Kernel, Vector, load_some, store_over};
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
    assert!(argmax.len() >= g.out_width * g.channels);
    pool_row(g, image, oy, y, Largest { argmax });
}

/// The sum over each window of output row `oy` of `image`, in row-major order, divided by `divisors`, one for each window of the row.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn mean_row<T: Element>(g: &Pool2dGeometry, image: &[T], oy: usize, divisors: &[T], y: &mut [T]) {
    assert!(divisors.len() >= g.out_width);
    pool_row(g, image, oy, y, Mean { divisors });
}

fn pool_row<T: Element>(g: &Pool2dGeometry, image: &[T], oy: usize, y: &mut [T], pooling: impl Pooling<T>) {
    assert!(fits(g, oy) && image.len() >= g.height * g.width * g.channels && y.len() >= g.out_width * g.channels);
    T::dispatch(PoolRow { g, image, rows: g.rows(oy), y, pooling });
}

/// What becomes of a window, from values paired with their places. Mark the methods `#[inline(always)]`.
trait Pooling<T> {
    /// The pair of all so far, and the next.
    fn join<V: Vector<T>>(all: (V, V), next: (V, V)) -> (V, V);
    /// The register to write for `count` elements from `at` on, of window `ox`, whose first pixel is `first`.
    ///
    /// # Safety
    /// The elements must lie inside the row.
    unsafe fn finish<V: Vector<T>>(&mut self, all: (V, V), ox: usize, first: usize, at: usize, count: usize) -> V;
}

struct Largest<'a> {
    argmax: &'a mut [i32],
}

impl<T: Element> Pooling<T> for Largest<'_> {
    #[inline(always)]
    fn join<V: Vector<T>>(all: (V, V), next: (V, V)) -> (V, V) {
        V::larger(all, next)
    }
    #[inline(always)]
    unsafe fn finish<V: Vector<T>>(&mut self, all: (V, V), _ox: usize, first: usize, at: usize, count: usize) -> V {
        // Windows are written in order: what is too much is written over.
        let count = if self.argmax.len() - at >= V::LANES { V::LANES } else { count };
        // SAFETY: the caller's promise; `max_row` checked the length.
        unsafe { all.1.store_index(first as i32, self.argmax.as_mut_ptr().add(at), count) };
        all.0
    }
}

struct Mean<'a, T> {
    divisors: &'a [T],
}

impl<T: Element> Pooling<T> for Mean<'_, T> {
    #[inline(always)]
    fn join<V: Vector<T>>(all: (V, V), next: (V, V)) -> (V, V) {
        (all.0.add(next.0), all.1)
    }
    #[inline(always)]
    unsafe fn finish<V: Vector<T>>(&mut self, all: (V, V), ox: usize, _first: usize, _at: usize, _count: usize) -> V {
        all.0.div(V::splat(self.divisors[ox]))
    }
}

struct PoolRow<'a, T, P> {
    g: &'a Pool2dGeometry,
    image: &'a [T],
    /// Input rows of the windows.
    rows: Range<usize>,
    y: &'a mut [T],
    pooling: P,
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

impl<T: Element, P: Pooling<T>> Kernel<T> for PoolRow<'_, T, P> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        let channels = self.g.channels;
        for ox in 0..self.g.out_width {
            let columns = self.g.columns(ox);
            let first = self.rows.start * self.g.width + columns.start;
            let place = Place { ox, first, size: (self.rows.len(), columns.len()) };
            self.prefetch::<V>(place);
            let mut c = 0;
            // SAFETY: as many channels as are left.
            unsafe {
                while c + BLOCK * V::LANES <= channels {
                    for block in 0..BLOCK {
                        self.window::<V>(place, c + block * V::LANES, V::LANES);
                    }
                    c += BLOCK * V::LANES;
                }
                while c < channels {
                    self.window::<V>(place, c, V::LANES.min(channels - c));
                    c += V::LANES;
                }
            }
        }
    }
}

impl<T: Element, P: Pooling<T>> PoolRow<'_, T, P> {
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

    /// `count` channels of a window, from `c` on.
    ///
    /// # Safety
    /// They must lie inside the channels.
    #[inline(always)]
    unsafe fn window<V: Vector<T>>(&mut self, place: Place, c: usize, count: usize) {
        let at = place.ox * self.g.channels + c;
        // SAFETY: the caller's promise, and the lengths that `pool_row` checked.
        unsafe {
            let all: (V, V) = match place.size {
                (2, 2) => self.all(place, (2, 2), c, count),
                (3, 3) => self.all(place, (3, 3), c, count),
                size => self.all(place, size, c, count),
            };
            let value = self.pooling.finish(all, place.ox, place.first, at, count);
            // Windows are written in order.
            store_over(value, self.y.as_mut_ptr().add(at), count, self.g.out_width * self.g.channels - at);
        }
    }

    /// All values of a window of `rows` × `columns`, joined in row-major order; constants unroll the loops.
    ///
    /// # Safety
    /// As [`PoolRow::window`].
    #[inline(always)]
    unsafe fn all<V: Vector<T>>(&self, place: Place, (rows, columns): (usize, usize), c: usize, count: usize) -> (V, V) {
        let (one, down) = (V::splat(T::ONE), V::splat(T::from_f64(self.g.width as f64)));
        // SAFETY: the caller's promise; rows and columns are those of the window.
        let mut all = (unsafe { self.tap(place, 0, 0, c, count) }, V::zero());
        let (mut dy, mut row) = (0, V::zero());
        while dy < rows {
            let (mut dx, mut index) = (0, row);
            while dx < columns {
                if (dy, dx) != (0, 0) {
                    // SAFETY: as above.
                    all = P::join(all, (unsafe { self.tap(place, dy, dx, c, count) }, index));
                }
                index = index.add(one);
                dx += 1;
            }
            row = row.add(down);
            dy += 1;
        }
        all
    }

    /// `count` channels from `c` on, of the pixel `down` and `right` of the first of the window.
    ///
    /// # Safety
    /// The pixel must lie in the window, and `c + count` inside the channels.
    #[inline(always)]
    unsafe fn tap<V: Vector<T>>(&self, place: Place, down: usize, right: usize, c: usize, count: usize) -> V {
        let at = (place.first + down * self.g.width + right) * self.g.channels + c;
        // SAFETY: `pool_row` checked that the window lies inside the image, and its length.
        unsafe { load_some(self.image.as_ptr().add(at), count) }
    }
}
