//! The sum of two arrays, `out = a + b`, followed by a ReLU on request: the end of a residual
//! branch.
//!
//! The output may be `b` itself: the `_in_place` form. Memory-bound; the loops are plain and
//! compiled for the widest set.

use super::Element;
use super::activation::{Activation, Relu};
use super::error::{Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use super::tuning::ITEM_LEN;

/// `out = a + b`, then `max(0, out)` with `relu`.
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn add<T: Element>(a: &[T], b: &[T], relu: bool, out: &mut [T]) -> Result<()> {
    expect_len("b", b.len(), a.len())?;
    expect_len("out", out.len(), a.len())?;
    let items = a.chunks(ITEM_LEN).zip(b.chunks(ITEM_LEN)).zip(out.chunks_mut(ITEM_LEN));
    parallel::for_each(items, a.len() * ELEMENT_COST, |((a, b), out)| {
        let sums = a.iter().zip(b).zip(out);
        if relu {
            vectorized!(T, || sums.for_each(|((&a, &b), out)| *out = Relu::value(a + b)));
        } else {
            vectorized!(T, || sums.for_each(|((&a, &b), out)| *out = a + b));
        }
    })
}

/// `b = a + b`, then `max(0, b)` with `relu`.
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn add_in_place<T: Element>(a: &[T], relu: bool, b: &mut [T]) -> Result<()> {
    expect_len("b", b.len(), a.len())?;
    let items = a.chunks(ITEM_LEN).zip(b.chunks_mut(ITEM_LEN));
    parallel::for_each(items, a.len() * ELEMENT_COST, |(a, b)| {
        let sums = a.iter().zip(b);
        if relu {
            vectorized!(T, || sums.for_each(|(&a, b)| *b = Relu::value(a + *b)));
        } else {
            vectorized!(T, || sums.for_each(|(&a, b)| *b = a + *b));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_more_than_one_item_in_place_or_not() {
        let count = 2 * ITEM_LEN + 77;
        let a: Vec<f32> = (0..count).map(|i| (i % 13) as f32 - 6.0).collect();
        let b: Vec<f32> = (0..count).map(|i| (i % 7) as f32 - 3.0).collect();
        for relu in [false, true] {
            let expected: Vec<f32> = a
                .iter()
                .zip(&b)
                .map(|(a, b)| if relu { (a + b).max(0.0) } else { a + b })
                .collect();
            let mut out = vec![9.0; count];
            add(&a, &b, relu, &mut out).unwrap();
            assert_eq!(out, expected);
            let mut out = b.clone();
            add_in_place(&a, relu, &mut out).unwrap();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn nan_stays_and_lengths_must_agree() {
        let mut out = [0.0f64; 2];
        add(&[f64::NAN, -1.0], &[1.0, 0.5], true, &mut out).unwrap();
        assert!(out[0].is_nan() && out[1] == 0.0);
        assert!(add(&[1.0], &[1.0, 2.0], false, &mut out).is_err());
        assert!(add_in_place(&[1.0], false, &mut out).is_err());
    }
}
