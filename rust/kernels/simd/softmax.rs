//! SIMD softmax of a row: the largest element, then the exponentials and their sum.

use crate::kernels::Element;
use crate::kernels::simd::{Vector, load_some, store_some};
use crate::kernels::tuning::SOFTMAX_PREFETCH_BYTES;

/// The largest element, ignoring NaN. Negative infinity if there is no other element.
#[inline(always)]
pub fn largest<T: Element, V: Vector<T>>(x: &[T]) -> T {
    let lowest = V::splat(T::NEG_INFINITY);
    let (mut top, whole) = (lowest, x.len() - x.len() % V::LANES);
    // SAFETY: reads whole registers, then the elements that are left.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            V::prefetch(x.as_ptr().wrapping_add(at + SOFTMAX_PREFETCH_BYTES / size_of::<T>()));
            top = V::load(x.as_ptr().add(at)).max(top);
        }
        if whole < x.len() {
            let count = x.len() - whole;
            top = V::load_partial(x.as_ptr().add(whole), count).first(count, lowest).max(top);
        }
    }
    top.fold(
        #[inline(always)]
        |a, b| if b > a { b } else { a },
    )
}

/// `Σ e^(x - top)`. The terms are written to `values`, if given. The sum is NaN if any element is
/// NaN.
///
/// # Panics
/// When `values` is shorter than `x`.
#[inline(always)]
pub fn exponentials<T: Element, V: Vector<T>>(x: &[T], top: T, mut values: Option<&mut [T]>) -> T {
    assert!(values.as_ref().is_none_or(|values| values.len() >= x.len()));
    let (top, mut sum) = (V::splat(top), V::zero());
    // SAFETY: accesses no more elements of either slice than are left.
    unsafe {
        for at in (0..x.len()).step_by(V::LANES) {
            let count = V::LANES.min(x.len() - at);
            let value = load_some::<T, V>(x.as_ptr().add(at), count).sub(top).exp();
            if let Some(values) = &mut values {
                store_some(value, values.as_mut_ptr().add(at), count);
            }
            sum = sum.add(if count == V::LANES { value } else { value.first(count, V::zero()) });
        }
    }
    sum.fold(
        #[inline(always)]
        |a, b| a + b,
    )
}
