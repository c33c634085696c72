//! Losses that compare value by value: squared, absolute, Huber, and binary cross-entropy from
//! logits. A row's loss is the mean over its values.

use super::super::Element;
use super::super::error::{Result, expect_len};
use super::super::parallel::{self, ELEMENT_COST};
use super::super::simd::vectorized;
use super::super::softmax::{expect_rows, rows_per_item, sum_of};

/// The loss of an output `o` that should be `t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pointwise {
    /// `(o - t)²`
    Squared,
    /// `|o - t|`
    Absolute,
    /// `(o - t)² / 2` where `|o - t| < delta`, else `delta (|o - t| - delta / 2)`.
    Huber {
        /// Where the parabola ends.
        delta: f64,
    },
    /// `-t ln σ(o) - (1 - t) ln (1 - σ(o))` with `σ(o) = 1 / (1 + e^-o)`.
    BinaryCrossEntropy,
}

trait Compare<T>: Copy + Sync {
    fn value(self, output: T, target: T) -> T;
    fn slope(self, output: T, target: T) -> T;
}

#[derive(Clone, Copy)]
struct Squared;
#[derive(Clone, Copy)]
struct Absolute;
#[derive(Clone, Copy)]
struct Huber<T>(T);
#[derive(Clone, Copy)]
struct BinaryCrossEntropy;

impl<T: Element> Compare<T> for Squared {
    #[inline(always)]
    fn value(self, output: T, target: T) -> T {
        (output - target) * (output - target)
    }
    #[inline(always)]
    fn slope(self, output: T, target: T) -> T {
        let difference = output - target;
        difference + difference
    }
}

impl<T: Element> Compare<T> for Absolute {
    #[inline(always)]
    fn value(self, output: T, target: T) -> T {
        (output - target).abs()
    }
    #[inline(always)]
    fn slope(self, output: T, target: T) -> T {
        sign(output - target)
    }
}

impl<T: Element> Compare<T> for Huber<T> {
    #[inline(always)]
    fn value(self, output: T, target: T) -> T {
        let (distance, half) = ((output - target).abs(), T::from_f64(0.5));
        let far = self.0 * (distance - half * self.0);
        if distance > self.0 { far } else { half * distance * distance }
    }
    #[inline(always)]
    fn slope(self, output: T, target: T) -> T {
        let difference = output - target;
        if difference.abs() > self.0 { self.0 * sign(difference) } else { difference }
    }
}

impl<T: Element> Compare<T> for BinaryCrossEntropy {
    #[inline(always)]
    fn value(self, output: T, target: T) -> T {
        // max(x, 0) - t x + ln (1 + e^-|x|)
        let small = (-output.abs()).exp();
        let sum = T::ONE + small;
        // ln (1 + e) without losing the digits of a small e (Kahan)
        let log = if sum == T::ONE { small } else { sum.ln() * (small / (sum - T::ONE)) };
        let above = if output < T::ZERO { T::ZERO } else { output };
        above - target * output + log
    }
    #[inline(always)]
    fn slope(self, output: T, target: T) -> T {
        let small = (-output.abs()).exp();
        let share = T::ONE / (T::ONE + small);
        (if output < T::ZERO { small * share } else { share }) - target
    }
}

/// -1, 0 or 1; NaN for NaN.
#[inline(always)]
fn sign<T: Element>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x // 0 or NaN
    }
}

/// `out[r] = mean_c loss(output[r][c], target[r][c])`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(
    output: &[T],
    target: &[T],
    columns: usize,
    kind: Pointwise,
    out: &mut [T],
) -> Result<()> {
    match kind {
        Pointwise::Squared => forward_with(output, target, columns, Squared, out),
        Pointwise::Absolute => forward_with(output, target, columns, Absolute, out),
        Pointwise::Huber { delta } => {
            forward_with(output, target, columns, Huber(T::from_f64(delta)), out)
        }
        Pointwise::BinaryCrossEntropy => {
            forward_with(output, target, columns, BinaryCrossEntropy, out)
        }
    }
}

