//! Sliding windows: stride, padding and dilation along two axes.

use super::Axis;

/// Padding on four sides, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A sliding window: stride, padding and dilation. Pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Pixels from one window to the next.
    pub stride: (usize, usize),
    /// Zeros around the image.
    pub padding: Padding,
    /// Distance between two pixels of the window.
    pub dilation: (usize, usize),
}

impl Window {
    /// The two axes of a window with this kernel size over an image.
    pub fn axes(&self, image: (usize, usize), kernel: (usize, usize)) -> (Axis, Axis) {
        let Self { stride, padding, dilation } = *self;
        (
            Axis {
                size: image.0,
                kernel: kernel.0,
                stride: stride.0,
                before: padding.top,
                after: padding.bottom,
                dilation: dilation.0,
            },
            Axis {
                size: image.1,
                kernel: kernel.1,
                stride: stride.1,
                before: padding.left,
                after: padding.right,
                dilation: dilation.1,
            },
        )
    }
}
