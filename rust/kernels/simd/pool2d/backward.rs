//! SIMD backward pass of pooling: distributes each window's gradient to its pixels.
//!
//! If windows do not overlap, each row of windows writes its own input rows ([`spread_rows`]). If
//! windows overlap, each pixel sums the gradients of the windows that cover it, in row-major order
//! ([`gather_row`]). Each pixel is then written once, independently of the number of these windows.

use std::ops::Range;

use super::forward::fits;
use crate::kernels::Element;
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::simd::{Index, Kernel, load_some, store_some};

/// Registers of one pixel that are processed together, if the pixel has at least this number.
const BLOCK: usize = 4;

/// Gradient that the windows of one image pass to their pixels.
pub trait WindowGradient<T: Element>: Copy {
    /// Whether the data suffices for `windows` windows and `elements` output elements.
    fn covers(&self, windows: usize, elements: usize) -> bool;
    /// The gradient that `count` output elements pass to the pixel with index `pixel`, and the
    /// number of these elements that selected this pixel. The elements start at `at` and belong to
    /// window `window`. Mark it `#[inline(always)]`.
    ///
    /// # Safety
    /// [`WindowGradient::covers`] must be true for more than `window` windows and for `at + count`
    /// elements.
    unsafe fn at_pixel<V: Index<T>>(
        self,
        at: usize,
        window: usize,
        pixel: usize,
        count: usize,
    ) -> (V, u32);
}

/// Gradient of max-pooling: all of it is passed to the pixel that was selected.
#[derive(Clone, Copy)]
pub struct MaxGradient<'a, T> {
    /// The gradient of the output.
    pub grad_output: &'a [T],
    /// The index of the pixel that each element of the output selected.
    pub argmax: &'a [i32],
}

impl<T: Element> WindowGradient<T> for MaxGradient<'_, T> {
    fn covers(&self, _windows: usize, elements: usize) -> bool {
        self.grad_output.len() >= elements && self.argmax.len() >= elements
    }
    #[inline(always)]
    unsafe fn at_pixel<V: Index<T>>(
        self,
        at: usize,
        _window: usize,
        pixel: usize,
        count: usize,
    ) -> (V, u32) {
        // SAFETY: the caller's promise.
        unsafe {
            let grad: V = load_some(self.grad_output.as_ptr().add(at), count);
            grad.where_index(self.argmax.as_ptr().add(at), pixel as i32, count)
        }
    }
}

/// Gradient of average pooling: each pixel gets the same share.
#[derive(Clone, Copy)]
pub struct MeanGradient<'a, T> {
    /// The gradient of the output.
    pub grad_output: &'a [T],
    /// For each window, the share of one pixel: the factor for the gradient.
    pub shares: &'a [T],
}

impl<T: Element> WindowGradient<T> for MeanGradient<'_, T> {
    fn covers(&self, windows: usize, elements: usize) -> bool {
        self.grad_output.len() >= elements && self.shares.len() >= windows
    }
    #[inline(always)]
    unsafe fn at_pixel<V: Index<T>>(
        self,
        at: usize,
        window: usize,
        _pixel: usize,
        count: usize,
    ) -> (V, u32) {
        // SAFETY: the caller's promise.
        unsafe {
            let grad: V = load_some(self.grad_output.as_ptr().add(at), count);
            (grad.mul(V::splat(*self.shares.get_unchecked(window))), 0)
        }
    }
}

/// A row of windows: its image, the row, and the complete input rows that belong to it. A row
/// number past the last row of windows is used for input rows that belong to no window.
pub type Band<'a, T> = (usize, usize, &'a mut [T]);

/// `grad_input (+)= gradient_rule` for the pixels of rows of windows that do not overlap. The
/// gradient is zero for pixels that no window covers. Returns the number of output elements that
/// selected one of the pixels. `gradient_rule(image)` returns the rule for an image.
///
/// With `stream`, the gradient is written with non-temporal stores, which bypass the caches, if its
/// alignment allows it. This is faster if the whole gradient is larger than the caches.
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn spread_rows<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    gradient_rule: impl Fn(usize) -> G,
    accumulate: bool,
    stream: bool,
    bands: &mut [Band<'_, T>],
) -> usize {
    // Checking the first and the last row covers the rows between them.
    assert!(g.out_height == 0 || fits(g, 0) && fits(g, g.out_height - 1));
    let row = g.width * g.channels;
    assert!(
        bands.iter().all(|(_, oy, grad_input)| *oy >= g.out_height
            || grad_input.len() >= g.rows(*oy).len() * row)
    );
    let stream =
        stream && !accumulate && bands.iter().all(|(_, _, grad_input)| aligned(g, grad_input));
    T::dispatch(SpreadRows { g, gradient_rule, accumulate, stream, bands })
}

/// Whether every register of every pixel of `grad_input` is aligned to its size.
fn aligned<T>(g: &Pool2dGeometry, grad_input: &[T]) -> bool {
    grad_input.as_ptr().addr().is_multiple_of(64)
        && (g.channels * size_of::<T>()).is_multiple_of(64)
}

struct SpreadRows<'a, 'b, T, F> {
    g: &'a Pool2dGeometry,
    gradient_rule: F,
    accumulate: bool,
    stream: bool,
    bands: &'a mut [Band<'b, T>],
}