fn forward_with<T: Element>(
    output: &[T],
    target: &[T],
    columns: usize,
    loss: impl Compare<T>,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("output", output.len(), columns)?;
    expect_len("target", target.len(), output.len())?;
    expect_len("out", out.len(), rows)?;
    let step = rows_per_item(columns);
    let share = T::from_f64((columns as f64).recip());
    let items =
        output.chunks(step * columns).zip(target.chunks(step * columns)).zip(out.chunks_mut(step));
    parallel::for_each(items, output.len() * ELEMENT_COST, |((output, target), out)| {
        vectorized!(T, || {
            for ((output, target), out) in
                output.chunks_exact(columns).zip(target.chunks_exact(columns)).zip(out)
            {
                let sum = sum_of(output, target, |output, target| loss.value(output, target));
                *out = sum * share;
            }
        });
    })
}

/// `out[r][c] (+)= grad_output[r] loss'(output[r][c], target[r][c]) / columns`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(
    grad_output: &[T],
    output: &[T],
    target: &[T],
    columns: usize,
    kind: Pointwise,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    match kind {
        Pointwise::Squared => {
            backward_with(grad_output, output, target, columns, Squared, accumulate, out)
        }
        Pointwise::Absolute => {
            backward_with(grad_output, output, target, columns, Absolute, accumulate, out)
        }
        Pointwise::Huber { delta } => backward_with(
            grad_output,
            output,
            target,
            columns,
            Huber(T::from_f64(delta)),
            accumulate,
            out,
        ),
        Pointwise::BinaryCrossEntropy => {
            backward_with(grad_output, output, target, columns, BinaryCrossEntropy, accumulate, out)
        }
    }
}

fn backward_with<T: Element>(
    grad_output: &[T],
    output: &[T],
    target: &[T],
    columns: usize,
    loss: impl Compare<T>,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let rows = expect_rows("output", output.len(), columns)?;
    expect_len("target", target.len(), output.len())?;
    expect_len("grad_output", grad_output.len(), rows)?;
    expect_len("out", out.len(), output.len())?;
    let step = rows_per_item(columns);
    let share = T::from_f64((columns as f64).recip());
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
                let grad = grad * share;
                for ((out, &output), &target) in out.iter_mut().zip(output).zip(target) {
                    let slope = grad * loss.slope(output, target);
                    *out = if accumulate { *out + slope } else { slope };
                }
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(kind: Pointwise, output: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
        let (mut loss, mut slope) = ([0.0], vec![1.0; output.len()]);
        forward(output, target, output.len(), kind, &mut loss).unwrap();
        backward(&[output.len() as f64], output, target, output.len(), kind, true, &mut slope)
            .unwrap();
        (loss[0], slope.iter().map(|slope| slope - 1.0).collect())
    }

    #[test]
    fn by_hand() {
        let (output, target) = ([1.0, -2.0, 0.5, 3.0], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            both(Pointwise::Squared, &output, &target),
            (13.25 / 4.0, vec![0.0, -4.0, 1.0, 6.0])
        );
        assert_eq!(
            both(Pointwise::Absolute, &output, &target),
            (5.5 / 4.0, vec![0.0, -1.0, 1.0, 1.0])
        );
        assert_eq!(
            both(Pointwise::Huber { delta: 1.0 }, &output, &target),
            ((1.5 + 0.125 + 2.5) / 4.0, vec![0.0, -1.0, 0.5, 1.0])
        );
        let (loss, slope) = both(Pointwise::BinaryCrossEntropy, &[0.0, 3.0f64.ln()], &[1.0, 0.25]);
        assert!((loss - (2.0f64.ln() + 4.0f64.ln() - 0.25 * 3.0f64.ln()) / 2.0).abs() < 1e-15);
        assert!((slope[0] + 0.5).abs() < 1e-15 && (slope[1] - 0.5).abs() < 1e-15);
    }

    #[test]
    fn extreme_logits() {
        let mut loss = [0.0f32; 3];
        forward(&[1e4, -1e4, -40.0], &[0.0, 0.0, 0.0], 1, Pointwise::BinaryCrossEntropy, &mut loss)
            .unwrap();
        assert_eq!(loss[..2], [1e4, 0.0]);
        assert!((loss[2] / (-40.0f32).exp() - 1.0).abs() < 1e-5);
        for kind in [
            Pointwise::Squared,
            Pointwise::Absolute,
            Pointwise::Huber { delta: 1.0 },
            Pointwise::BinaryCrossEntropy,
        ] {
            let mut slope = [0.0f32];
            forward(&[f32::NAN], &[0.0], 1, kind, &mut loss[..1]).unwrap();
            backward(&[1.0], &[f32::NAN], &[0.0], 1, kind, false, &mut slope).unwrap();
            assert!(loss[0].is_nan() && slope[0].is_nan(), "{kind:?}");
        }
    }
}
