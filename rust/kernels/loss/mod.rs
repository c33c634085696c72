//! Losses on rows: softmax cross-entropy from logits, half the sum of squares, losses that are
//! means over the values of a row ([`pointwise`]), and the hinge over classes ([`hinge`]). One
//! number a row; the mean is the caller's.

pub mod hinge;
pub mod pointwise;

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use super::softmax::{Exponentials, Visitor, expect_rows, rows_per_item, sum_of, visit_rows};

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
                    Some(i) => Err(KernelError::Argument(format!(
                        "labels: expected 0 to {}, got {} at index {i}",
                        classes - 1,
                        labels[i]
                    ))),
                }
            }
            Self::Soft(targets) => expect_len("labels", targets.len(), rows * classes),
        }
    }

    /// The labels of `count` rows from `first` on.
    fn part(&self, first: usize, count: usize, classes: usize) -> Labels<'a, T> {
        match self {
            Self::Index(labels) => Labels::Index(&labels[first..first + count]),
            Self::Soft(targets) => {
                Labels::Soft(&targets[first * classes..(first + count) * classes])
            }
        }
    }
}

/// `out[r] = Σ_c target_c (ln Σ_k e^(x_k) - x_c)`, for a label `l`: `ln Σ_k e^(x_k) - x_l`.
///
/// # Errors
/// Lengths that do not fit, a label out of range (named with its index); interrupted.
pub fn cross_entropy_forward<T: Element>(
    logits: &[T],
    labels: Labels<'_, T>,
    classes: usize,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("logits", logits.len(), classes)?;
    expect_len("out", out.len(), rows)?;
    labels.check(rows, classes)?;
    let step = rows_per_item(classes);
    let items = logits.chunks(step * classes).zip(out.chunks_mut(step)).enumerate();
    parallel::for_each(items, logits.len() * ELEMENT_COST * 4, |(i, (logits, out))| {
        let labels = labels.part(i * step, out.len(), classes);
        visit_rows(logits, classes, &mut CrossEntropy { logits, labels, classes, out });
    })
}

struct CrossEntropy<'a, T> {
    logits: &'a [T],
    labels: Labels<'a, T>,
    classes: usize,
    out: &'a mut [T],
}

impl<T: Element> Visitor<T> for CrossEntropy<'_, T> {
    const SUM_ONLY: bool = true;
    #[inline(always)]
    fn visit(&mut self, row: &Exponentials<'_, T>) {
        let (x, log_sum, top) =
            (&self.logits[row.row * self.classes..][..self.classes], row.sum.ln(), row.top);
        self.out[row.row] = match self.labels {
            Labels::Index(labels) => log_sum - (x[labels[row.row] as usize] - top),
            // A class of no probability adds nothing, however impossible it is.
            Labels::Soft(targets) => {
                sum_of(x, &targets[row.row * self.classes..][..self.classes], |x, target| {
                    if target == T::ZERO { T::ZERO } else { target * (log_sum - (x - top)) }
                })
            }
        };
    }
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
        let grad_output = &grad_output[i * step..];
        visit_rows(
            logits,
            classes,
            &mut CrossEntropyGradient { grad_output, labels, classes, accumulate, out },
        );
    })
}

struct CrossEntropyGradient<'a, T> {
    grad_output: &'a [T],
    labels: Labels<'a, T>,
    classes: usize,
    accumulate: bool,
    out: &'a mut [T],
}

impl<T: Element> Visitor<T> for CrossEntropyGradient<'_, T> {
    const SUM_ONLY: bool = false;
    #[inline(always)]
    fn visit(&mut self, piece: &Exponentials<'_, T>) {
        let (row, classes, start, values) = (piece.row, self.classes, piece.start, piece.values);
        let (grad, out) =
            (self.grad_output[row], &mut self.out[row * classes + start..][..values.len()]);
        match self.labels {
            Labels::Index(labels) => {
                let scale = grad / piece.sum;
                if self.accumulate {
                    out.iter_mut().zip(values).for_each(|(out, &value)| *out += value * scale);
                } else {
                    out.iter_mut().zip(values).for_each(|(out, &value)| *out = value * scale);
                }
                if let Some(out) =
                    (labels[row] as usize).checked_sub(start).and_then(|at| out.get_mut(at))
                {
                    *out = *out - grad;
                }
            }
            Labels::Soft(targets) => {
                let targets = &targets[row * classes..][..classes];
                let scale = sum_of(targets, targets, |target, _| target) / piece.sum;
                let items = out.iter_mut().zip(values).zip(&targets[start..]);
                if self.accumulate {
                    items.for_each(|((out, &value), &target)| {
                        *out += grad * (value * scale - target)
                    });
                } else {
                    items.for_each(|((out, &value), &target)| {
                        *out = grad * (value * scale - target)
                    });
                }
            }
        }
    }
}

/// `out[r] = Σ_c (target - output)² / 2`: the article's loss.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn half_sum_of_squares_forward<T: Element>(
    output: &[T],
    target: &[T],
    columns: usize,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("output", output.len(), columns)?;
    expect_len("target", target.len(), output.len())?;
    expect_len("out", out.len(), rows)?;
    let step = rows_per_item(columns);
    let items =
        output.chunks(step * columns).zip(target.chunks(step * columns)).zip(out.chunks_mut(step));
    parallel::for_each(items, output.len() * ELEMENT_COST, |((output, target), out)| {
        for ((output, target), out) in
            output.chunks_exact(columns).zip(target.chunks_exact(columns)).zip(out)
        {
            let sum = sum_of_squares(output, target);
            *out = T::from_f64(0.5 * sum);
        }
    })
}

