//! Two-dimensional pooling, channel by channel: maximum, average, power mean (Lp), and the mean of whole images.
//!
//! Windows may overlap, hang over the border (ceil mode) and reach into padding, which is never chosen and adds nothing.
//! Backward passes gather: each input pixel looks at the windows that cover it, in row-major order, so rows are independent.

pub mod average;
pub mod global;
pub mod lp;
pub mod max;

use super::geometry::Pool2dGeometry;

/// Visits per output element and window pixel, in multiply-adds.
fn cost(g: &Pool2dGeometry) -> usize {
    g.output_len().saturating_mul(g.kernel.0 * g.kernel.1).saturating_mul(2).max(g.input_len())
}

/// Windows along one axis that cover pixel `at`.
#[inline(always)]
fn covering(at: usize, before: usize, kernel: usize, stride: usize, windows: usize) -> std::ops::Range<usize> {
    let place = at + before;
    let first = (place + 1).saturating_sub(kernel).div_ceil(stride);
    first..(place / stride + 1).min(windows)
}

impl Pool2dGeometry {
    /// Windows down that cover input row `y`.
    #[inline(always)]
    fn windows_down(&self, y: usize) -> std::ops::Range<usize> {
        covering(y, self.padding.top, self.kernel.0, self.stride.0, self.out_height)
    }

    /// Windows across that cover input column `x`.
    #[inline(always)]
    fn windows_across(&self, x: usize) -> std::ops::Range<usize> {
        covering(x, self.padding.left, self.kernel.1, self.stride.1, self.out_width)
    }

    /// Elements of a row of the input.
    fn input_row(&self) -> usize {
        self.width * self.channels
    }

    /// Elements of a row of the output.
    fn output_row(&self) -> usize {
        self.out_width * self.channels
    }
}

#[cfg(test)]
mod tests;
