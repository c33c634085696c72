//! Euclidean norms with a fixed order of sums, a constraint on the norms of columns, and linear
//! interpolation between two arrays.

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::memory::with_scratch;
use super::parallel::{self, ELEMENT_COST};
use super::reduce::Partition;
use super::simd::vectorized;
use super::tuning::{ITEM_LEN, NORM_LEN};

/// Partial sums of a sum.
const LANES: usize = 16;

/// `Σ x²` in double precision: blocks of [`NORM_LEN`] elements, whose sums are added in order.
///
/// # Errors
/// [`KernelError::Memory`], `Interrupted`.
pub fn sum_of_squares<T: Element>(x: &[T]) -> Result<f64> {
    with_scratch(x.len().div_ceil(NORM_LEN), |sums: &mut [f64]| {
        parallel::for_each(
            x.chunks(NORM_LEN).zip(&mut *sums),
            x.len() * ELEMENT_COST / 2,
            |(x, sum)| {
                *sum = vectorized!(T, || squares(x));
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
            vectorized!(T, || {
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
                let item = cols * (ITEM_LEN / cols).max(1);
                parallel::for_each_uninterrupted(
                    matrix.chunks_mut(item),
                    rows * cols * ELEMENT_COST,
                    |rows| {
                        vectorized!(T, || {
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
        average.chunks_mut(ITEM_LEN).zip(values.chunks(ITEM_LEN)),
        cost,
        |(average, values)| {
            vectorized!(T, || {
                for (average, &value) in average.iter_mut().zip(values) {
                    *average = *average + weight * (value - *average);
                }
            });
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(i: usize, seed: f64) -> f64 {
        ((i + 1) as f64 * 0.754_877_666 + seed).fract() - 0.5
    }

    #[test]
    fn sums_of_squares_and_columns() {
        for size in [0, 1, 15, 16, 17, NORM_LEN, 3 * NORM_LEN + 5] {
            let x: Vec<f32> = (0..size).map(|i| (i % 7) as f32 - 3.0).collect();
            let exact: f64 = x.iter().map(|&x| f64::from(x * x)).sum();
            assert_eq!(sum_of_squares(&x).unwrap(), exact);
        }
        for (rows, cols) in [(1, 1), (2, 3), (5000, 7), (300, 70)] {
            let x: Vec<f64> =
                (0..rows * cols).map(|i| number(i, 0.3) * (1.0 + (i % cols) as f64)).collect();
            let mut y = x.clone();
            let limit = (rows as f64).sqrt();
            constrain_norm(&mut y, cols, limit).unwrap();
            for c in 0..cols {
                let norm =
                    |x: &[f64]| x.iter().skip(c).step_by(cols).map(|x| x * x).sum::<f64>().sqrt();
                let (before, after) = (norm(&x), norm(&y));
                assert!(
                    (after - before.min(limit)).abs() < 1e-9 * limit,
                    "{before} {after} {limit}"
                );
            }
        }
        assert!(constrain_norm(&mut [1.0f32; 5], 2, 1.0).is_err());
        assert!(constrain_norm(&mut [1.0f32; 4], 2, 0.0).is_err());
        constrain_norm::<f32>(&mut [], 0, 1.0).unwrap();
    }

    #[test]
    fn averages_move() {
        let mut average = [0.0f32, 8.0];
        lerp(&mut average, &[4.0, 0.0], 0.25).unwrap();
        assert_eq!(average, [1.0, 6.0]);
        lerp(&mut average, &[0.1, 0.2], 1.0).unwrap();
        assert_eq!(average, [0.1, 0.2]);
    }
}
