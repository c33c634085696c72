//! Element-wise activations, forward and backward. `backward` takes the output `y`, which is all
//! these derivatives need.
//!
//! The output may be an argument itself: the `_in_place` forms. Memory-bound; the loops are plain
//! and compiled for the widest set.

use super::Element;
use super::error::{Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use super::tuning::ITEM_LEN;

/// One activation: the function, and its derivative in terms of its own value.
pub trait Activation<T: Element>: Sync {
    /// `f(x)`
    fn value(x: T) -> T;
    /// `grad f'(x)`, from `y = f(x)`
    fn gradient(grad: T, y: T) -> T;
}

/// `max(0, x)`; NaN stays; the gradient is 0 where `y <= 0`.
pub struct Relu;
/// `1 / (1 + e^-x)`
pub struct Sigmoid;
/// `tanh x`
pub struct Tanh;

impl<T: Element> Activation<T> for Relu {
    #[inline(always)]
    fn value(x: T) -> T {
        if x < T::ZERO { T::ZERO } else { x }
    }
    #[inline(always)]
    fn gradient(grad: T, y: T) -> T {
        if y > T::ZERO { grad } else { T::ZERO }
    }
}

impl<T: Element> Activation<T> for Sigmoid {
    #[inline(always)]
    fn value(x: T) -> T {
        // e^-|x| cannot overflow.
        let small = (-x.abs()).exp();
        let numerator = if x < T::ZERO { small } else { T::ONE };
        numerator / (T::ONE + small)
    }
    #[inline(always)]
    fn gradient(grad: T, y: T) -> T {
        grad * y * (T::ONE - y)
    }
}

impl<T: Element> Activation<T> for Tanh {
    #[inline(always)]
    fn value(x: T) -> T {
        x.tanh()
    }
    #[inline(always)]
    fn gradient(grad: T, y: T) -> T {
        grad * (T::ONE - y * y)
    }
}

/// `out = f(x)`
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn forward<T: Element, A: Activation<T>>(x: &[T], out: &mut [T]) -> Result<()> {
    expect_len("out", out.len(), x.len())?;
    let items = x.chunks(ITEM_LEN).zip(out.chunks_mut(ITEM_LEN));
    parallel::for_each(items, x.len() * ELEMENT_COST, |(x, out)| {
        vectorized!(T, || x.iter().zip(out).for_each(|(&x, out)| *out = A::value(x)));
    })
}

/// `x = f(x)`
///
/// # Errors
/// Interrupted.
pub fn forward_in_place<T: Element, A: Activation<T>>(x: &mut [T]) -> Result<()> {
    let cost = x.len() * ELEMENT_COST;
    parallel::for_each(x.chunks_mut(ITEM_LEN), cost, |x| {
        vectorized!(T, || x.iter_mut().for_each(|x| *x = A::value(*x)))
    })
}

/// `out (+)= grad_output f'(x)`
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn backward<T: Element, A: Activation<T>>(
    grad_output: &[T],
    y: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    expect_len("y", y.len(), grad_output.len())?;
    expect_len("out", out.len(), grad_output.len())?;
    let items = grad_output.chunks(ITEM_LEN).zip(y.chunks(ITEM_LEN)).zip(out.chunks_mut(ITEM_LEN));
    parallel::for_each(items, y.len() * ELEMENT_COST, |((grad, y), out)| {
        vectorized!(T, || {
            let items = grad.iter().zip(y).zip(out);
            if accumulate {
                items.for_each(|((&grad, &y), out)| *out += A::gradient(grad, y));
            } else {
                items.for_each(|((&grad, &y), out)| *out = A::gradient(grad, y));
            }
        });
    })
}

/// `grad = grad f'(x)`
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn backward_in_place<T: Element, A: Activation<T>>(grad: &mut [T], y: &[T]) -> Result<()> {
    expect_len("y", y.len(), grad.len())?;
    let items = grad.chunks_mut(ITEM_LEN).zip(y.chunks(ITEM_LEN));
    parallel::for_each(items, y.len() * ELEMENT_COST, |(grad, y)| {
        vectorized!(T, || grad
            .iter_mut()
            .zip(y)
            .for_each(|(grad, &y)| *grad = A::gradient(*grad, y)));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relu_keeps_nan_and_infinity() {
        let mut x = [-1.0f32, -0.0, 0.0, 2.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY];
        forward_in_place::<_, Relu>(&mut x).unwrap();
        assert_eq!(x[..4], [0.0, 0.0, 0.0, 2.0]);
        assert!(x[4].is_nan() && x[5] == 0.0 && x[6] == f32::INFINITY);
    }

    #[test]
    fn sigmoid_and_tanh_do_not_overflow() {
        let mut y = [0.0f32; 3];
        forward::<_, Sigmoid>(&[-1000.0, 0.0, 1000.0], &mut y).unwrap();
        assert_eq!(y, [0.0, 0.5, 1.0]);
        forward::<_, Tanh>(&[-1000.0, 0.0, 1000.0], &mut y).unwrap();
        assert_eq!(y, [-1.0, 0.0, 1.0]);
    }

    #[test]
    fn gradients_by_hand() {
        let mut g = [1.0f64];
        backward::<_, Relu>(&[3.0, 3.0, 3.0], &[-1.0, 0.0, 2.0], true, &mut [1.0, 1.0, 1.0])
            .unwrap();
        backward::<_, Sigmoid>(&[2.0], &[0.5], true, &mut g).unwrap();
        assert_eq!(g, [1.5]);
        backward_in_place::<_, Tanh>(&mut g, &[0.5]).unwrap();
        assert_eq!(g, [1.125]);
    }
}
