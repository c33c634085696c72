//! The checked sizes of a two-dimensional pooling.

use super::{Axis, Padding, Rounding, Window, element_count};
use crate::kernels::error::{Result, shape_error};

/// The checked sizes of a two-dimensional pooling.
///
/// With an output size that was rounded up, the last window may reach past the requested padding.
/// The pixels there count as outside the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool2dGeometry {
    /// Images.
    pub batch: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
    /// Rows and columns of the window.
    pub kernel: (usize, usize),
    /// Pixels from one window to the next.
    pub stride: (usize, usize),
    /// Requested padding.
    pub padding: Padding,
}

impl Pool2dGeometry {
    /// Checks a pooling of an array of shape `input`, `(n, h, w, c)`, to an array of shape
    /// `output`, whose size must be the formula's, rounded down or up.
    ///
    /// # Errors
    /// [`KernelError::Shape`](crate::kernels::KernelError::Shape) if the shapes do not fit
    /// together.
    pub fn new(
        input: [usize; 4],
        output: [usize; 4],
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: Padding,
    ) -> Result<Self> {
        let [batch, height, width, channels] = input;
        let Padding { top, bottom, left, right } = padding;
        if 2 * top.max(bottom) > kernel.0 || 2 * left.max(right) > kernel.1 {
            return Err(shape_error!(
                "padding: {padding:?} is more than half of the window {kernel:?}"
            ));
        }
        if channels == 0 {
            return Err(shape_error!("x: channels: expected at least 1, got 0"));
        }
        let (rows, columns) =
            Window { stride, padding, dilation: (1, 1) }.axes((height, width), kernel);
        let out_height = check_output_size("height", rows, output[1])?;
        let out_width = check_output_size("width", columns, output[2])?;
        if output[0] != batch || output[3] != channels {
            return Err(shape_error!(
                "output: expected {batch} images of {channels} channels, got {} of {}",
                output[0],
                output[3]
            ));
        }
        element_count("x", &input)?;
        Ok(Self { batch, height, width, channels, out_height, out_width, kernel, stride, padding })
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height * self.out_width * self.channels
    }

    /// Input rows in the window of output row `y`, without the padding.
    pub fn rows(&self, y: usize) -> std::ops::Range<usize> {
        Self::span(y * self.stride.0, self.padding.top, self.kernel.0, self.height)
    }

    /// Input columns in the window of output column `x`, without the padding.
    pub fn columns(&self, x: usize) -> std::ops::Range<usize> {
        Self::span(x * self.stride.1, self.padding.left, self.kernel.1, self.width)
    }

    fn span(start: usize, before: usize, kernel: usize, size: usize) -> std::ops::Range<usize> {
        start.saturating_sub(before)..(start + kernel).saturating_sub(before).min(size)
    }

    /// The number that average pooling divides by for the window at (`y`, `x`): its pixels inside
    /// the image or, with `count_include_pad`, inside the image and the requested padding, as in
    /// PyTorch.
    pub fn divisor(&self, y: usize, x: usize, count_include_pad: bool) -> usize {
        if count_include_pad {
            let inside =
                |start: usize, kernel: usize, limit: usize| (start + kernel).min(limit) - start;
            inside(
                y * self.stride.0,
                self.kernel.0,
                self.height + self.padding.top + self.padding.bottom,
            ) * inside(
                x * self.stride.1,
                self.kernel.1,
                self.width + self.padding.left + self.padding.right,
            )
        } else {
            self.rows(y).len() * self.columns(x).len()
        }
    }
}

/// Checks that an output size is the formula's, rounded down or up.
fn check_output_size(name: &str, axis: Axis, size: usize) -> Result<usize> {
    let (floor, ceil) = (axis.output_size(Rounding::Floor)?, axis.output_size(Rounding::Ceil)?);
    if size != floor && size != ceil {
        return Err(shape_error!(
            "output {name}: expected {floor} (floor) or {ceil} (ceil), got {size}"
        ));
    }
    Ok(size)
}
