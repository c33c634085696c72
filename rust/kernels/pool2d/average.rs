//! Average pooling. The divisor counts pixels inside the image, or, if asked, the padding too.

use super::{give_back, item_len};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel;
use crate::kernels::simd::window_gradient::Shared;
use crate::kernels::simd::windows;

/// `y[oy, ox, c] = Σ over the window of x[., ., c] / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(g: &Pool2dGeometry, x: &[T], count_include_pad: bool, y: &mut [T]) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    with_divisors(g, count_include_pad, |divisors| {
        let (row, item) = (g.output_row(), item_len(g.output_row()));
        parallel::for_each(y.chunks_mut(item).enumerate(), super::cost(g), |(i, y)| {
            for (r, y) in y.chunks_exact_mut(row).enumerate() {
                let line = i * (item / row) + r;
                let (image, oy) = (&x[line / g.out_height * g.input_image()..][..g.input_image()], line % g.out_height);
                windows::mean_row(g, image, oy, &divisors[oy * g.out_width..][..g.out_width], y);
            }
        })
    })
}

/// `grad_x (+)= Σ over the windows that cover a pixel of grad_y / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(g: &Pool2dGeometry, grad_y: &[T], count_include_pad: bool, accumulate: bool, grad_x: &mut [T]) -> Result<()> {
    expect_len("grad_output", grad_y.len(), g.output_len())?;
    with_divisors(g, count_include_pad, |shares| {
        shares.iter_mut().for_each(|share| *share = T::ONE / *share);
        let (shares, (_, elements)) = (&*shares, g.output_image());
        give_back(g, |image| Shared { grad_y: &grad_y[image * elements..][..elements], shares }, accumulate, grad_x).map(|_| ())
    })
}

/// Calls `f` with what each window of an image divides by.
fn with_divisors<T: Element>(g: &Pool2dGeometry, count_include_pad: bool, f: impl FnOnce(&mut [T]) -> Result<()>) -> Result<()> {
    with_scratch(g.output_image().0, |divisors: &mut [T]| {
        for (window, divisor) in divisors.iter_mut().enumerate() {
            *divisor = T::from_f64(g.divisor(window / g.out_width, window % g.out_width, count_include_pad) as f64);
        }
        f(divisors)
    })?
}
