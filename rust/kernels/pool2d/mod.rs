//! Two-dimensional pooling, channel by channel: maximum, average, power mean (Lp), and the mean of
//! whole images.
//!
//! Windows may overlap, hang over the border (ceil mode) and reach into padding, which is never
//! chosen and adds nothing.
//!
//! Maxima and averages, and their gradients, are computed in registers, whatever the number of
//! channels ([`super::simd::pool2d::forward`], [`super::simd::pool2d::backward`]). With few
//! channels, many images are computed together (`interleaved`). Sums go over windows and pixels
//! in row-major order; rows and images are independent.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

pub mod average;
pub mod global;
mod interleaved;
pub mod lp;
pub mod max;
pub mod unpool;

use super::Element;
use super::error::{Result, expect_len};
use super::geometry::{Padding, Pool2dGeometry};
use super::parallel::{self, ELEMENT_COST};
use super::simd::elementwise;
use super::simd::pool2d::backward::{WindowGradient, gather_row, spread_rows};
use crate::kernels::tuning::{ITEM_LEN, ITEMS};

/// Elements of one item of work, which is a whole number of the `rows` rows.
fn item_len(row: usize, rows: usize) -> usize {
    (ITEM_LEN / row.max(1)).min(rows.div_ceil(ITEMS)).max(1) * row.max(1)
}

/// Multiply-adds that a pass over all windows counts for.
fn cost(g: &Pool2dGeometry) -> usize {
    g.input_len()
        .max(g.output_len().saturating_mul(g.kernel.0 * g.kernel.1))
        .saturating_mul(ELEMENT_COST)
}

impl Pool2dGeometry {
    /// Windows down that cover input row `y`.
    pub(super) fn windows_down(&self, y: usize) -> Range<usize> {
        let place = y + self.padding.top;
        (place + 1).saturating_sub(self.kernel.0).div_ceil(self.stride.0)
            ..(place / self.stride.0 + 1).min(self.out_height)
    }

    /// Whether no two windows share a row or a column of the input.
    fn windows_lie_apart(&self) -> bool {
        self.kernel.0 == self.stride.0
            && self.kernel.1 <= self.stride.1
            && self.padding == Padding::default()
    }

    /// The pixels of window (`oy`, `ox`) in the plane of its image, in row-major order.
    #[inline(always)]
    fn pixels(&self, oy: usize, ox: usize) -> impl Iterator<Item = usize> {
        let (columns, width) = (self.columns(ox), self.width);
        self.rows(oy).flat_map(move |iy| columns.clone().map(move |ix| iy * width + ix))
    }

    /// Windows of an image, and elements of its output.
    fn output_image(&self) -> (usize, usize) {
        (self.out_height * self.out_width, self.out_height * self.output_row())
    }

    /// Elements of a row of the input.
    fn input_row(&self) -> usize {
        self.width * self.channels
    }

    /// Elements of a row of the output.
    fn output_row(&self) -> usize {
        self.out_width * self.channels
    }

    /// Elements of an image of the input.
    fn input_image(&self) -> usize {
        self.height * self.input_row()
    }
}

/// `(+)=` what the windows give back to their pixels, image by image; returns how many elements
/// chose one of the pixels.
fn give_back<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    gradient_rule: impl Fn(usize) -> G + Sync,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<usize> {
    expect_len("out", grad_input.len(), g.input_len())?;
    if g.windows_lie_apart() {
        spread(g, gradient_rule, accumulate, grad_input)
    } else {
        gather(g, gradient_rule, accumulate, grad_input)
    }
}

/// [`give_back`] for windows that do not overlap, without padding: each row of windows has its own
/// input rows.
fn spread<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    gradient_rule: impl Fn(usize) -> G + Sync,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<usize> {
    let met = AtomicUsize::new(0);
    let (band, stream) = (g.kernel.0 * g.input_row(), elementwise::streams::<T>(grad_input.len()));
    let images = grad_input.chunks_mut(g.input_image().max(1)).enumerate();
    let bands = images.flat_map(|(n, image)| {
        image.chunks_mut(band.max(1)).enumerate().map(move |(oy, grad_input)| (n, oy, grad_input))
    });
    let mut bands: Vec<_> = bands.collect();
    let per_item = item_len(band, bands.len()) / band.max(1);
    parallel::for_each(bands.chunks_mut(per_item), cost(g), |bands| {
        met.fetch_add(spread_rows(g, &gradient_rule, accumulate, stream, bands), Ordering::Relaxed);
    })?;
    Ok(met.into_inner())
}

/// [`give_back`] for any windows: each input row gathers from those that cover it.
fn gather<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    gradient_rule: impl Fn(usize) -> G + Sync,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<usize> {
    let met = AtomicUsize::new(0);
    let (row, item, stream) = (
        g.input_row(),
        item_len(g.input_row(), g.batch * g.height),
        elementwise::streams::<T>(grad_input.len()),
    );
    parallel::for_each(grad_input.chunks_mut(item).enumerate(), cost(g), |(i, grad_input)| {
        let mut count = 0;
        for (r, grad_input) in grad_input.chunks_exact_mut(row).enumerate() {
            let line = i * (item / row) + r;
            count += gather_row(
                g,
                line % g.height,
                gradient_rule(line / g.height),
                accumulate,
                stream,
                grad_input,
            );
        }
        met.fetch_add(count, Ordering::Relaxed);
    })?;
    Ok(met.into_inner())
}

#[cfg(test)]
mod tests;
