//! The vector trait: a register of floats, implemented once for each instruction set and element
//! type.

use super::{Kernel, MAX_LANES};
use crate::kernels::Element;

/// A SIMD register of `LANES` elements of type `T`.
///
/// The trait has arithmetic, loads and stores; the traits in [`super::shuffle`] rearrange lanes.
/// Arithmetic is element-wise. Values exist only inside code compiled for their instruction set
/// (entered through [`Vector::call`]). This makes the safe methods safe.
pub trait Vector<T: Element>: Copy {
    /// Number of elements in a register.
    const LANES: usize;
    /// Rows of the matrix micro-kernel. Each row has accumulators in two registers, and all of them
    /// fit the register file.
    const ROWS: usize;

    /// Runs a kernel compiled for this instruction set.
    fn call<K: Kernel<T>>(kernel: K) -> K::Output;

    /// A register with all lanes zero.
    fn zero() -> Self;
    /// A register with all lanes equal to `value`.
    fn splat(value: T) -> Self;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self - other`
    fn sub(self, other: Self) -> Self;
    /// `self * other`
    fn mul(self, other: Self) -> Self;
    /// `self / other`
    fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once if the set has fused multiply-add.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// `addend - self * factor`
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self;
    /// `self` where it is larger than `other`, else `other`. A NaN in `self` is ignored.
    fn max(self, other: Self) -> Self;
    /// The first `count` lanes of `self`, and `rest` in the remaining lanes.
    fn first(self, count: usize, rest: Self) -> Self;
    /// `max(0, self)`; NaN is kept.
    fn relu(self) -> Self;
    /// `self` where `activation_output > 0`, else zero.
    fn where_positive(self, activation_output: Self) -> Self;
    /// The pair with the larger first value, lane by lane. This is `b` where its first value is
    /// larger, or where it is NaN and the first value of `a` is not; else `a`.
    fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self);
    /// `e^self`; see [`crate::kernels::math`].
    #[inline(always)]
    fn exp(self) -> Self {
        let mut lanes = self.lanes();
        for lane in &mut lanes[..Self::LANES] {
            *lane = lane.exp();
        }
        // SAFETY: no register has more than `MAX_LANES` lanes.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// The lanes, as the first `LANES` elements of an array.
    #[inline(always)]
    fn lanes(self) -> [T; MAX_LANES] {
        let mut lanes = [T::ZERO; MAX_LANES];
        // SAFETY: no register has more than `MAX_LANES` lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
    /// Reduces all lanes to one value with `join`. Each step combines the two halves of the lanes
    /// that are left.
    #[inline(always)]
    fn fold(self, join: impl Fn(T, T) -> T) -> T {
        let (mut lanes, mut count) = (self.lanes(), Self::LANES / 2);
        while count > 0 {
            for i in 0..count {
                lanes[i] = join(lanes[i], lanes[i + count]);
            }
            count /= 2;
        }
        lanes[0]
    }

    /// Reads `LANES` elements.
    ///
    /// # Safety
    /// The elements must be readable. No alignment is required.
    unsafe fn load(source: *const T) -> Self;
    /// Reads the first `count < LANES` elements; the other lanes are zero.
    ///
    /// # Safety
    /// `count` elements must be readable.
    unsafe fn load_partial(source: *const T, count: usize) -> Self;
    /// Writes `LANES` elements.
    ///
    /// # Safety
    /// The elements must be writable. No alignment is required.
    unsafe fn store(self, target: *mut T);
    /// Writes the first `count < LANES` elements.
    ///
    /// # Safety
    /// `count` elements must be writable.
    unsafe fn store_partial(self, target: *mut T, count: usize);
    /// Writes `LANES` elements with a non-temporal store, which bypasses the caches, if the set has
    /// one. Call [`Vector::fence`] before another thread reads the elements.
    ///
    /// # Safety
    /// The elements must be writable, and `target` must be aligned to the size of the register.
    unsafe fn stream(self, target: *mut T);
    /// Makes streamed elements visible to other threads.
    fn fence();
    /// Prefetches the cache line of `source` to the second-level cache. Any address is allowed.
    fn prefetch(source: *const T);
}
