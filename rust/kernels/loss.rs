//! Losses on rows: softmax cross-entropy from logits, and half the sum of squares. One number a row; the mean is the caller's.

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use super::softmax::{self, expect_rows, rows_per_item};

/// What each row should be.
#[derive(Clone, Copy)]
pub enum Labels<'a, T> {
    /// The index of the class.
    Index(&'a [i64]),
    /// A probability for each class.
    Soft(&'a [T]),
}

impl<'a, T: Element> Labels<'a, T> {
    fn check(&self, rows: usize, classes: usize) -> Result<()> {
        match self {
            Self::Index(labels) => {
                expect_len("labels", labels.len(), rows)?;
                match labels.iter().position(|&label| label < 0 || label as u64 >= classes as u64) {
                    None => Ok(()),
                    Some(i) => Err(KernelError::Argument(format!("labels: expected 0 to {}, got {} at index {i}", classes - 1, labels[i]))),
                }
            }
            Self::Soft(targets) => expect_len("labels", targets.len(), rows * classes),
        }
    }

    /// The labels of `count` rows from `first` on.
    fn part(&self, first: usize, count: usize, classes: usize) -> Labels<'a, T> {
        match self {
            Self::Index(labels) => Labels::Index(&labels[first..first + count]),
            Self::Soft(targets) => Labels::Soft(&targets[first * classes..(first + count) * classes]),
        }
    }

    /// The target of class `class` in row `row`.
    #[inline(always)]
    fn target(&self, row: usize, class: usize, classes: usize) -> T {
        match self {
            Self::Index(labels) => {
                if labels[row] == class as i64 {
                    T::ONE
                } else {
                    T::ZERO
                }
            }
            Self::Soft(targets) => targets[row * classes + class],
        }
    }
}

/// `out[r] = Σ_c target_c (ln Σ_k e^(x_k) - x_c)`, for a label `l`: `ln Σ_k e^(x_k) - x_l`.
///
/// # Errors
/// Lengths that do not fit, a label out of range (named with its index); interrupted.
pub fn cross_entropy_forward<T: Element>(logits: &[T], labels: Labels<'_, T>, classes: usize, out: &mut [T]) -> Result<()> {
    let rows = expect_rows("logits", logits.len(), classes)?;
    expect_len("out", out.len(), rows)?;
    labels.check(rows, classes)?;
    let step = rows_per_item(classes);
    let items = logits.chunks(step * classes).zip(out.chunks_mut(step)).enumerate();
    parallel::for_each(items, logits.len() * ELEMENT_COST * 4, |(i, (logits, out))| {
        let labels = labels.part(i * step, out.len(), classes);
        vectorized!(|| {
            for (r, (x, out)) in logits.chunks_exact(classes).zip(out).enumerate() {
                let top = x.iter().fold(T::NEG_INFINITY, |top, &value| top.max_propagating(value));
                let log_sum = T::from_f64(x.iter().fold(0.0, |sum, &value| sum + (value - top).exp().to_f64()).ln());
                *out = match labels {
                    Labels::Index(labels) => log_sum - (x[labels[r] as usize] - top),
                    Labels::Soft(targets) => {
                        let targets = &targets[r * classes..][..classes];
                        x.iter().zip(targets).fold(T::ZERO, |sum, (&x, &target)| {
                            // A class of no probability adds nothing, however impossible it is.
                            sum + if target == T::ZERO { T::ZERO } else { target * (log_sum - (x - top)) }
                        })
                    }
                };
            }
        });
    })
}

/// `out[r, c] (+)= grad_output[r] (softmax(x)_c Σ_k target_k - target_c)`
///
/// # Errors
/// Lengths that do not fit, a label out of range; interrupted.
pub fn cross_entropy_backward<T: Element>(
    grad_output: &[T],
    logits: &[T],
    labels: Labels<'_, T>,
    classes: usize,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("logits", logits.len(), classes)?;
    expect_len("grad_output", grad_output.len(), rows)?;
    expect_len("out", out.len(), logits.len())?;
    labels.check(rows, classes)?;
    let step = rows_per_item(classes);
    let items = logits.chunks(step * classes).zip(out.chunks_mut(step * classes)).enumerate();
    parallel::for_each(items, logits.len() * ELEMENT_COST * 4, |(i, (logits, out))| {
        let labels = labels.part(i * step, out.len() / classes, classes);
        let grads = &grad_output[i * step..];
        vectorized!(|| {
            let mut probabilities = vec![T::ZERO; classes];
            for (r, (x, out)) in logits.chunks_exact(classes).zip(out.chunks_exact_mut(classes)).enumerate() {
                softmax::row(x, &mut probabilities);
                let whole = match labels {
                    Labels::Index(_) => T::ONE,
                    Labels::Soft(targets) => targets[r * classes..][..classes].iter().fold(T::ZERO, |sum, &target| sum + target),
                };
                for (c, (out, &p)) in out.iter_mut().zip(&probabilities).enumerate() {
                    let value = grads[r] * (p * whole - labels.target(r, c, classes));
                    *out = if accumulate { *out + value } else { value };
                }
            }
        });
    })
}

