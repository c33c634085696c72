//! Average pooling. The divisor counts pixels inside the image, or, if asked, the padding too.

use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::parallel;
use crate::kernels::simd::vectorized;

/// `y[oy, ox, c] = Σ over the window of x[., ., c] / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], count_include_pad: bool, y: &mut [T]) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    parallel::for_each(y.chunks_mut(g.output_row()).enumerate(), super::cost(g), |(i, y)| {
        let (image, oy) = (i / g.out_height, i % g.out_height);
        let x = &x[image * g.height * g.input_row()..];
        vectorized!(|| {
            for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
                y.fill(T::ZERO);
                for iy in g.rows(oy) {
                    for ix in g.columns(ox) {
                        let x = &x[(iy * g.width + ix) * g.channels..][..g.channels];
                        y.iter_mut().zip(x).for_each(|(y, &x)| *y += x);
                    }
                }
                let divisor = T::from_f64(g.divisor(oy, ox, count_include_pad) as f64);
                y.iter_mut().for_each(|y| *y = *y / divisor);
            }
        });
    })
}

/// `grad_x (+)= Σ over the windows that cover a pixel of grad_y / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], count_include_pad: bool, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    expect_len("out", grad_x.len(), g.input_len())?;
    parallel::for_each(grad_x.chunks_mut(g.input_row()).enumerate(), super::cost(g), |(i, grad_x)| {
        let (image, iy) = (i / g.height, i % g.height);
        let grad_y = &grad_y[image * g.out_height * g.output_row()..];
        vectorized!(|| {
            for (ix, grad_x) in grad_x.chunks_exact_mut(g.channels).enumerate() {
                if !accumulate {
                    grad_x.fill(T::ZERO);
                }
                for oy in g.windows_down(iy) {
                    for ox in g.windows_across(ix) {
                        let share = T::ONE / T::from_f64(g.divisor(oy, ox, count_include_pad) as f64);
                        let grad_y = &grad_y[(oy * g.out_width + ox) * g.channels..][..g.channels];
                        grad_x.iter_mut().zip(grad_y).for_each(|(x, &y)| *x += y * share);
                    }
                }
            }
        });
    })
}
