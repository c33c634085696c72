//! Partial gradients: splits the gradient of the weights into shares, and sums the shares in order.
//!
//! A fixed number of shares, which depends on the sizes alone, gives the same bits at any number
//! of threads.

use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::parallel;
use crate::kernels::simd::vectorized;

/// Elements of the gradient that one item sums.
const SUM_LEN: usize = 8 << 10;

/// The items of a share: share `share` of `shares` contiguous parts of `0..items`.
pub(super) fn part(items: usize, share: usize, shares: usize) -> std::ops::Range<usize> {
    share * items / shares..(share + 1) * items / shares
}

/// Sums partial gradients of `len` elements each, in order: `grad (+)= Σ partials`.
///
/// # Errors
/// Interrupted.
pub(super) fn sum_partials<T: Element>(
    partials: &[T],
    len: usize,
    accumulate: bool,
    grad: &mut [T],
) -> Result<()> {
    let pieces = grad.chunks_mut(SUM_LEN).enumerate();
    parallel::for_each(pieces, partials.len(), |(i, piece)| {
        vectorized!(T, || {
            if !accumulate {
                piece.fill(T::ZERO);
            }
            for partial in partials.chunks_exact(len) {
                for (sum, &value) in piece.iter_mut().zip(&partial[i * SUM_LEN..]) {
                    *sum += value;
                }
            }
        });
    })
}
