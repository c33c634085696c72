//! Layer normalisation: each row with its own mean and variance.

use super::inverse_deviation;
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::reduce::finish;
use crate::kernels::simd::vectorized;
use crate::kernels::tuning::ITEM_LEN;

/// Partial sums of a row: one for each lane of the widest register.
const LANES: usize = 16;

/// Elements of one item of work, which is a whole number of rows.
fn item_len(channels: usize) -> usize {
    channels * (ITEM_LEN / channels).max(1)
}

/// `Σ f(i)` over a row, in a fixed order.
#[inline(always)]
fn row_sum<T: Element>(len: usize, f: impl Fn(usize) -> T) -> f64 {
    let mut sums = [T::ZERO; LANES];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += f(start + lane);
        }
    }
    for i in whole..len {
        sums[i - whole] += f(i);
    }
    sums.iter().map(|sum| sum.to_f64()).sum()
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` with the mean and (biased) variance of
/// each row.
///
/// # Shapes
/// - `x`, `y`: `[rows, channels]`; `y` is overwritten.
/// - `gamma`, `beta`: `[channels]`.
/// - `mean`, `variance`: `[rows]`, overwritten.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Interrupted`.
pub fn forward<T: Element>(
    x: &[T],
    gamma: &[T],
    beta: &[T],
    y: &mut [T],
    mean: &mut [T],
    variance: &mut [T],
    epsilon: f64,
) -> Result<()> {
    let channels = gamma.len();
    if channels == 0 {
        return Err(shape_error!("weight: expected at least one channel"));
    }
    expect_len("bias", beta.len(), channels)?;
    expect_len("mean", mean.len(), variance.len())?;
    expect_len("x", x.len(), mean.len().saturating_mul(channels))?;
    expect_len("y", y.len(), x.len())?;
    let item = item_len(channels);
    let statistics = mean.chunks_mut(item / channels).zip(variance.chunks_mut(item / channels));
    let items = x.chunks(item).zip(y.chunks_mut(item)).zip(statistics);
    parallel::for_each(items, x.len() * ELEMENT_COST, |((x, y), (mean, variance))| {
        vectorized!(T, || {
            let rows = x.chunks_exact(channels).zip(y.chunks_exact_mut(channels));
            for ((x, y), (mean, variance)) in rows.zip(mean.iter_mut().zip(variance)) {
                let center = row_sum(channels, |i| x[i]) / channels as f64;
                let near = T::from_f64(center);
                let lost = center - near.to_f64(); // what rounding took from the mean
                let squares = row_sum(channels, |i| (x[i] - near) * (x[i] - near))
                    / channels as f64
                    - lost * lost;
                (*mean, *variance) = (near, T::from_f64(if squares < 0.0 { 0.0 } else { squares }));
                let inverse = T::from_f64(inverse_deviation(*variance, epsilon));
                for (((y, &x), &gamma), &beta) in y.iter_mut().zip(x).zip(gamma).zip(beta) {
                    *y = (x - near) * inverse * gamma + beta;
                }
            }
        });
    })
}

/// The gradients of [`forward`]: with `x̂ = (x - mean) / sqrt(variance + epsilon)` and means over
/// the row, `grad_beta (+)= Σ g`, `grad_gamma (+)= Σ g x̂`, `grad_input (+)= (gamma g - mean(gamma
/// g) - x̂ mean(gamma g x̂)) / sqrt(variance + epsilon)`.
///
/// # Shapes
/// - `grad_output`, `x`, `grad_input`: `[rows, channels]`; `grad_input` is overwritten, or
///   accumulated with `accumulate`.
/// - `mean`, `variance`: `[rows]`.
/// - `gamma`, `grad_gamma`, `grad_beta`: `[channels]`; the last two are overwritten, or accumulated
///   with `accumulate_parameters`.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn backward<T: Element>(
    grad_output: &[T],
    x: &[T],
    mean: &[T],
    variance: &[T],
    gamma: &[T],
    epsilon: f64,
    grad_input: &mut [T],
    grad_gamma: &mut [T],
    grad_beta: &mut [T],
    accumulate: bool,
    accumulate_parameters: bool,
) -> Result<()> {
    let channels = gamma.len();
    if channels == 0 {
        return Err(shape_error!("weight: expected at least one channel"));
    }
    for (name, len) in [("grad_weight", grad_gamma.len()), ("grad_bias", grad_beta.len())] {
        expect_len(name, len, channels)?;
    }
    expect_len("variance", variance.len(), mean.len())?;
    for (name, len) in
        [("x", x.len()), ("grad_output", grad_output.len()), ("out", grad_input.len())]
    {
        expect_len(name, len, mean.len().saturating_mul(channels))?;
    }
    let item = item_len(channels);
    with_scratch(x.len().div_ceil(item) * 2 * channels, |records: &mut [T]| {
        let statistics = mean.chunks(item / channels).zip(variance.chunks(item / channels));
        let items = grad_input
            .chunks_mut(item)
            .zip(records.chunks_exact_mut(2 * channels))
            .zip(grad_output.chunks(item).zip(x.chunks(item)));
        parallel::for_each(
            items.zip(statistics),
            x.len() * ELEMENT_COST,
            |(((grad_input, record), (grad, x)), (mean, variance))| {
                let (products, sums) = record.split_at_mut(channels);
                vectorized!(T, || {
                    products.fill(T::ZERO);
                    sums.fill(T::ZERO);
                    let rows = grad_input
                        .chunks_exact_mut(channels)
                        .zip(grad.chunks_exact(channels))
                        .zip(x.chunks_exact(channels));
                    for (((grad_input, grad), x), (&mean, &variance)) in
                        rows.zip(mean.iter().zip(variance))
                    {
                        let (grad, x, gamma) =
                            (&grad[..channels], &x[..channels], &gamma[..channels]);
                        let inverse = T::from_f64(inverse_deviation(variance, epsilon));
                        let normal = |i: usize| (x[i] - mean) * inverse;
                        let sum = T::from_f64(
                            row_sum(channels, |i| gamma[i] * grad[i]) / channels as f64,
                        );
                        let product = T::from_f64(
                            row_sum(channels, |i| gamma[i] * grad[i] * normal(i)) / channels as f64,
                        );
                        for (i, ((out, by_product), by_sum)) in
                            grad_input.iter_mut().zip(&mut *products).zip(&mut *sums).enumerate()
                        {
                            let value = (gamma[i] * grad[i] - sum - normal(i) * product) * inverse;
                            *out = if accumulate { *out + value } else { value };
                            *by_product += grad[i] * normal(i);
                            *by_sum += grad[i];
                        }
                    }
                });
            },
        )?;
        with_scratch(2 * channels, |totals: &mut [f64]| {
            totals.fill(0.0);
            for record in records.chunks_exact(2 * channels) {
                totals.iter_mut().zip(record).for_each(|(total, value)| *total += value.to_f64());
            }
            finish(&totals[..channels], grad_gamma, accumulate_parameters);
            finish(&totals[channels..], grad_beta, accumulate_parameters);
        })
    })?
}
