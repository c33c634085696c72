//! Softmax over rows: `y_j = e^(x_j - max x) / Σ_k e^(x_k - max x)`. Rows of logits of any size:
//! nothing overflows.
//!
//! Exponentials are computed in a buffer of the first-level cache, a row or a piece of a long one
//! at a time. Long sums are kept in parts, and joined in double precision.

use super::Element;
use super::error::{Result, expect_len, shape_error};
use super::parallel::{self, ELEMENT_COST};
use super::simd::softmax::{exponentials, largest};
use super::simd::{Kernel, Vector, vectorized};
use super::tuning::ITEM_LEN;

/// Elements of the buffer of exponentials.
const BUFFER: usize = 1 << 10;

/// Rows that are worked on together, if they are short.
const ROWS: usize = 32;

/// Parts that a sum over a long row is kept in.
const LANES: usize = 32;

/// Rows of one item.
pub(super) fn rows_per_item(classes: usize) -> usize {
    (ITEM_LEN / classes).max(1)
}

/// Checks that `len` is whole rows of `classes`.
pub(super) fn expect_rows(name: &str, len: usize, classes: usize) -> Result<usize> {
    if classes == 0 || !len.is_multiple_of(classes) {
        return Err(shape_error!("{name}: {len} elements are not rows of {classes} classes"));
    }
    Ok(len / classes)
}

/// Joins the lanes two by two.
#[inline(always)]
fn fold<T: Copy>(mut lanes: [T; LANES], join: impl Fn(T, T) -> T) -> T {
    let mut count = LANES / 2;
    while count > 0 {
        for i in 0..count {
            lanes[i] = join(lanes[i], lanes[i + count]);
        }
        count /= 2;
    }
    lanes[0]
}

/// `Σ term(a, b)` over two slices side by side.
#[inline(always)]
pub(super) fn sum_of<T: Element>(a: &[T], b: &[T], term: impl Fn(T, T) -> T) -> T {
    if a.len() < LANES {
        return a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum + term(a, b));
    }
    let mut total = 0.0;
    for (a, b) in a.chunks(BUFFER).zip(b.chunks(BUFFER)) {
        let mut lanes = [T::ZERO; LANES];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for i in 0..LANES {
                lanes[i] += term(a[i], b[i]);
            }
        }
        for ((lane, &a), &b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
            *lane += term(a, b);
        }
        total += fold(lanes, |a, b| a + b).to_f64();
    }
    T::from_f64(total)
}

/// One row's exponentials, or a piece of them.
pub(super) struct Exponentials<'a, T> {
    /// Which row.
    pub row: usize,
    /// Where in the row the piece starts.
    pub start: usize,
    /// `e^(x - top)`
    pub values: &'a [T],
    /// The largest element of the row.
    pub top: T,
    /// The sum of all exponentials of the row. NaN anywhere in the row makes it NaN.
    pub sum: T,
}

/// What is done with the exponentials of a row.
pub(super) trait Visitor<T> {
    /// Whether only the sum is asked for: a row then comes once, without its values.
    const SUM_ONLY: bool;
    /// Takes a piece; the pieces of a row come in order.
    fn visit(&mut self, piece: &Exponentials<'_, T>);
}

/// Shows the exponentials of the rows of `x` to `visitor`.
pub(super) fn visit_rows<T: Element, V: Visitor<T>>(x: &[T], classes: usize, visitor: &mut V) {
    T::dispatch(Rows { x, classes, visitor });
}

struct Rows<'a, T, R> {
    x: &'a [T],
    classes: usize,
    visitor: &'a mut R,
}

impl<T: Element, R: Visitor<T>> Kernel<T> for Rows<'_, T, R> {
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self { x, classes, visitor } = self;
        let mut buffer = [T::ZERO; BUFFER];
        if classes <= BUFFER {
            // One thing after another for several rows, not one row after another: the maximum,
            // exponentials and sum of a row wait for each other, different rows do not.
            let (mut tops, mut sums) = ([T::ZERO; ROWS], [T::ZERO; ROWS]);
            let rows = (BUFFER / classes).min(ROWS);
            for (group, x) in x.chunks(rows * classes).enumerate() {
                for (top, x) in tops.iter_mut().zip(x.chunks_exact(classes)) {
                    *top = largest::<T, V>(x);
                }
                let values = buffer.chunks_exact_mut(classes);
                for (((sum, &top), x), values) in
                    sums.iter_mut().zip(&tops).zip(x.chunks_exact(classes)).zip(values)
                {
                    *sum = exponentials::<T, V>(x, top, (!R::SUM_ONLY).then_some(values));
                }
                for row in 0..x.len() / classes {
                    let values =
                        if R::SUM_ONLY { &[] } else { &buffer[row * classes..][..classes] };
                    visitor.visit(&Exponentials {
                        row: group * rows + row,
                        start: 0,
                        values,
                        top: tops[row],
                        sum: sums[row],
                    });
                }
            }
            return;
        }
        for (row, x) in x.chunks_exact(classes).enumerate() {
            let (top, mut sum) = (largest::<T, V>(x), 0.0);
            for x in x.chunks(BUFFER) {
                sum += exponentials::<T, V>(x, top, None).to_f64();
            }
            let sum = T::from_f64(sum);
            if R::SUM_ONLY {
                visitor.visit(&Exponentials { row, start: 0, values: &[], top, sum });
                continue;
            }
            for (piece, x) in x.chunks(BUFFER).enumerate() {
                exponentials::<T, V>(x, top, Some(&mut buffer));
                visitor.visit(&Exponentials {
                    row,
                    start: piece * BUFFER,
                    values: &buffer[..x.len()],
                    top,
                    sum,
                });
            }
        }
    }
}

