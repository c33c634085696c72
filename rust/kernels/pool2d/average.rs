//! Average pooling. The divisor counts pixels inside the image, or, if asked, the padding too.

use super::interleaved::Interleaving;
use super::{give_back, item_len};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::geometry::Pool2dGeometry;
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel;
use crate::kernels::simd::pool2d::backward::{MeanGradient, spread_rows};
use crate::kernels::simd::pool2d::forward;

/// `y[oy, ox, c] = Σ over the window of x[., ., c] / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn forward<T: Element>(
    g: &Pool2dGeometry,
    x: &[T],
    count_include_pad: bool,
    y: &mut [T],
) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    with_divisors(g, count_include_pad, |divisors| {
        let divisors = &*divisors;
        let mut done = 0;
        if let Some(interleaving) = Interleaving::new::<T>(g) {
            done = interleaving.images;
            interleaving.forward(
                g,
                x,
                &mut y[..done * g.output_image().1],
                None,
                |strip, x, first, y, _| {
                    forward::mean_rows(
                        strip,
                        x,
                        0..strip.out_height,
                        &divisors[first * g.out_width..],
                        y,
                    );
                },
            )?;
        }
        let (x, y) = (&x[done * g.input_image()..], &mut y[done * g.output_image().1..]);
        let rest = Pool2dGeometry { batch: g.batch - done, ..*g };
        let (row, item) = (g.output_row(), item_len(g.output_row(), rest.batch * g.out_height));
        parallel::for_each(y.chunks_mut(item).enumerate(), super::cost(&rest), |(i, y)| {
            let first = i * (item / row);
            forward::mean_rows(&rest, x, first..first + y.len() / row, divisors, y);
        })
    })
}

/// `grad_input (+)= Σ over the windows that cover a pixel of grad_output / pixels`
///
/// # Errors
/// Lengths that do not fit; interrupted.
pub fn backward<T: Element>(
    g: &Pool2dGeometry,
    grad_output: &[T],
    count_include_pad: bool,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    expect_len("grad_output", grad_output.len(), g.output_len())?;
    expect_len("out", grad_input.len(), g.input_len())?;
    with_divisors(g, count_include_pad, |shares| {
        shares.iter_mut().for_each(|share| *share = T::ONE / *share);
        let (shares, (_, elements)) = (&*shares, g.output_image());
        let mut done = 0;
        if let Some(interleaving) =
            Interleaving::new::<T>(g).filter(|_| !accumulate && g.windows_lie_apart())
        {
            done = interleaving.images;
            let grad_input = &mut grad_input[..done * g.input_image()];
            interleaving.backward(
                g,
                grad_output,
                None,
                grad_input,
                |strip, grad_output, _, first, bands| {
                    let shares = &shares[first * g.out_width..];
                    spread_rows(
                        strip,
                        |_| MeanGradient { grad_output, shares },
                        false,
                        false,
                        bands,
                    )
                },
            )?;
        }
        let rest = Pool2dGeometry { batch: g.batch - done, ..*g };
        let gradient_rule = |image: usize| MeanGradient {
            grad_output: &grad_output[(done + image) * elements..][..elements],
            shares,
        };
        give_back(&rest, gradient_rule, accumulate, &mut grad_input[done * g.input_image()..])
            .map(|_| ())
    })
}

/// Calls `f` with what each window of an image divides by.
fn with_divisors<T: Element>(
    g: &Pool2dGeometry,
    count_include_pad: bool,
    f: impl FnOnce(&mut [T]) -> Result<()>,
) -> Result<()> {
    with_scratch(g.output_image().0, |divisors: &mut [T]| {
        for (window, divisor) in divisors.iter_mut().enumerate() {
            *divisor =
                T::from_f64(
                    g.divisor(window / g.out_width, window % g.out_width, count_include_pad) as f64,
                );
        }
        f(divisors)
    })?
}
