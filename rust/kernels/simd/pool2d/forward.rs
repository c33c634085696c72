//! Pooling forward, row by row of windows, on registers: channels side by side, the last register
//! of a pixel partly filled if need be, so that any number of channels takes the same path.
//!
//! The place of a maximum travels beside it as a float, counted in pixels from the first of the
//! window (exact below 2²⁴ pixels), and becomes an index when it is stored.

use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::simd::{Index, Kernel, load_some, store_some};
use crate::kernels::tuning::POOL_PREFETCH_BYTES;

/// Pixels from the first to the last of a window, below which they can be counted in an `f32`.
pub const LONGEST_WINDOW: usize = 1 << 24;

/// Whether output row `oy` exists, and every window of it has pixels. The first and the last column
/// stand for those between: windows only move to the right.
pub(super) fn fits(g: &Pool2dGeometry, oy: usize) -> bool {
    let inside = |range: Range<usize>, size: usize| !range.is_empty() && range.end <= size;
    let ends = [0, g.out_width.saturating_sub(1)].map(|ox| inside(g.columns(ox), g.width));
    oy < g.out_height && inside(g.rows(oy), g.height) && ends == [true, true]
}

/// The largest value of each window of output rows `lines`, counted through all images of `x`, and
/// its index in the plane.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn max_rows<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    lines: Range<usize>,
    y: &mut [T],
    argmax: &mut [i32],
) {
    assert!(argmax.len() >= lines.len() * g.out_width * g.channels);
    pool_rows(g, x, lines, y, Largest { argmax });
}

/// The sum over each window of output rows `lines`, counted as in [`max_rows`], in row-major order,
/// divided by `divisors`, one for each window of an image.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn mean_rows<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    lines: Range<usize>,
    divisors: &[T],
    y: &mut [T],
) {
    assert!(divisors.len() >= g.out_height * g.out_width);
    pool_rows(g, x, lines, y, Mean { divisors });
}

fn pool_rows<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    lines: Range<usize>,
    y: &mut [T],
    pooling: impl Pooling<T>,
) {
    if lines.is_empty() {
        return;
    }
    // The first and the last row stand for those between, as in `fits`.
    assert!(fits(g, 0) && fits(g, g.out_height - 1));
    assert!(
        lines.end <= g.batch * g.out_height
            && x.len() >= g.input_len()
            && y.len() >= lines.len() * g.out_width * g.channels
    );
    T::dispatch(PoolRows { g, x, lines, y, pooling });
}

/// What becomes of a window, from values paired with their places. Mark the methods
/// `#[inline(always)]`.
trait Pooling<T: Element> {
    /// The pair of all so far, and the next.
    fn join<V: Index<T>>(all: (V, V), next: (V, V)) -> (V, V);
    /// The register to write for `count` elements from `at` on of all that is written, of window
    /// `window` of its image, whose first pixel is `first`.
    ///
    /// # Safety
    /// The elements must be there.
    unsafe fn finish<V: Index<T>>(
        &mut self,
        all: (V, V),
        window: usize,
        first: usize,
        at: usize,
        count: usize,
    ) -> V;
}

struct Largest<'a> {
    argmax: &'a mut [i32],
}

impl<T: Element> Pooling<T> for Largest<'_> {
    #[inline(always)]
    fn join<V: Index<T>>(all: (V, V), next: (V, V)) -> (V, V) {
        V::larger(all, next)
    }
    #[inline(always)]
    unsafe fn finish<V: Index<T>>(
        &mut self,
        all: (V, V),
        _window: usize,
        first: usize,
        at: usize,
        count: usize,
    ) -> V {
        // SAFETY: the caller's promise; `max_rows` checked the length.
        unsafe { all.1.store_index(first as i32, self.argmax.as_mut_ptr().add(at), count) };
        all.0
    }
}

struct Mean<'a, T> {
    divisors: &'a [T],
}

impl<T: Element> Pooling<T> for Mean<'_, T> {
    #[inline(always)]
    fn join<V: Index<T>>(all: (V, V), next: (V, V)) -> (V, V) {
        (all.0.add(next.0), all.1)
    }
    #[inline(always)]
    unsafe fn finish<V: Index<T>>(
        &mut self,
        all: (V, V),
        window: usize,
        _first: usize,
        _at: usize,
        _count: usize,
    ) -> V {
        all.0.div(V::splat(self.divisors[window]))
    }
}

struct PoolRows<'a, T, P> {
    g: &'a Pool2dGeometry,
    x: &'a [T],
    lines: Range<usize>,
    y: &'a mut [T],
    pooling: P,
}

/// A run of windows in one output row, whose columns number the same.
struct Run {
    /// The first output row of all that are written, and the image and row of this one.
    line: (usize, usize, usize),
    /// Input rows of the windows.
    rows: Range<usize>,
    windows: Range<usize>,
    /// First input column of the first, and columns of each.
    start: usize,
    columns: usize,
}

