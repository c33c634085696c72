//! SIMD forward pass of pooling, one row of windows at a time. A register holds neighbouring
//! channels of a pixel. The last register of a pixel may be partial, so that any number of channels
//! takes the same path.
//!
//! The position of a maximum is kept as a float: its offset in pixels from the first pixel of the
//! window, exact below 2²⁴ pixels. It is converted to an index when it is stored.

use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::simd::{Index, Kernel, load_some, store_some};
use crate::kernels::tuning::POOL_PREFETCH_BYTES;

/// Bound on the distance in pixels from the first to the last pixel of a window. Below it, an `f32`
/// holds every offset exactly.
pub const LONGEST_WINDOW: usize = 1 << 24;

/// Whether output row `oy` exists and each of its windows covers at least one pixel. Only the first
/// and the last column are checked. This covers the columns between them, since the windows move to
/// the right from column to column.
pub(super) fn fits(g: &Pool2dGeometry, oy: usize) -> bool {
    let inside = |range: Range<usize>, size: usize| !range.is_empty() && range.end <= size;
    let ends = [0, g.out_width.saturating_sub(1)].map(|ox| inside(g.columns(ox), g.width));
    oy < g.out_height && inside(g.rows(oy), g.height) && ends == [true, true]
}

/// Writes the largest value of each window in output rows `lines` to `y`, and its index in the
/// plane to `argmax`. Rows are numbered through all images of `x`.
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

/// Writes the mean of each window in output rows `lines` to `y`: the sum in row-major order,
/// divided by the element of `divisors` for this window of the image. Rows are numbered as in
/// [`max_rows`].
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
    // Checking the first and the last row covers the rows between them, as the columns in `fits`.
    assert!(fits(g, 0) && fits(g, g.out_height - 1));
    assert!(
        lines.end <= g.batch * g.out_height
            && x.len() >= g.input_len()
            && y.len() >= lines.len() * g.out_width * g.channels
    );
    T::dispatch(PoolRows { g, x, lines, y, pooling });
}

/// Reduction of a window. Each value is paired with its offset in the window. Mark the methods
/// `#[inline(always)]`.
trait Pooling<T: Element> {
    /// Combines the pair `all` of the values so far with the next pair.
    fn join<V: Index<T>>(all: (V, V), next: (V, V)) -> (V, V);
    /// The register to write for `count` elements, which start at element `at` of the output. They
    /// belong to window `window` of the image, whose first pixel has index `first`.
    ///
    /// # Safety
    /// These elements must be within the output.
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
        // SAFETY: the caller's promise; `max_rows` checked the length of `argmax`.
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

/// A run of windows in one output row that cover the same number of columns.
struct Run {
    /// The output row, counted from the first row that is written; its image; and the row in this
    /// image.
    line: (usize, usize, usize),
    /// Input rows that the windows cover.
    rows: Range<usize>,
    windows: Range<usize>,
    /// First input column of the first window. Each window covers `columns` columns.
    start: usize,
    columns: usize,
}

impl<T: Element, P: Pooling<T>> Kernel<T> for PoolRows<'_, T, P> {
    type Output = ();
    #[inline(always)]
    fn run<V: Index<T>>(mut self) {
        let g = self.g;
        // Windows whose columns are all inside the image. The windows to their left and right
        // overlap the border and are pooled one at a time.
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
    /// Pools a run of windows. For common window sizes, `ROWS` and `COLUMNS` are the size, so that
    /// the compiler unrolls the loops. For other sizes they are 0.
    #[inline(always)]
    fn windows<V: Index<T>, const ROWS: usize, const COLUMNS: usize>(&mut self, run: &Run) {
        // Copies of the fields that the loops need, so that they stay in registers. The loops write
        // through pointers, and the compiler would read the fields again after each write.
        let (channels, width, step) = (self.g.channels, self.g.width, self.g.stride.1);
        let (rows, columns) =
            if ROWS > 0 { (ROWS, COLUMNS) } else { (run.rows.len(), run.columns) };
        let (line, image, oy) = run.line;
        let (out_width, plane) = (self.g.out_width, self.g.height * width * channels);
        let y = self.y.as_mut_ptr();
        // SAFETY: `pool_rows` checked that `x` has this image.
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
                // SAFETY: `pool_rows` checked that the windows are inside the image, and the
                // lengths of the slices; `c + count` does not exceed the channels.
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

/// Distances between the pixels of a window: `row` and `channels` in elements, to the pixel below
/// and to the next pixel; `down` and `one` as offsets in pixels.
#[derive(Clone, Copy)]
struct WindowTaps<V> {
    row: usize,
    channels: usize,
    down: V,
    one: V,
}

impl<V> WindowTaps<V> {
    /// Joins all values of the window of `rows` × `columns` pixels that starts at `from`, in
    /// row-major order.
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
