//! Max-pooling of one row of windows, on registers: channels side by side, the last register of a pixel partly filled if need be.
//!
//! The place of the maximum travels beside it as a float, counted in pixels from the first of the window (exact below 2²⁴ pixels), and
//! becomes an index when it is stored.

use std::ops::Range;

use super::{Kernel, Vector, load_some, store_some};
use crate::kernels::Element;
use crate::kernels::geometry::Pool2dGeometry;

/// Whether output row `oy` exists, and every window of it has pixels. The first and the last column stand for those between: windows only
/// move to the right.
fn fits(g: &Pool2dGeometry, oy: usize) -> bool {
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
    T::dispatch(MaxRow { g, image, rows: g.rows(oy), y, argmax });
}

struct MaxRow<'a, T> {
    g: &'a Pool2dGeometry,
    image: &'a [T],
    rows: Range<usize>,
    y: &'a mut [T],
    argmax: &'a mut [i32],
}

impl<T: Element> Kernel<T> for MaxRow<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let (g, channels) = (self.g, self.g.channels);
        let (one, down) = (V::splat(T::ONE), V::splat(T::from_f64(g.width as f64)));
        for ox in 0..g.out_width {
            let columns = g.columns(ox);
            let first = self.rows.start * g.width + columns.start;
            for c in (0..channels).step_by(V::LANES) {
                let count = V::LANES.min(channels - c);
                // SAFETY: `max_row` checked the lengths; rows and columns lie inside the image, and `c + count` inside the channels.
                unsafe {
                    let tap = |down: usize, right: usize| {
                        load_some::<T, V>(self.image.as_ptr().add((first + down * g.width + right) * channels + c), count)
                    };
                    let mut best = (tap(0, 0), V::zero());
                    if self.rows.len() == 2 && columns.len() == 2 {
                        best = V::larger(best, (tap(0, 1), one));
                        best = V::larger(best, (tap(1, 0), down));
                        best = V::larger(best, (tap(1, 1), down.add(one)));
                    } else {
                        let mut row = V::zero();
                        for dy in 0..self.rows.len() {
                            let mut place = row;
                            for dx in 0..columns.len() {
                                best = V::larger(best, (tap(dy, dx), place));
                                place = place.add(one);
                            }
                            row = row.add(down);
                        }
                    }
                    let at = ox * channels + c;
                    store_some(best.0, self.y.as_mut_ptr().add(at), count);
                    best.1.store_index(first as i32, self.argmax.as_mut_ptr().add(at), count);
                }
            }
        }
    }
}

/// `grad_x (+)= grad_y` at the chosen pixels of one row of windows that do not overlap; returns how many were found inside their windows.
/// `grad_x` holds the input rows that belong to the windows, whole; those between windows are zero already, or held with `accumulate`.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn spread_row<T: Element>(g: &Pool2dGeometry, oy: usize, grad_y: &[T], argmax: &[i32], accumulate: bool, grad_x: &mut [T]) -> usize {
    let (len, rows) = (g.out_width * g.channels, g.rows(oy));
    assert!(grad_x.len() >= rows.len() * g.width * g.channels && fits(g, oy) && grad_y.len() >= len && argmax.len() >= len);
    T::dispatch(SpreadRow { g, rows, grad_y, argmax, accumulate, grad_x })
}

struct SpreadRow<'a, T> {
    g: &'a Pool2dGeometry,
    rows: Range<usize>,
    grad_y: &'a [T],
    argmax: &'a [i32],
    accumulate: bool,
    grad_x: &'a mut [T],
}

impl<T: Element> Kernel<T> for SpreadRow<'_, T> {
    type Output = usize;
    #[inline(always)]
    fn run<V: Vector<T>>(self) -> usize {
        let (g, channels) = (self.g, self.g.channels);
        let mut found = 0;
        for ox in 0..g.out_width {
            let columns = g.columns(ox);
            for c in (0..channels).step_by(V::LANES) {
                let count = V::LANES.min(channels - c);
                let at = ox * channels + c;
                // SAFETY: `spread_row` checked the lengths; columns lie inside the image, and `c + count` inside the channels.
                unsafe {
                    let grad = load_some::<T, V>(self.grad_y.as_ptr().add(at), count);
                    for dy in 0..self.rows.len() {
                        for ix in columns.clone() {
                            let index = (self.rows.start + dy) * g.width + ix;
                            let (mut value, met) = grad.where_index(self.argmax.as_ptr().add(at), index as i32, count);
                            found += met as usize;
                            let to = self.grad_x.as_mut_ptr().add((dy * g.width + ix) * channels + c);
                            if self.accumulate {
                                value = value.add(load_some::<T, V>(to, count));
                            }
                            store_some(value, to, count);
                        }
                    }
                }
            }
        }
        found
    }
}