/// `Σ (target - output)²` in double precision, with the lost digits carried along (Neumaier 1974):
/// the article's 0.45 is 0.45.
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
    let items = output
        .chunks(step * columns)
        .zip(target.chunks(step * columns))
        .zip(out.chunks_mut(step * columns))
        .enumerate();
    parallel::for_each(items, output.len() * ELEMENT_COST, |(i, ((output, target), out))| {
        vectorized!(T, || {
            let rows = output
                .chunks_exact(columns)
                .zip(target.chunks_exact(columns))
                .zip(out.chunks_exact_mut(columns));
            for (((output, target), out), &grad) in rows.zip(&grad_output[i * step..]) {
                let items = out.iter_mut().zip(output).zip(target);
                if accumulate {
                    items.for_each(|((out, &output), &target)| *out += grad * (output - target));
                } else {
                    items.for_each(|((out, &output), &target)| *out = grad * (output - target));
                }
            }
        });
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
        cross_entropy_backward(
            &[2.0],
            &[0.0, 3.0f64.ln()],
            Labels::Index(&[0]),
            2,
            false,
            &mut grad,
        )
        .unwrap();
        assert!((grad[0] + 1.5).abs() < 1e-15 && (grad[1] - 1.5).abs() < 1e-15);
    }

    #[test]
    fn huge_logits_do_not_overflow_and_wrong_labels_are_named() {
        let mut loss = [0.0f32];
        cross_entropy_forward(&[1e4, -1e4], Labels::Index(&[1]), 2, &mut loss).unwrap();
        assert_eq!(loss, [2e4]);
        let text = cross_entropy_forward(&[0.0f32; 4], Labels::Index(&[0, 2]), 2, &mut [0.0; 2])
            .unwrap_err()
            .to_string();
        assert!(text.contains("got 2 at index 1"), "{text}");
    }

    #[test]
    fn every_number_of_classes_like_the_definition() {
        for (rows, classes) in [(3, 1), (700, 10), (9, 31), (5, 64), (3, 1024), (2, 3000)] {
            let number = |i: usize, seed: f64| ((i + 1) as f64 * 0.754_877_666 + seed).fract();
            let x: Vec<f64> = (0..rows * classes).map(|i| number(i, 0.0) * 8.0 - 4.0).collect();
            let soft: Vec<f64> = (0..rows * classes)
                .map(|i| if i % 3 == 0 { 0.0 } else { number(i, 0.3) })
                .collect();
            let index: Vec<i64> = (0..rows).map(|r| (r * 7919 % classes) as i64).collect();
            let mut hot = vec![0.0; x.len()];
            index
                .iter()
                .enumerate()
                .for_each(|(r, &label)| hot[r * classes + label as usize] = 1.0);
            let grad: Vec<f64> = (0..rows).map(|r| number(r, 0.7)).collect();
            for (labels, targets) in [
                (Labels::Index(&index), &hot),
                (Labels::Soft(&hot), &hot),
                (Labels::Soft(&soft), &soft),
            ] {
                let (mut loss, mut dx) = (vec![7.0; rows], vec![1.0; x.len()]);
                cross_entropy_forward(&x, labels, classes, &mut loss).unwrap();
                cross_entropy_backward(&grad, &x, labels, classes, true, &mut dx).unwrap();
                let mut fresh = vec![7.0; x.len()];
                cross_entropy_backward(&grad, &x, labels, classes, false, &mut fresh).unwrap();
                for r in 0..rows {
                    let (x, targets) =
                        (&x[r * classes..][..classes], &targets[r * classes..][..classes]);
                    let sum: f64 = x.iter().map(|x| x.exp()).sum();
                    let whole: f64 = targets.iter().sum();
                    let expected: f64 =
                        x.iter().zip(targets).map(|(x, t)| t * (sum.ln() - x)).sum();
                    assert!(
                        (loss[r] - expected).abs() < 1e-12 * expected.abs().max(1.0),
                        "{classes}: {} {expected}",
                        loss[r]
                    );
                    for c in 0..classes {
                        let expected = grad[r] * (whole * x[c].exp() / sum - targets[c]);
                        assert!((fresh[r * classes + c] - expected).abs() < 1e-12, "{classes}");
                        assert!((dx[r * classes + c] - 1.0 - expected).abs() < 1e-12, "{classes}");
                    }
                }
            }
        }
    }

    #[test]
    fn half_sums_of_squares_by_hand() {
        let (output, target) = ([1.0f32, 2.0, 3.0, 4.0], [0.0, 4.0, 3.0, 1.0]);
        let mut loss = [0.0; 2];
        half_sum_of_squares_forward(&output, &target, 2, &mut loss).unwrap();
        assert_eq!(loss, [2.5, 4.5]);
        let mut dx = [1.0; 4];
        half_sum_of_squares_backward(&[2.0, -1.0], &output, &target, 2, true, &mut dx).unwrap();
        assert_eq!(dx, [3.0, -3.0, 1.0, -2.0]);
        half_sum_of_squares_backward(&[2.0, -1.0], &output, &target, 2, false, &mut dx).unwrap();
        assert_eq!(dx, [2.0, -4.0, 0.0, -3.0]);
    }
}
