//! Geometry: checked sizes of convolution and pooling, and the window that slides over an image.
//!
//! - [`Axis`]: one axis; the formula of the output size, and `"same"` padding.
//! - [`Window`]: stride, padding and dilation along two axes.
//! - [`Conv2dGeometry`], [`Pool2dGeometry`]: all sizes of one operation, checked.
//!
//! No other module computes an output size.

mod axis;
mod conv2d;
mod pool2d;
mod window;

pub use axis::{Axis, Rounding, same_padding};
pub use conv2d::Conv2dGeometry;
pub use pool2d::Pool2dGeometry;
pub use window::{Padding, Window};

use super::error::{Result, shape_error};

/// Largest size of anything along one axis, and largest stride, padding or dilation, in elements:
/// the product of two of them stays below 2⁶³.
pub const MAX_SIZE: usize = i32::MAX as usize;

/// Returns the number of elements of a shape.
///
/// # Errors
/// [`KernelError::Shape`](crate::kernels::KernelError::Shape), naming the argument, if the array
/// does not fit in the address space.
pub fn element_count(name: &str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&count| count <= isize::MAX as usize / 8)
        .ok_or_else(|| {
            shape_error!("{name}: the shape {shape:?} has more elements than fit in memory")
        })
}

#[cfg(test)]
mod tests;
