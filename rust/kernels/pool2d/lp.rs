//! Lp pooling, `y = (Σ |x|^p)^(1/p)`: `p = 2` is the article's L2-norm pooling, `p = 1` the sum of absolute values.

use super::{Crossing, WIDE, WindowGradient, WindowSum, gather, scatter, sum_windows};
use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;

/// One exponent: what is summed, what becomes of the sum, and the slope.
trait Norm<T>: Sync {
    /// `|x|^p`
    fn power(&self, x: T) -> T;
    /// `sum^(1 / p)`
    fn root(&self, sum: T) -> T;
    /// `(|x| / y)^(p - 1)`, from the ratio.
    fn slope(&self, ratio: T) -> T;
}

struct One;
struct Two;
struct General<T> {
    p: T,
    inverse: T,
    less_one: T,
}

impl<T: Element> Norm<T> for One {
    #[inline(always)]
    fn power(&self, x: T) -> T {
        x.abs()
    }
    #[inline(always)]
    fn root(&self, sum: T) -> T {
        sum
    }
    #[inline(always)]
    fn slope(&self, _ratio: T) -> T {
        T::ONE
    }
}

impl<T: Element> Norm<T> for Two {
    #[inline(always)]
    fn power(&self, x: T) -> T {
        x * x
    }
    #[inline(always)]
    fn root(&self, sum: T) -> T {
        sum.sqrt()
    }
    #[inline(always)]
    fn slope(&self, ratio: T) -> T {
        ratio
    }
}

impl<T: Element> Norm<T> for General<T> {
    #[inline(always)]
    fn power(&self, x: T) -> T {
        x.abs().powf(self.p)
    }
    #[inline(always)]
    fn root(&self, sum: T) -> T {
        sum.powf(self.inverse)
    }
    #[inline(always)]
    fn slope(&self, ratio: T) -> T {
        ratio.powf(self.less_one)
    }
}

impl<T: Element> General<T> {
    fn new(p: f64) -> Self {
        Self { p: T::from_f64(p), inverse: T::from_f64(1.0 / p), less_one: T::from_f64(p - 1.0) }
    }
}

struct NormOf<N>(N);

impl<T: Element, N: Norm<T>> WindowSum<T> for NormOf<N> {
    #[inline(always)]
    fn term(&self, x: T) -> T {
        self.0.power(x)
    }
    #[inline(always)]
    fn finish(&self, sum: T, _count: T) -> T {
        self.0.root(sum)
    }
}

fn check(p: f64) -> Result<()> {
    if p > 0.0 && p.is_finite() { Ok(()) } else { Err(KernelError::Argument(format!("p: expected a positive number, got {p}"))) }
}

/// `y[oy, ox, c] = (Σ over the window of |x[., ., c]|^p)^(1/p)`
///
/// # Errors
/// `p` not positive, lengths that do not fit; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], p: f64, y: &mut [T]) -> Result<()> {
    check(p)?;
    if p == 1.0 {
        sum_windows(g, x, false, y, &NormOf(One))
    } else if p == 2.0 {
        sum_windows(g, x, false, y, &NormOf(Two))
    } else {
        sum_windows(g, x, false, y, &NormOf(General::new(p)))
    }
}

/// `grad_x (+)= Σ grad_y sign(x) (|x| / y)^(p - 1)`; zero where `x` is: in a window of zeros, and for `p <= 1`, where the norm has no
/// slope there.
///
/// # Errors
/// `p` not positive, lengths that do not fit; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], x: &[T], y: &[T], p: f64, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    check(p)?;
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    expect_len("x", x.len(), g.input_len())?;
    expect_len("y", y.len(), g.output_len())?;
    if p == 1.0 {
        Slopes { grad_y, x, y, norm: One }.add(g, accumulate, grad_x)
    } else if p == 2.0 {
        Slopes { grad_y, x, y, norm: Two }.add(g, accumulate, grad_x)
    } else {
        Slopes { grad_y, x, y, norm: General::new(p) }.add(g, accumulate, grad_x)
    }
}

struct Slopes<'a, T, N> {
    grad_y: &'a [T],
    x: &'a [T],
    y: &'a [T],
    norm: N,
}

impl<T: Element, N: Norm<T>> Slopes<'_, T, N> {
    fn add(&self, g: &Pool2dGeometry, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
        if g.channels < WIDE {
            scatter(g, false, accumulate, grad_x, |y, x, _| self.slope(self.x[x], self.y[y], self.grad_y[y]))
        } else {
            gather(g, accumulate, grad_x, self).map(|_| ())
        }
    }

    /// `grad_y ∂y/∂x`
    #[inline(always)]
    fn slope(&self, x: T, y: T, grad_y: T) -> T {
        let size = grad_y * self.norm.slope(x.abs() / y);
        let signed = if x < T::ZERO { -size } else { size };
        if x == T::ZERO { T::ZERO } else { signed }
    }
}

impl<T: Element, N: Norm<T>> WindowGradient<T> for Slopes<'_, T, N> {
    #[inline(always)]
    fn give<const SET: bool>(&self, g: &Pool2dGeometry, at: &Crossing, grad_x: &mut [T]) -> u32 {
        let (grad_y, y) = (&self.grad_y[at.window..][..g.channels], &self.y[at.window..][..g.channels]);
        let x = &self.x[at.start..][..grad_x.len()];
        for (grad_x, x) in grad_x.chunks_exact_mut(g.channels).zip(x.chunks_exact(g.channels)) {
            for (((grad_x, &x), &grad_y), &y) in grad_x.iter_mut().zip(x).zip(grad_y).zip(y) {
                let grad = self.slope(x, y, grad_y);
                *grad_x = if SET { grad } else { *grad_x + grad };
            }
        }
        0
    }
}
