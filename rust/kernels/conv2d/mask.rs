//! The backward pass of a fused ReLU.

use crate::kernels::Element;

/// Copies a gradient to `masked` where the activation output is positive, and zero elsewhere.
#[inline(always)]
pub(super) fn mask<T: Element>(grad: &[T], activation_output: &[T], masked: &mut [T]) {
    for ((value, &grad), &output) in masked.iter_mut().zip(grad).zip(activation_output) {
        *value = if output > T::ZERO { grad } else { T::ZERO };
    }
}
