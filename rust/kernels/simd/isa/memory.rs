//! Loads and stores of a whole register or a part of one.

use super::vector::Vector;
use crate::kernels::Element;

/// Reads `count` elements, a whole register or less.
///
/// # Safety
/// They must be readable.
#[inline(always)]
pub unsafe fn load_some<T: Element, V: Vector<T>>(from: *const T, count: usize) -> V {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { V::load(from) } else { V::load_partial(from, count) } }
}

/// Writes `count` elements, a whole register or less.
///
/// # Safety
/// They must be writable.
#[inline(always)]
pub unsafe fn store_some<T: Element, V: Vector<T>>(value: V, to: *mut T, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { value.store(to) } else { value.store_partial(to, count) } }
}
