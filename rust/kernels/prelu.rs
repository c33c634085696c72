//! Parametric ReLU: `x` above 0, `slope[c] x` below, with a slope that each channel learns; and its
//! two gradients.

use super::Element;
use super::error::{Result, expect_len, shape_error};
use super::memory::with_scratch;
use super::parallel::{self, ELEMENT_COST};
use super::reduce::{Partition, finish};
use super::simd::vectorized;
use super::tuning::ITEM_LEN;

fn item_len(x: usize, channels: usize) -> Result<usize> {
    if channels == 0 || !x.is_multiple_of(channels) {
        return Err(shape_error!("x: {x} elements are not pixels of {channels} channels"));
    }
    Ok((ITEM_LEN / channels).max(1) * channels)
}

/// `out = x < 0 ? slope[c] x : x`; NaN stays.
///
/// # Shapes
/// - `x`, `out`: `[pixels, channels]`; `out` overwritten
/// - `slope`: `[channels]`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(x: &[T], slope: &[T], out: &mut [T]) -> Result<()> {
    let item = item_len(x.len(), slope.len())?;
    expect_len("out", out.len(), x.len())?;
    parallel::for_each(
        x.chunks(item).zip(out.chunks_mut(item)),
        x.len() * ELEMENT_COST,
        |(x, out)| {
            vectorized!(T, || for (x, out) in
                x.chunks_exact(slope.len()).zip(out.chunks_exact_mut(slope.len()))
            {
                for ((out, &x), &slope) in out.iter_mut().zip(x).zip(slope) {
                    *out = if x < T::ZERO { x * slope } else { x };
                }
            });
        },
    )
}

/// `out (+)= x < 0 ? slope[c] grad_output : grad_output`
///
/// # Shapes
/// As in [`forward`]; `out` overwritten, or accumulated with `accumulate`.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward_input<T: Element>(
    grad_output: &[T],
    x: &[T],
    slope: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let item = item_len(x.len(), slope.len())?;
    expect_len("grad_output", grad_output.len(), x.len())?;
    expect_len("out", out.len(), x.len())?;
    let items = grad_output.chunks(item).zip(x.chunks(item)).zip(out.chunks_mut(item));
    parallel::for_each(items, x.len() * ELEMENT_COST, |((grad, x), out)| {
        let size = slope.len();
        vectorized!(T, || for ((grad, x), out) in
            grad.chunks_exact(size).zip(x.chunks_exact(size)).zip(out.chunks_exact_mut(size))
        {
            for (((out, &grad), &x), &slope) in out.iter_mut().zip(grad).zip(x).zip(slope) {
                let here = if x < T::ZERO { grad * slope } else { grad };
                *out = if accumulate { *out + here } else { here };
            }
        });
    })
}

/// `out[c] (+)= Σ grad_output x` over the pixels where `x < 0`.
///
/// # Shapes
/// - `grad_output`, `x`: `[pixels, out.len()]`
/// - `out`: `[channels]`, overwritten, or accumulated with `accumulate`
///
/// # Errors
/// Lengths that do not fit; memory; interrupted.
pub fn backward_slope<T: Element>(
    grad_output: &[T],
    x: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    item_len(x.len(), out.len())?;
    expect_len("grad_output", grad_output.len(), x.len())?;
    let partition = Partition::new(1, x.len() / out.len(), out.len());
    let width = partition.width();
    with_scratch(partition.records() * width, |records: &mut [T]| {
        partition.for_each_block(records, width, |range, sums| {
            vectorized!(T, || {
                sums.fill(T::ZERO);
                for (grad, x) in
                    grad_output[range.clone()].chunks(width).zip(x[range].chunks(width))
                {
                    for ((sum, &grad), &x) in sums.iter_mut().zip(grad).zip(x) {
                        *sum += if x < T::ZERO { grad * x } else { T::ZERO };
                    }
                }
            });
        })?;
        with_scratch(out.len(), |totals: &mut [f64]| {
            partition.total(0, records, width, 0, totals);
            finish(totals, out, accumulate);
        })
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (x, slope) = ([-2.0f64, 3.0, -4.0, -5.0], [0.5, 0.25]);
        let mut y = [0.0; 4];
        forward(&x, &slope, &mut y).unwrap();
        assert_eq!(y, [-1.0, 3.0, -2.0, -1.25]);
        let mut grad = [1.0; 4];
        backward_input(&[8.0; 4], &x, &slope, true, &mut grad).unwrap();
        assert_eq!(grad, [5.0, 9.0, 5.0, 3.0]);
        let mut sums = [1.0; 2];
        backward_slope(&[1.0, 2.0, 3.0, 4.0], &x, true, &mut sums).unwrap();
        assert_eq!(sums, [1.0 - 2.0 - 12.0, 1.0 - 20.0]);
        assert!(forward(&x, &[0.1; 3], &mut y).is_err());
        assert!(forward(&x, &[], &mut y).is_err());
        assert!(backward_slope(&[1.0], &x, true, &mut sums).is_err());
    }

    #[test]
    fn integers_are_summed_exactly() {
        for (pixels, channels) in [(70_001, 1), (1000, 15), (300, 65), (0, 3)] {
            let x: Vec<f32> = (0..pixels * channels).map(|i| (i % 5) as f32 - 2.0).collect();
            let grad: Vec<f32> = (0..pixels * channels).map(|i| (i % 7) as f32 - 3.0).collect();
            let mut out = vec![1.0f32; channels];
            backward_slope(&grad, &x, false, &mut out).unwrap();
            for (c, &sum) in out.iter().enumerate() {
                let wanted: f32 =
                    (c..x.len()).step_by(channels).map(|i| grad[i] * x[i].min(0.0)).sum();
                assert_eq!(sum, wanted);
            }
        }
    }
}
