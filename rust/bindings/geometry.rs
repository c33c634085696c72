//! Output sizes and padding.

use pyo3::prelude::*;

use super::arrays::register;
use super::errors::to_python;
use crate::kernels::geometry::{self, Axis, Padding, Rounding, Window};

/// `(height, width)`
pub type Pair = (usize, usize);
/// `(top, bottom, left, right)`
pub type Sides = (usize, usize, usize, usize);

/// The padding of four sides.
pub fn padding((top, bottom, left, right): Sides) -> Padding {
    Padding { top, bottom, left, right }
}

/// A sliding window.
pub fn window(stride: Pair, sides: Sides, dilation: Pair) -> Window {
    Window { stride, padding: padding(sides), dilation }
}

#[pyfunction]
fn output_size(
    size: usize,
    kernel_size: usize,
    stride: usize,
    padding_before: usize,
    padding_after: usize,
    dilation: usize,
    rounding: &str,
) -> PyResult<usize> {
    let axis = Axis {
        size,
        kernel: kernel_size,
        stride,
        before: padding_before,
        after: padding_after,
        dilation,
    };
    Rounding::parse(rounding).and_then(|rounding| axis.output_size(rounding)).map_err(to_python)
}

#[pyfunction]
fn same_padding(size: usize, kernel_size: usize, stride: usize, dilation: usize) -> PyResult<Pair> {
    geometry::same_padding(size, kernel_size, stride, dilation).map_err(to_python)
}

register!(output_size, same_padding);
