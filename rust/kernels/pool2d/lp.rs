//! Power-mean pooling without the mean: `y = (Σ |x|^p)^(1/p)`; `p = 2` is the article's L2-norm pooling.

use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::vectorized;

/// Multiply-adds that a power counts for.
const POWER_COST: usize = 16;

fn check(p: f64) -> Result<()> {
    if p > 0.0 && p.is_finite() { Ok(()) } else { Err(KernelError::Argument(format!("p: expected a positive number, got {p}"))) }
}

/// `|x|^p`
#[inline(always)]
fn power<T: Element>(x: T, p: f64) -> T {
    if p == 2.0 {
        x * x
    } else if p == 1.0 {
        x.abs()
    } else {
        x.abs().powf(T::from_f64(p))
    }
}

/// `y[oy, ox, c] = (Σ over the window of |x[., ., c]|^p)^(1/p)`
///
/// # Errors
/// `p` not positive, lengths that do not fit; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], p: f64, y: &mut [T]) -> Result<()> {
    check(p)?;
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    parallel::for_each(y.chunks_mut(g.output_row()).enumerate(), super::cost(g) * POWER_COST, |(i, y)| {
        let (image, oy) = (i / g.out_height, i % g.out_height);
        let x = &x[image * g.height * g.input_row()..];
        vectorized!(|| {
            for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
                y.fill(T::ZERO);
                for iy in g.rows(oy) {
                    for ix in g.columns(ox) {
                        let x = &x[(iy * g.width + ix) * g.channels..][..g.channels];
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y += power(x, p));
                    }
                }
                if p == 2.0 {
                    y.iter_mut().for_each(|y| *y = y.sqrt());
                } else if p != 1.0 {
                    y.iter_mut().for_each(|y| *y = y.powf(T::from_f64(1.0 / p)));
                }
            }
        });
    })
}

/// `grad_x (+)= Σ grad_y sign(x) (|x| / y)^(p - 1)`; zero where the window is all zero.
///
/// # Errors
/// `p` not positive, lengths that do not fit; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], x: &[T], y: &[T], p: f64, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    check(p)?;
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    expect_len("x", x.len(), g.input_len())?;
    expect_len("y", y.len(), g.output_len())?;
    expect_len("out", grad_x.len(), g.input_len())?;
    let items = grad_x.chunks_mut(g.input_row()).zip(x.chunks(g.input_row())).enumerate();
    parallel::for_each(items, super::cost(g) * POWER_COST, |(i, (grad_x, x))| {
        let (image, iy) = (i / g.height, i % g.height);
        let start = image * g.out_height * g.output_row();
        vectorized!(|| {
            for (ix, (grad_x, x)) in grad_x.chunks_exact_mut(g.channels).zip(x.chunks_exact(g.channels)).enumerate() {
                if !accumulate {
                    grad_x.fill(T::ZERO);
                }
                for oy in g.windows_down(iy) {
                    for ox in g.windows_across(ix) {
                        let at = start + (oy * g.out_width + ox) * g.channels;
                        let (grad_y, y) = (&grad_y[at..][..g.channels], &y[at..][..g.channels]);
                        for (((grad_x, &x), &grad_y), &y) in grad_x.iter_mut().zip(x).zip(grad_y).zip(y) {
                            *grad_x += grad_y * slope(x, y, p);
                        }
                    }
                }
            }
        });
    })
}

/// `∂y/∂x`
#[inline(always)]
fn slope<T: Element>(x: T, y: T, p: f64) -> T {
    if y == T::ZERO || x == T::ZERO {
        return T::ZERO;
    }
    let sign = if x < T::ZERO { -T::ONE } else { T::ONE };
    if p == 2.0 {
        x / y
    } else if p == 1.0 {
        sign
    } else {
        sign * (x.abs() / y).powf(T::from_f64(p - 1.0))
    }
}
