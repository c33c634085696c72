//! The hinge over classes (multi-class support vector machine): every wrong class should score
//! below the right one by a margin.

use super::super::Element;
use super::super::error::{Result, expect_len};
use super::super::parallel::{self, ELEMENT_COST};
use super::super::simd::vectorized;
use super::super::softmax::{expect_rows, rows_per_item, sum_of};
use super::Labels;

/// Constants of the hinge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hinge {
    /// By how much the right class should lead.
    pub margin: f64,
    /// Whether what is missing is squared.
    pub squared: bool,
}

/// `out[r] = Σ_{c ≠ l} max(0, margin - x_l + x_c)^p / classes`, for a label `l`, with p = 1 or 2.
///
/// # Errors
/// Lengths that do not fit, a label out of range; interrupted.
pub fn forward<T: Element>(
    scores: &[T],
    labels: &[i64],
    classes: usize,
    kind: Hinge,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("scores", scores.len(), classes)?;
    expect_len("out", out.len(), rows)?;
    Labels::<T>::Index(labels).check(rows, classes)?;
    let step = rows_per_item(classes);
    let (margin, share) = (T::from_f64(kind.margin), T::from_f64((classes as f64).recip()));
    let items = scores.chunks(step * classes).zip(labels.chunks(step)).zip(out.chunks_mut(step));
    parallel::for_each(items, scores.len() * ELEMENT_COST, |((scores, labels), out)| {
        vectorized!(T, || {
            for ((x, &label), out) in scores.chunks_exact(classes).zip(labels).zip(out) {
                let lift = margin - x[label as usize];
                // The right class misses by the margin itself, which is taken off again.
                let (sum, own) = if kind.squared {
                    (sum_of(x, x, |x, _| missing(lift + x) * missing(lift + x)), margin * margin)
                } else {
                    (sum_of(x, x, |x, _| missing(lift + x)), margin)
                };
                *out = (sum - own) * share;
            }
        });
    })
}

/// `max(0, x)`; NaN for NaN.
#[inline(always)]
fn missing<T: Element>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

/// `out[r][c] (+)= grad_output[r] p max(0, margin - x_l + x_c)^(p-1) / classes` for the wrong
/// classes, and minus their sum for the right one.
///
/// # Errors
/// Lengths that do not fit, a label out of range; interrupted.
pub fn backward<T: Element>(
    grad_output: &[T],
    scores: &[T],
    labels: &[i64],
    classes: usize,
    kind: Hinge,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("scores", scores.len(), classes)?;
    expect_len("grad_output", grad_output.len(), rows)?;
    expect_len("out", out.len(), scores.len())?;
    Labels::<T>::Index(labels).check(rows, classes)?;
    let step = rows_per_item(classes);
    let (margin, share) = (T::from_f64(kind.margin), T::from_f64((classes as f64).recip()));
    let items = scores
        .chunks(step * classes)
        .zip(labels.chunks(step))
        .zip(out.chunks_mut(step * classes))
        .enumerate();
    parallel::for_each(items, scores.len() * ELEMENT_COST, |(i, ((scores, labels), out))| {
        vectorized!(T, || {
            let rows = scores.chunks_exact(classes).zip(labels).zip(out.chunks_exact_mut(classes));
            for (((x, &label), out), &grad) in rows.zip(&grad_output[i * step..]) {
                let (label, grad) = (label as usize, grad * share);
                let lift = margin - x[label];
                let before = out[label];
                let mut sum = T::ZERO;
                for (c, (out, &x)) in out.iter_mut().zip(x).enumerate() {
                    let gap = lift + x;
                    let slope = if kind.squared {
                        missing(gap) + missing(gap)
                    } else if gap > T::ZERO {
                        T::ONE
                    } else {
                        missing(gap) // 0 or NaN
                    };
                    let slope = if c == label { T::ZERO } else { grad * slope };
                    sum += slope;
                    *out = if accumulate { *out + slope } else { slope };
                }
                out[label] = if accumulate { before - sum } else { -sum };
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (scores, labels) = ([1.0f64, 2.0, -1.0, 0.0, 5.0, 0.0], [0, 1]);
        let mut loss = [0.0; 2];
        let kind = Hinge { margin: 1.0, squared: false };
        forward(&scores, &labels, 3, kind, &mut loss).unwrap();
        assert!((loss[0] - 2.0 / 3.0).abs() < 1e-15 && loss[1].abs() < 1e-15);
        let mut slope = [1.0; 6];
        backward(&[3.0, 3.0], &scores, &labels, 3, kind, true, &mut slope).unwrap();
        assert_eq!(slope, [0.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
        let kind = Hinge { margin: 1.0, squared: true };
        forward(&scores, &labels, 3, kind, &mut loss).unwrap();
        assert!((loss[0] - 4.0 / 3.0).abs() < 1e-15);
        backward(&[3.0, 3.0], &scores, &labels, 3, kind, false, &mut slope).unwrap();
        assert_eq!(slope, [-4.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        assert!(forward(&scores, &[0, 3], 3, kind, &mut loss).is_err());
    }
}