impl<T: Element, G: WindowGradient<T>, F: Fn(usize) -> G> Kernel<T> for SpreadRows<'_, '_, T, F> {
    type Output = usize;
    #[inline(always)]
    fn run<V: Index<T>>(self) -> usize {
        let (g, channels) = (self.g, self.g.channels);
        let sparse = g.out_width * g.kernel.1 < g.width || g.kernel.1 < g.stride.1;
        let mut found = 0;
        for &mut (image, oy, ref mut grad_input) in self.bands {
            if !self.accumulate && (oy >= g.out_height || sparse) {
                grad_input.fill(T::ZERO); // pixels that no window covers
            }
            if oy >= g.out_height {
                continue;
            }
            let (gradient_rule, rows, to) =
                ((self.gradient_rule)(image), g.rows(oy), grad_input.as_mut_ptr());
            let windows = g.out_height * g.out_width;
            assert!(gradient_rule.covers(windows, windows * channels));
            for ox in 0..g.out_width {
                let (columns, window) = (g.columns(ox), oy * g.out_width + ox);
                for c in (0..channels).step_by(V::LANES) {
                    let count = V::LANES.min(channels - c);
                    for dy in 0..rows.len() {
                        for ix in columns.clone() {
                            // SAFETY: `spread_rows` checked the lengths; columns are inside the
                            // image, and `c + count` does not exceed the channels.
                            unsafe {
                                let pixel = (rows.start + dy) * g.width + ix;
                                let (mut value, met) = gradient_rule.at_pixel::<V>(
                                    window * channels + c,
                                    window,
                                    pixel,
                                    count,
                                );
                                found += met as usize;
                                let to = to.add((dy * g.width + ix) * channels + c);
                                if self.accumulate {
                                    value = value.add(load_some::<T, V>(to, count));
                                }
                                if self.stream {
                                    value.stream(to)
                                } else {
                                    store_some(value, to, count)
                                }
                            }
                        }
                    }
                }
            }
        }
        if self.stream {
            V::fence();
        }
        found
    }
}

/// `grad_input (+)= Σ gradient_rule` for input row `iy`, where `grad_input` is this row. Returns
/// the number of output elements that selected one of its pixels.
///
/// `stream` has the same meaning as in [`spread_rows`].
///
/// # Panics
/// When a slice is shorter than the geometry says.
pub fn gather_row<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    iy: usize,
    gradient_rule: G,
    accumulate: bool,
    stream: bool,
    grad_input: &mut [T],
) -> usize {
    let (rows, windows) = (g.windows_down(iy), g.out_height * g.out_width);
    assert!(
        rows.end <= g.out_height
            && gradient_rule.covers(windows, windows * g.channels)
            && grad_input.len() >= g.width * g.channels
    );
    let stream = stream && !accumulate && aligned(g, grad_input);
    T::dispatch(GatherRow { g, iy, rows, gradient_rule, accumulate, stream, grad_input })
}

struct GatherRow<'a, T, G> {
    g: &'a Pool2dGeometry,
    iy: usize,
    /// Rows of windows that cover the input row.
    rows: Range<usize>,
    gradient_rule: G,
    accumulate: bool,
    stream: bool,
    grad_input: &'a mut [T],
}

impl<T: Element, G: WindowGradient<T>> Kernel<T> for GatherRow<'_, T, G> {
    type Output = usize;
    #[inline(always)]
    fn run<V: Index<T>>(mut self) -> usize {
        let (g, channels) = (self.g, self.g.channels);
        let (mut found, mut columns) = (0, 0..0);
        for ix in 0..g.width {
            let place = ix + g.padding.left;
            while columns.end < g.out_width && columns.end * g.stride.1 <= place {
                columns.end += 1;
            }
            while columns.start < columns.end && columns.start * g.stride.1 + g.kernel.1 <= place {
                columns.start += 1;
            }
            let mut c = 0;
            // SAFETY: accesses no more channels than are left; the columns were just found to cover
            // `ix`.
            unsafe {
                while c + BLOCK * V::LANES <= channels {
                    found += self.pixel::<V, BLOCK>(&columns, ix, c, V::LANES);
                    c += BLOCK * V::LANES;
                }
                while c < channels {
                    found += self.pixel::<V, 1>(&columns, ix, c, V::LANES.min(channels - c));
                    c += V::LANES;
                }
            }
        }
        if self.stream {
            V::fence();
        }
        found
    }
}

impl<T: Element, G: WindowGradient<T>> GatherRow<'_, T, G> {
    /// Computes `BLOCKS` registers of `count` elements each, from channel `c` of column `ix` on.
    ///
    /// # Safety
    /// The registers must not exceed the channels, and `columns` must be within the output.
    #[inline(always)]
    unsafe fn pixel<V: Index<T>, const BLOCKS: usize>(
        &mut self,
        columns: &Range<usize>,
        ix: usize,
        c: usize,
        count: usize,
    ) -> usize {
        let (g, mut found) = (self.g, 0);
        let mut sums = [V::zero(); BLOCKS];
        // SAFETY: the caller's promise; `gather_row` checked that `gradient_rule` covers the output
        // and that `grad_input` has the whole row.
        unsafe {
            let to = self.grad_input.as_mut_ptr().add(ix * g.channels + c);
            if self.accumulate {
                for (block, sum) in sums.iter_mut().enumerate() {
                    *sum = load_some(to.add(block * V::LANES), count);
                }
            }
            for oy in self.rows.clone() {
                for ox in columns.clone() {
                    let window = oy * g.out_width + ox;
                    for (block, sum) in sums.iter_mut().enumerate() {
                        let at = window * g.channels + c + block * V::LANES;
                        let (value, met) = self.gradient_rule.at_pixel::<V>(
                            at,
                            window,
                            self.iy * g.width + ix,
                            count,
                        );
                        *sum = sum.add(value);
                        found += met as usize;
                    }
                }
            }
            for (block, &sum) in sums.iter().enumerate() {
                let to = to.add(block * V::LANES);
                if self.stream { sum.stream(to) } else { store_some(sum, to, count) }
            }
        }
        found
    }
}
