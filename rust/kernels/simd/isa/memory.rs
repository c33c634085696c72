//! Loads and stores of whole or partial registers.

use super::vector::Vector;
use crate::kernels::Element;

/// Reads `count` elements, at most a register. The other lanes are zero.
///
/// # Safety
/// `count` elements must be readable.
#[inline(always)]
pub unsafe fn load_some<T: Element, V: Vector<T>>(from: *const T, count: usize) -> V {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { V::load(from) } else { V::load_partial(from, count) } }
}

/// Writes `count` elements, at most a register.
///
/// # Safety
/// `count` elements must be writable.
#[inline(always)]
pub unsafe fn store_some<T: Element, V: Vector<T>>(value: V, to: *mut T, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { value.store(to) } else { value.store_partial(to, count) } }
}