/// `y = softmax(x)`, row by row.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(x: &[T], classes: usize, y: &mut [T]) -> Result<()> {
    expect_rows("x", x.len(), classes)?;
    expect_len("out", y.len(), x.len())?;
    let len = rows_per_item(classes) * classes;
    parallel::for_each(
        x.chunks(len).zip(y.chunks_mut(len)),
        x.len() * ELEMENT_COST * 4,
        |(x, y)| {
            visit_rows(x, classes, &mut Normalize { classes, y });
        },
    )
}

struct Normalize<'a, T> {
    classes: usize,
    y: &'a mut [T],
}

impl<T: Element> Visitor<T> for Normalize<'_, T> {
    const SUM_ONLY: bool = false;
    #[inline(always)]
    fn visit(&mut self, piece: &Exponentials<'_, T>) {
        let scale = T::ONE / piece.sum;
        let y = &mut self.y[piece.row * self.classes + piece.start..][..piece.values.len()];
        y.iter_mut().zip(piece.values).for_each(|(y, &value)| *y = value * scale);
    }
}

/// `out (+)= y (grad - Σ_k grad_k y_k)`, row by row.
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(
    grad_output: &[T],
    y: &[T],
    classes: usize,
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    expect_rows("grad_output", grad_output.len(), classes)?;
    expect_len("y", y.len(), grad_output.len())?;
    expect_len("out", out.len(), grad_output.len())?;
    let len = rows_per_item(classes) * classes;
    let items = grad_output.chunks(len).zip(y.chunks(len)).zip(out.chunks_mut(len));
    parallel::for_each(items, y.len() * ELEMENT_COST, |((grad, y), out)| {
        vectorized!(T, || for ((grad, y), out) in grad
            .chunks_exact(classes)
            .zip(y.chunks_exact(classes))
            .zip(out.chunks_exact_mut(classes))
        {
            let dot = sum_of(grad, y, |grad, y| grad * y);
            if accumulate {
                out.iter_mut()
                    .zip(grad)
                    .zip(y)
                    .for_each(|((out, &grad), &y)| *out += y * (grad - dot));
            } else {
                out.iter_mut()
                    .zip(grad)
                    .zip(y)
                    .for_each(|((out, &grad), &y)| *out = y * (grad - dot));
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
        assert!(forward(&x, 0, &mut y).is_err());
        assert!(forward(&x, 3, &mut y[..6]).is_err());
    }

    #[test]
    fn gradient_by_hand() {
        let mut out = [1.0f64, 1.0];
        backward(&[1.0, 0.0], &[0.25, 0.75], 2, true, &mut out).unwrap();
        assert_eq!(out, [1.1875, 0.8125]);
        backward(&[1.0, 0.0], &[0.25, 0.75], 2, false, &mut out).unwrap();
        assert_eq!(out, [0.1875, -0.1875]);
    }

    #[test]
    fn nan_and_infinity_spoil_their_own_row_only() {
        for classes in [3, 40, 2000] {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut x = vec![0.5f32; 3 * classes];
                x[classes + 1] = bad;
                let mut y = vec![7.0; x.len()];
                forward(&x, classes, &mut y).unwrap();
                for (row, y) in y.chunks(classes).enumerate() {
                    assert!(
                        y.iter().all(|y| if row == 1 {
                            y.is_nan()
                        } else {
                            (y * classes as f32 - 1.0).abs() < 1e-6
                        }),
                        "{classes} {row}"
                    );
                }
            }
        }
    }

    /// Numbers from -3 to 3 without a pattern.
    fn numbers(len: usize) -> Vec<f64> {
        (0..len).map(|i| ((i + 1) as f64 * 0.754_877_666).fract() * 6.0 - 3.0).collect()
    }

    #[test]
    fn every_number_of_classes_like_the_definition() {
        for (rows, classes) in [
            (2, 1),
            (3000, 2),
            (7, 31),
            (7, 32),
            (50, 33),
            (3, 1023),
            (3, 1024),
            (2, 1025),
            (2, 5000),
        ] {
            let x = numbers(rows * classes);
            let mut y = vec![0.0; x.len()];
            forward(&x, classes, &mut y).unwrap();
            let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let mut short = vec![0.0f32; x.len()];
            forward(&single, classes, &mut short).unwrap();
            let mut grad = vec![0.0; x.len()];
            backward(&x, &y, classes, false, &mut grad).unwrap();
            for row in 0..rows {
                let of = |values: &[f64]| values[row * classes..][..classes].to_vec();
                let (x, y, grad) = (of(&x), of(&y), of(&grad));
                let sum: f64 = x.iter().map(|x| x.exp()).sum();
                let dot: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
                for c in 0..classes {
                    assert!((y[c] - x[c].exp() / sum).abs() < 1e-14, "{classes}");
                    assert!((grad[c] - y[c] * (x[c] - dot)).abs() < 1e-14, "{classes}");
                    assert!(
                        (f64::from(short[row * classes + c]) - y[c]).abs() < 2e-6 * y[c],
                        "{classes}"
                    );
                }
            }
        }
    }
}