impl<T: Element, P: Pooling<T>> Kernel<T> for PoolRows<'_, T, P> {
    type Output = ();
    #[inline(always)]
    fn run<V: Index<T>>(mut self) {
        let g = self.g;
        // Windows whose columns all lie inside the image; those beside them are the border's.
        let begin = g.padding.left.div_ceil(g.stride.1).min(g.out_width);
        let end = (g.width + g.padding.left)
            .checked_sub(g.kernel.1)
            .map_or(0, |last| last / g.stride.1 + 1)
            .min(g.out_width);
        let inside = begin..end.max(begin);
        let (mut image, mut oy) =
            (self.lines.start / g.out_height, self.lines.start % g.out_height);
        for line in 0..self.lines.len() {
            let rows = g.rows(oy);
            let run = |windows: Range<usize>, start, columns| Run {
                line: (line, image, oy),
                rows: rows.clone(),
                windows,
                start,
                columns,
            };
            for ox in (0..inside.start).chain(inside.end..g.out_width) {
                self.windows::<V, 0, 0>(&run(ox..ox + 1, g.columns(ox).start, g.columns(ox).len()));
            }
            if !inside.is_empty() {
                let run =
                    run(inside.clone(), inside.start * g.stride.1 - g.padding.left, g.kernel.1);
                match (rows.len(), g.kernel.1) {
                    (2, 2) => self.windows::<V, 2, 2>(&run),
                    (3, 3) => self.windows::<V, 3, 3>(&run),
                    _ => self.windows::<V, 0, 0>(&run),
                }
            }
            oy += 1;
            if oy == g.out_height {
                (image, oy) = (image + 1, 0);
            }
        }
    }
}

impl<T: Element, P: Pooling<T>> PoolRows<'_, T, P> {
    /// A run of windows. Their size stands in `ROWS` and `COLUMNS` where it is a common one:
    /// constants unroll the loops.
    #[inline(always)]
    fn windows<V: Index<T>, const ROWS: usize, const COLUMNS: usize>(&mut self, run: &Run) {
        // Everything that the loops need, in registers: they write through pointers, after which
        // fields would be read again.
        let (channels, width, step) = (self.g.channels, self.g.width, self.g.stride.1);
        let (rows, columns) =
            if ROWS > 0 { (ROWS, COLUMNS) } else { (run.rows.len(), run.columns) };
        let (line, image, oy) = run.line;
        let (out_width, plane) = (self.g.out_width, self.g.height * width * channels);
        let y = self.y.as_mut_ptr();
        // SAFETY: `pool_rows` checked that this image is there.
        let image = unsafe { self.x.as_ptr().add(image * plane) };
        let taps = WindowTaps {
            row: width * channels,
            channels,
            down: V::splat(T::from_f64(width as f64)),
            one: V::splat(T::ONE),
        };
        let mut first = run.rows.start * width + run.start;
        for ox in run.windows.clone() {
            for dy in 0..rows {
                let ahead = image.wrapping_add(
                    first * channels + dy * taps.row + POOL_PREFETCH_BYTES / size_of::<T>(),
                );
                for at in (0..step * channels).step_by(V::LANES) {
                    V::prefetch(ahead.wrapping_add(at));
                }
            }
            let mut c = 0;
            while c < channels {
                let (count, at) =
                    (V::LANES.min(channels - c), (line * out_width + ox) * channels + c);
                // SAFETY: `pool_rows` checked that the windows lie inside the image, and the
                // lengths; `c + count` is inside the channels.
                unsafe {
                    let from = image.add(first * channels + c);
                    let all = if count == V::LANES {
                        taps.all::<T, P>(from, rows, columns, V::LANES)
                    } else {
                        taps.all::<T, P>(from, rows, columns, count)
                    };
                    let value: V = self.pooling.finish(all, oy * out_width + ox, first, at, count);
                    store_some(value, y.add(at), count);
                }
                c += V::LANES;
            }
            first += step;
        }
    }
}

/// How far apart the pixels of a window lie, in elements, and how far in places.
#[derive(Clone, Copy)]
struct WindowTaps<V> {
    row: usize,
    channels: usize,
    down: V,
    one: V,
}

impl<V> WindowTaps<V> {
    /// All values of a window of `rows` × `columns` from `from` on, joined in row-major order.
    ///
    /// # Safety
    /// `count` elements, at most a register, must be readable at each pixel.
    #[inline(always)]
    unsafe fn all<T: Element, P: Pooling<T>>(
        self,
        from: *const T,
        rows: usize,
        columns: usize,
        count: usize,
    ) -> (V, V)
    where
        V: Index<T>,
    {
        // SAFETY: the caller's promise, here and below.
        let mut all = (unsafe { load_some(from, count) }, V::zero());
        let (mut dy, mut row) = (0, V::zero());
        while dy < rows {
            let (mut dx, mut index) = (0, row);
            while dx < columns {
                if (dy, dx) != (0, 0) {
                    // SAFETY: as above.
                    let value =
                        unsafe { load_some(from.add(dy * self.row + dx * self.channels), count) };
                    all = P::join(all, (value, index));
                }
                index = index.add(self.one);
                dx += 1;
            }
            row = row.add(self.down);
            dy += 1;
        }
        all
    }
}
