//! Softmax over rows: `y_j = e^(x_j - max x) / Σ_k e^(x_k - max x)`. Rows of logits of any size: nothing overflows.

use super::Element;
use super::error::{Result, expect_len, shape_error};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Elements of one item, about.
const CHUNK: usize = 4 << 10;

/// Rows of one item.
pub(super) fn rows_per_item(classes: usize) -> usize {
    (CHUNK / classes).max(1)
}

/// Checks that `len` is whole rows of `classes`.
pub(super) fn expect_rows(name: &str, len: usize, classes: usize) -> Result<usize> {
    if classes == 0 || !len.is_multiple_of(classes) {
        return Err(shape_error!("{name}: {len} elements are not rows of {classes} classes"));
    }
    Ok(len / classes)
}

/// `y = softmax(x)`, and the logarithm of each row's sum of exponentials as the return of the inner loop.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(x: &[T], classes: usize, y: &mut [T]) -> Result<()> {
    expect_rows("x", x.len(), classes)?;
    expect_len("out", y.len(), x.len())?;
    let len = rows_per_item(classes) * classes;
    parallel::for_each(x.chunks(len).zip(y.chunks_mut(len)), x.len() * ELEMENT_COST * 4, |(x, y)| {
        vectorized!(|| x.chunks_exact(classes).zip(y.chunks_exact_mut(classes)).for_each(|(x, y)| row(x, y)));
    })
}

/// Softmax of one row.
#[inline(always)]
pub(super) fn row<T: Element>(x: &[T], y: &mut [T]) {
    let top = x.iter().fold(T::NEG_INFINITY, |top, &value| top.max_propagating(value));
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - top).exp();
    }
    // In double precision: a sum over thousands of classes keeps its last digits.
    let sum = T::from_f64(y.iter().fold(0.0, |sum, &value| sum + value.to_f64()));
    for y in y {
        *y = *y / sum;
    }
}

/// `out (+)= y (grad - Σ_k grad_k y_k)`, row by row.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(grad_output: &[T], y: &[T], classes: usize, accumulate: bool, out: &mut [T]) -> Result<()> {
    expect_rows("grad_output", grad_output.len(), classes)?;
    expect_len("y", y.len(), grad_output.len())?;
    expect_len("out", out.len(), grad_output.len())?;
    let len = rows_per_item(classes) * classes;
    let items = grad_output.chunks(len).zip(y.chunks(len)).zip(out.chunks_mut(len));
    parallel::for_each(items, y.len() * ELEMENT_COST, |((grad, y), out)| {
        vectorized!(|| {
            for ((grad, y), out) in grad.chunks_exact(classes).zip(y.chunks_exact(classes)).zip(out.chunks_exact_mut(classes)) {
                let dot = grad.iter().zip(y).fold(T::ZERO, |sum, (&grad, &y)| sum + grad * y);
                for ((&grad, &y), out) in grad.iter().zip(y).zip(out) {
                    let value = y * (grad - dot);
                    *out = if accumulate { *out + value } else { value };
                }
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sum_to_one_at_any_size_of_logits() {
        let x = [1e4f32, -1e4, 0.0, 1.0, 1.0, 1.0, -1e4, -1e4, -1e4];
        let mut y = [0.0; 9];
        forward(&x, 3, &mut y).unwrap();
        assert_eq!(y[..3], [1.0, 0.0, 0.0]);
        assert!(y.chunks(3).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6));
        assert!(forward(&x, 4, &mut y).is_err());
    }

    #[test]
    fn gradient_by_hand() {
        let mut out = [1.0f64, 1.0];
        backward(&[1.0, 0.0], &[0.25, 0.75], 2, true, &mut out).unwrap();
        assert_eq!(out, [1.1875, 0.8125]);
    }
}
