//! Average pooling. The divisor counts pixels inside the image, or, if asked, the padding too.

use super::{Crossing, WIDE, WindowGradient, WindowSum, gather, scatter, sum_windows};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;

struct Mean;

impl<T: Element> WindowSum<T> for Mean {
    #[inline(always)]
    fn term(&self, x: T) -> T {
        x
    }
    #[inline(always)]
    fn finish(&self, sum: T, count: T) -> T {
        sum / count
    }
}

/// `y[oy, ox, c] = Σ over the window of x[., ., c] / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], count_include_pad: bool, y: &mut [T]) -> Result<()> {
    sum_windows(g, x, count_include_pad, y, &Mean)
}

/// `grad_x (+)= Σ over the windows that cover a pixel of grad_y / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], count_include_pad: bool, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    if g.channels < WIDE {
        scatter(g, count_include_pad, accumulate, grad_x, |y, _, share| grad_y[y] * share)
    } else {
        gather(g, accumulate, grad_x, &Shares { grad_y, count_include_pad }).map(|_| ())
    }
}

struct Shares<'a, T> {
    grad_y: &'a [T],
    count_include_pad: bool,
}

impl<T: Element> WindowGradient<T> for Shares<'_, T> {
    #[inline(always)]
    fn give<const SET: bool>(&self, g: &Pool2dGeometry, at: &Crossing, grad_x: &mut [T]) -> u32 {
        let share = T::ONE / T::from_f64(g.divisor(at.place.0, at.place.1, self.count_include_pad) as f64);
        let grad_y = &self.grad_y[at.window..][..g.channels];
        for grad_x in grad_x.chunks_exact_mut(g.channels) {
            grad_x.iter_mut().zip(grad_y).for_each(|(x, &y)| *x = if SET { y * share } else { *x + y * share });
        }
        0
    }
}
