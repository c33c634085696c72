//! Lp pooling, `y = (Σ |x|^p)^(1/p)`: `p = 2` is the article's L2-norm pooling, `p = 1` the sum of
//! absolute values.

use super::item_len;
use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::vectorized;

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

fn check(p: f64) -> Result<()> {
    if p > 0.0 && p.is_finite() {
        Ok(())
    } else {
        Err(KernelError::Argument(format!("p: expected a positive number, got {p}")))
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
    if p == 1.0 {
        norms(g, x, y, &One)
    } else if p == 2.0 {
        norms(g, x, y, &Two)
    } else {
        norms(g, x, y, &General::new(p))
    }
}

fn norms<T: Element>(g: &Pool2dGeometry, x: &[T], y: &mut [T], norm: &impl Norm<T>) -> Result<()> {
    let (row, item) = (g.output_row(), item_len(g.output_row(), g.batch * g.out_height));
    parallel::for_each(y.chunks_mut(item).enumerate(), super::cost(g), |(i, y)| {
        vectorized!(T, || for (r, y) in y.chunks_exact_mut(row).enumerate() {
            let line = i * (item / row) + r;
            let (image, oy) = (
                &x[line / g.out_height * g.input_image()..][..g.input_image()],
                line % g.out_height,
            );
            for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
                y.fill(T::ZERO);
                for tap in g.pixels(oy, ox) {
                    let x = &image[tap * g.channels..][..g.channels];
                    y.iter_mut().zip(x).for_each(|(y, &x)| *y += norm.power(x));
                }
                y.iter_mut().for_each(|y| *y = norm.root(*y));
            }
        });
    })
}

/// `grad_input (+)= Σ grad_output sign(x) (|x| / y)^(p - 1)`; zero where `x` is: in a window of
/// zeros, and for `p <= 1`, where the norm has no slope there.
///
/// # Errors
/// `p` not positive, lengths that do not fit; interrupted.
pub fn backward<T: Element>(
    g: &Pool2dGeometry,
    grad_output: &[T],
    x: &[T],
    y: &[T],
    p: f64,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    check(p)?;
    expect_len("grad_output", grad_output.len(), g.output_len())?;
    expect_len("x", x.len(), g.input_len())?;
    expect_len("y", y.len(), g.output_len())?;
    if p == 1.0 {
        Slopes { grad_output, x, y, norm: One }.add(g, accumulate, grad_input)
    } else if p == 2.0 {
        Slopes { grad_output, x, y, norm: Two }.add(g, accumulate, grad_input)
    } else {
        Slopes { grad_output, x, y, norm: General::new(p) }.add(g, accumulate, grad_input)
    }
}

struct Slopes<'a, T, N> {
    grad_output: &'a [T],
    x: &'a [T],
    y: &'a [T],
    norm: N,
}

impl<T: Element, N: Norm<T>> Slopes<'_, T, N> {
    /// Image by image, window by window.
    fn add(&self, g: &Pool2dGeometry, accumulate: bool, grad_input: &mut [T]) -> Result<()> {
        expect_len("out", grad_input.len(), g.input_len())?;
        let (windows, elements) = g.output_image();
        parallel::for_each(
            grad_input.chunks_mut(g.input_image()).enumerate(),
            super::cost(g),
            |(image, grad_input)| {
                if !accumulate {
                    grad_input.fill(T::ZERO);
                }
                let x = &self.x[image * g.input_image()..][..g.input_image()];
                vectorized!(T, || for window in 0..windows {
                    let at = image * elements + window * g.channels;
                    let (grad_output, y) =
                        (&self.grad_output[at..][..g.channels], &self.y[at..][..g.channels]);
                    for tap in g.pixels(window / g.out_width, window % g.out_width) {
                        let pixel = tap * g.channels..(tap + 1) * g.channels;
                        let items = grad_input[pixel.clone()]
                            .iter_mut()
                            .zip(&x[pixel])
                            .zip(grad_output)
                            .zip(y);
                        items.for_each(|(((grad_input, &x), &grad_output), &y)| {
                            *grad_input += self.slope(x, y, grad_output)
                        });
                    }
                });
            },
        )
    }

    /// `grad_output ∂y/∂x`
    #[inline(always)]
    fn slope(&self, x: T, y: T, grad_output: T) -> T {
        let size = grad_output * self.norm.slope(x.abs() / y);
        let signed = if x < T::ZERO { -size } else { size };
        if x == T::ZERO { T::ZERO } else { signed }
    }
}
