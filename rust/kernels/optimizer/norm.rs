//! Euclidean norms with a fixed order of sums, the constraint on the norms of columns, and the step
//! of a moving average.

use super::super::Element;
use super::super::error::{KernelError, Result, expect_len};
use super::super::memory::with_scratch;
use super::super::parallel::{self, ELEMENT_COST};
use super::super::reduce::Partition;
use super::super::simd::vectorized;
use super::CHUNK;

/// Parts that a sum is kept in.
const LANES: usize = 16;

/// `Σ x²` in double precision: blocks of [`CHUNK`] elements, whose sums are added in order.
///
/// # Errors
/// [`KernelError::Memory`], `Interrupted`.
pub fn sum_of_squares<T: Element>(x: &[T]) -> Result<f64> {
    with_scratch(x.len().div_ceil(CHUNK), |sums: &mut [f64]| {
        parallel::for_each(
            x.chunks(CHUNK).zip(&mut *sums),
            x.len() * ELEMENT_COST / 2,
            |(x, sum)| {
                *sum = vectorized!(|| squares(x));
            },
        )?;
        Ok(sums.iter().sum())
    })?
}

#[inline(always)]
fn squares<T: Element>(x: &[T]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (blocks, rest) = x.as_chunks::<LANES>();
    for block in blocks {
        for i in 0..LANES {
            let value = block[i].to_f64();
            lanes[i] += value * value;
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x.to_f64() * x.to_f64();
    }
    lanes.iter().sum()
}

/// Scales the columns of a matrix of `cols` columns down to the norm `limit` where they are longer.
///
/// # Errors
/// A matrix that is not whole rows; [`KernelError::Memory`], `Interrupted` (nothing is changed
/// then).
pub fn constrain_norm<T: Element>(matrix: &mut [T], cols: usize, limit: f64) -> Result<()> {
    let rows = matrix.len().checked_div(cols).unwrap_or(0);
    expect_len("matrix", matrix.len(), rows.saturating_mul(cols))?;
    if limit.is_nan() || limit <= 0.0 {
        return Err(KernelError::Argument(format!(
            "limit: expected a number above 0, got {limit}"
        )));
    }
    if matrix.is_empty() {
        return Ok(());
    }
    let partition = Partition::new(1, rows, cols);
    let width = partition.width();
    with_scratch(partition.records() * width, |records: &mut [T]| {
        let whole = &*matrix;
        partition.for_each_block(records, width, |range, sums| {
            vectorized!(|| {
                sums.fill(T::ZERO);
                for row in whole[range].chunks(width) {
                    for (sum, &value) in sums.iter_mut().zip(row) {
                        *sum += value * value;
                    }
                }
            });
        })?;
        with_scratch(cols, |totals: &mut [f64]| {
            partition.total(0, records, width, 0, totals);
            with_scratch(cols, |factors: &mut [T]| {
                for (factor, &total) in factors.iter_mut().zip(&*totals) {
                    let norm = total.sqrt();
                    *factor = if norm > limit { T::from_f64(limit / norm) } else { T::ONE };
                }
                let item = cols * (CHUNK / cols).max(1);
                parallel::for_each_uninterrupted(
                    matrix.chunks_mut(item),
                    rows * cols * ELEMENT_COST,
                    |rows| {
                        vectorized!(|| {
                            for row in rows.chunks_exact_mut(cols) {
                                for (value, &factor) in row.iter_mut().zip(&*factors) {
                                    *value = *value * factor;
                                }
                            }
                        });
                    },
                );
                Ok(())
            })?
        })?
    })?
}

/// `average += weight (values - average)`
///
/// # Errors
/// Slices of different lengths.
pub fn lerp<T: Element>(average: &mut [T], values: &[T], weight: f64) -> Result<()> {
    expect_len("values", values.len(), average.len())?;
    if weight == 1.0 {
        average.copy_from_slice(values);
        return Ok(());
    }
    let (cost, weight) = (average.len() * ELEMENT_COST, T::from_f64(weight));
    parallel::for_each_uninterrupted(
        average.chunks_mut(CHUNK).zip(values.chunks(CHUNK)),
        cost,
        |(average, values)| {
            vectorized!(|| {
                for (average, &value) in average.iter_mut().zip(values) {
                    *average = *average + weight * (value - *average);
                }
            });
        },
    );
    Ok(())
}
