//! Local response normalisation: `y = x s^-beta` with `s = k + alpha / size Σ x²` over `size`
//! neighbouring channels.
//!
//! The window of channel `c` goes from `c - size / 2` to `c + (size - 1) / 2`; channels that do not
//! exist count as zero.

use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::vectorized;
use crate::kernels::tuning::ITEM_LEN;

/// The constants, as PyTorch has them: `alpha` is divided by `size`.
#[derive(Debug, Clone, Copy)]
pub struct LocalResponse {
    /// Channels of a window.
    pub size: usize,
    /// Weight of the squares.
    pub alpha: f64,
    /// Exponent.
    pub beta: f64,
    /// Added to the weighted squares.
    pub k: f64,
}

impl LocalResponse {
    /// How many channels before and after its own a window has, of those that can exist.
    fn reach(&self, channels: usize) -> (usize, usize) {
        ((self.size / 2).min(channels - 1), ((self.size - 1) / 2).min(channels - 1))
    }

    fn check(&self, len: usize, channels: usize) -> Result<()> {
        if self.size == 0 || channels == 0 || !len.is_multiple_of(channels) {
            return Err(shape_error!(
                "x: {len} elements are not rows of {channels} channels with windows of {}",
                self.size
            ));
        }
        Ok(())
    }
}

/// `s^-beta`; the exponents that are in use need no logarithm.
#[inline(always)]
fn negative_power<T: Element>(s: T, beta: f64) -> T {
    if beta == 0.75 {
        let root = s.sqrt();
        T::ONE / (root * root.sqrt())
    } else if beta == 0.5 {
        T::ONE / s.sqrt()
    } else if beta == 1.0 {
        T::ONE / s
    } else {
        s.powf(T::from_f64(-beta))
    }
}

/// `out[c] = Σ padded[c..c + window]` over the whole of `out`.
#[inline(always)]
fn window_sums<T: Element>(padded: &[T], window: usize, out: &mut [T]) {
    out.copy_from_slice(&padded[..out.len()]);
    for offset in 1..window {
        out.iter_mut().zip(&padded[offset..]).for_each(|(out, &value)| *out += value);
    }
}

/// `s` of one row into `scales`; `padded` is scratch of `channels + before + after` elements, zero
/// at its ends.
#[inline(always)]
fn row_scales<T: Element>(
    p: &LocalResponse,
    (before, after): (usize, usize),
    x: &[T],
    padded: &mut [T],
    scales: &mut [T],
) {
    padded[before..before + x.len()].iter_mut().zip(x).for_each(|(square, &x)| *square = x * x);
    window_sums(padded, before + 1 + after, scales);
    let (k, weight) = (T::from_f64(p.k), T::from_f64(p.alpha / p.size as f64));
    scales.iter_mut().for_each(|s| *s = k + weight * *s);
}

/// `y = x s^-beta`
///
/// # Shapes
/// - `x`, `y`: `[rows, channels]`; `y` is overwritten.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn forward<T: Element>(p: &LocalResponse, channels: usize, x: &[T], y: &mut [T]) -> Result<()> {
    p.check(x.len(), channels)?;
    expect_len("out", y.len(), x.len())?;
    let (reach, item) = (p.reach(channels), channels * (ITEM_LEN / channels).max(1));
    let width = channels + reach.0 + reach.1;
    parallel::try_for_each(
        x.chunks(item).zip(y.chunks_mut(item)),
        x.len() * ELEMENT_COST,
        |(x, y)| {
            with_scratch(width + channels, |scratch: &mut [T]| {
                let (padded, scales) = scratch.split_at_mut(width);
                padded.fill(T::ZERO);
                vectorized!(T, || {
                    for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
                        row_scales(p, reach, x, padded, scales);
                        y.iter_mut()
                            .zip(x)
                            .zip(&*scales)
                            .for_each(|((y, &x), &s)| *y = x * negative_power(s, p.beta));
                    }
                });
            })
        },
    )
}

/// The gradient of [`forward`]: `grad_input (+)= g s^-beta - 2 alpha beta / size x Σ g x s^(-beta -
/// 1)` over the windows that cover a channel.
///
/// # Shapes
/// - `grad_output`, `x`, `grad_input`: `[rows, channels]`; `grad_input` is overwritten, or
///   accumulated with `accumulate`.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn backward<T: Element>(
    p: &LocalResponse,
    channels: usize,
    grad_output: &[T],
    x: &[T],
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    p.check(x.len(), channels)?;
    expect_len("grad_output", grad_output.len(), x.len())?;
    expect_len("out", grad_input.len(), x.len())?;
    let ((before, after), item) = (p.reach(channels), channels * (ITEM_LEN / channels).max(1));
    let width = channels + before + after;
    let slope = T::from_f64(-2.0 * p.alpha * p.beta / p.size as f64);
    let items = grad_output.chunks(item).zip(x.chunks(item)).zip(grad_input.chunks_mut(item));
    parallel::try_for_each(items, x.len() * ELEMENT_COST, |((grad, x), grad_input)| {
        with_scratch(2 * width + 3 * channels, |scratch: &mut [T]| {
            let (squares, rest) = scratch.split_at_mut(width);
            let (shares, rest) = rest.split_at_mut(width);
            let (scales, rest) = rest.split_at_mut(channels);
            let (powers, sums) = rest.split_at_mut(channels);
            squares.fill(T::ZERO);
            shares.fill(T::ZERO);
            vectorized!(T, || {
                let rows = grad
                    .chunks_exact(channels)
                    .zip(x.chunks_exact(channels))
                    .zip(grad_input.chunks_exact_mut(channels));
                for ((grad, x), grad_input) in rows {
                    row_scales(p, (before, after), x, squares, scales);
                    powers
                        .iter_mut()
                        .zip(&*scales)
                        .for_each(|(power, &s)| *power = negative_power(s, p.beta));
                    // A channel is in the windows that reach it: `after` before it, `before` after
                    // it.
                    let own = shares[after..after + channels].iter_mut().zip(grad).zip(x);
                    own.zip(&*powers)
                        .zip(&*scales)
                        .for_each(|((((share, &g), &x), &power), &s)| *share = g * x * power / s);
                    window_sums(shares, before + 1 + after, sums);
                    let values = grad.iter().zip(x).zip(&*powers).zip(&*sums);
                    for (out, (((&g, &x), &power), &sum)) in grad_input.iter_mut().zip(values) {
                        let value = g * power + slope * x * sum;
                        *out = if accumulate { *out + value } else { value };
                    }
                }
            });
        })
    })
}