/// `out[r] = Σ_c (target - output)² / 2`: the article's loss.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn half_sum_of_squares_forward<T: Element>(output: &[T], target: &[T], columns: usize, out: &mut [T]) -> Result<()> {
    let rows = expect_rows("output", output.len(), columns)?;
    expect_len("target", target.len(), output.len())?;
    expect_len("out", out.len(), rows)?;
    let step = rows_per_item(columns);
    let items = output.chunks(step * columns).zip(target.chunks(step * columns)).zip(out.chunks_mut(step));
    parallel::for_each(items, output.len() * ELEMENT_COST, |((output, target), out)| {
        for ((output, target), out) in output.chunks_exact(columns).zip(target.chunks_exact(columns)).zip(out) {
            let sum = sum_of_squares(output, target);
            *out = T::from_f64(0.5 * sum);
        }
    })
}

/// `Σ (target - output)²` in double precision, with the lost digits carried along (Neumaier 1974): the article's 0.45 is 0.45.
#[inline(always)]
fn sum_of_squares<T: Element>(output: &[T], target: &[T]) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for (&o, &t) in output.iter().zip(target) {
        let square = (t.to_f64() - o.to_f64()).powi(2);
        let next = sum + square;
        lost += if sum >= square { (sum - next) + square } else { (square - next) + sum };
        sum = next;
    }
    sum + lost
}

/// `out[r, c] (+)= grad_output[r] (output - target)`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn half_sum_of_squares_backward<T: Element>(
    grad_output: &[T],
    output: &[T],
    target: &[T],
    columns: usize,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("output", output.len(), columns)?;
    expect_len("target", target.len(), output.len())?;
    expect_len("grad_output", grad_output.len(), rows)?;
    expect_len("out", out.len(), output.len())?;
    let step = rows_per_item(columns);
    let items = output.chunks(step * columns).zip(target.chunks(step * columns)).zip(out.chunks_mut(step * columns)).enumerate();
    parallel::for_each(items, output.len() * ELEMENT_COST, |(i, ((output, target), out))| {
        for (k, ((&o, &t), out)) in output.iter().zip(target).zip(out).enumerate() {
            let value = grad_output[i * step + k / columns] * (o - t);
            *out = if accumulate { *out + value } else { value };
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_article_s_first_guess_costs_0_45() {
        let mut target = [0.0f64; 10];
        target[3] = 1.0;
        let mut loss = [0.0];
        half_sum_of_squares_forward(&[0.1; 10], &target, 10, &mut loss).unwrap();
        assert!((loss[0] - 0.45).abs() < 1e-15);
    }

    #[test]
    fn ten_equal_logits_cost_ln_10() {
        let mut loss = [0.0f64];
        cross_entropy_forward(&[7.0; 10], Labels::Index(&[3]), 10, &mut loss).unwrap();
        assert!((loss[0] - std::f64::consts::LN_10).abs() < 1e-15);
        let mut soft = [0.0; 10];
        soft[3] = 1.0;
        let mut same = [0.0f64];
        cross_entropy_forward(&[7.0; 10], Labels::Soft(&soft), 10, &mut same).unwrap();
        assert_eq!(loss, same);
    }

    #[test]
    fn the_gradient_is_probability_less_target() {
        let mut grad = [0.0f64; 2];
        cross_entropy_backward(&[2.0], &[0.0, 3.0f64.ln()], Labels::Index(&[0]), 2, false, &mut grad).unwrap();
        assert!((grad[0] + 1.5).abs() < 1e-15 && (grad[1] - 1.5).abs() < 1e-15);
    }

    #[test]
    fn huge_logits_do_not_overflow_and_wrong_labels_are_named() {
        let mut loss = [0.0f32];
        cross_entropy_forward(&[1e4, -1e4], Labels::Index(&[1]), 2, &mut loss).unwrap();
        assert_eq!(loss, [2e4]);
        let text = cross_entropy_forward(&[0.0f32; 4], Labels::Index(&[0, 2]), 2, &mut [0.0; 2]).unwrap_err().to_string();
        assert!(text.contains("got 2 at index 1"), "{text}");
    }
}
