//! Gradient of depthwise convolution with respect to the weights. For each channel and tap,
//! products of pixels are summed in registers.

use crate::kernels::Element;
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};

/// A run of output pixels, and a rectangle of taps that all of them use. Tap (`r`, `c`) of pixel
/// `p` is at `x[x_start + r * tap_row + c * tap_column + p * x_step]`, and the gradient of the
/// pixel is at `grad[grad_start + p * channels]`.
#[derive(Clone, Copy)]
pub struct WeightGradient<'a, T> {
    /// The input.
    pub x: &'a [T],
    /// Position of the first tap of the first pixel in `x`.
    pub x_start: usize,
    /// Elements of the input from one output pixel to the next.
    pub x_step: usize,
    /// Elements of the input from one row of taps to the next.
    pub tap_row: usize,
    /// Elements of the input from one tap to the next.
    pub tap_column: usize,
    /// The gradient of the output.
    pub grad: &'a [T],
    /// Mask, as long as `grad`: where it is not positive, the gradient is taken as zero.
    pub activation_output: Option<&'a [T]>,
    /// Position of the first pixel in `grad`.
    pub grad_start: usize,
    /// Number of output pixels.
    pub pixels: usize,
    /// Number of channels.
    pub channels: usize,
    /// Elements of the sums from one row of taps to the next.
    pub sums_row: usize,
}

impl<T: Element> WeightGradient<'_, T> {
    /// `sums[r * sums_row + c * channels + channel] += Σ_pixels x grad` for a rectangle of `rows` ×
    /// `columns` taps: 3×3, or one row of up to [`MAX_TAPS`].
    ///
    /// # Panics
    /// When an array is shorter than the run needs, or for any other rectangle: a bug in the
    /// caller.
    #[inline(always)]
    pub fn add<V: Vector<T>>(&self, rows: usize, columns: usize, sums: &mut [T]) {
        if self.pixels == 0 {
            return;
        }
        let x_reach = (rows - 1) * self.tap_row
            + (columns - 1) * self.tap_column
            + (self.pixels - 1) * self.x_step
            + self.channels;
        assert!(self.x_start + x_reach <= self.x.len(), "x outside its slice");
        let grad_end = self.grad_start + self.pixels * self.channels;
        assert!(
            grad_end <= self.grad.len()
                && self
                    .activation_output
                    .is_none_or(|activation_output| grad_end <= activation_output.len()),
            "gradient outside its slice"
        );
        assert!(
            (rows - 1) * self.sums_row + columns * self.channels <= sums.len(),
            "sums outside their slice"
        );
        macro_rules! by_taps {
            ($(($rows:literal, $columns:literal))*) => {
                match (rows, columns, self.activation_output.is_some()) {
                    $(
                        ($rows, $columns, false) => V::call(TapSums::<T, $rows, $columns, false>(self, sums)),
                        ($rows, $columns, true) => V::call(TapSums::<T, $rows, $columns, true>(self, sums)),
                    )*
                    _ => unreachable!("no kernel for this rectangle of taps"),
                }
            };
        }
        by_taps!((3, 3)(1, 1)(1, 2)(1, 3)(1, 4)(1, 5));
    }
}

/// Largest number of taps of a row that [`WeightGradient::add`] accepts.
pub const MAX_TAPS: usize = 5;

/// [`WeightGradient`] with a rectangle of taps that is known at compile time.
struct TapSums<'a, 's, T, const ROWS: usize, const COLUMNS: usize, const GATED: bool>(
    &'a WeightGradient<'s, T>,
    &'a mut [T],
);

impl<T: Element, const ROWS: usize, const COLUMNS: usize, const GATED: bool> Kernel<T>
    for TapSums<'_, '_, T, ROWS, COLUMNS, GATED>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(mut self) {
        let channels = self.0.channels;
        let whole = channels / V::LANES * V::LANES;
        for channel in (0..whole).step_by(V::LANES) {
            // SAFETY: `add` checked that these pixels' channels are within every slice.
            unsafe { self.channels::<V>(channel, V::LANES) }
        }
        if whole < channels {
            // SAFETY: as above, up to the last channel.
            unsafe { self.channels::<V>(whole, channels - whole) }
        }
    }
}

impl<T: Element, const ROWS: usize, const COLUMNS: usize, const GATED: bool>
    TapSums<'_, '_, T, ROWS, COLUMNS, GATED>
{
    /// Computes `count` channels, at most a register.
    ///
    /// # Safety
    /// They must be within the slices.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn channels<V: Vector<T>>(&mut self, channel: usize, count: usize) {
        let p = self.0;
        let mut sums = [[V::zero(); COLUMNS]; ROWS];
        // SAFETY: the caller's promise.
        unsafe {
            let mut x = p.x.as_ptr().add(p.x_start + channel);
            let mut grad = p.grad.as_ptr().add(p.grad_start + channel);
            let mut activation_output =
                p.activation_output.unwrap_or(p.grad).as_ptr().add(p.grad_start + channel);
            for _ in 0..p.pixels {
                let mut value: V = load_some(grad, count);
                if GATED {
                    value = value.where_positive(load_some(activation_output, count));
                }
                for r in 0..ROWS {
                    let x = x.add(r * p.tap_row);
                    for c in 0..COLUMNS {
                        sums[r][c] = load_some::<T, V>(x.add(c * p.tap_column), count)
                            .mul_add(value, sums[r][c]);
                    }
                }
                // The last row of taps is the first row that reaches new pixels.
                V::prefetch(x.wrapping_add((ROWS - 1) * p.tap_row + p.pixels * p.x_step));
                V::prefetch(grad.wrapping_add(p.pixels * p.channels));
                if GATED {
                    V::prefetch(activation_output.wrapping_add(p.pixels * p.channels));
                }
                x = x.wrapping_add(p.x_step);
                grad = grad.wrapping_add(p.channels);
                activation_output = activation_output.wrapping_add(p.channels);
            }
            for r in 0..ROWS {
                for c in 0..COLUMNS {
                    let at = self.1.as_mut_ptr().add(r * p.sums_row + c * p.channels + channel);
                    store_some(load_some::<T, V>(at, count).add(sums[r][c]), at, count);
                }
            }
        }
    }
}
