//! The vector trait: a register of floats, implemented once for each instruction set and element
//! type.

use super::{Kernel, MAX_LANES};
use crate::kernels::Element;

/// A SIMD register of `LANES` elements of type `T`.
///
/// Arithmetic, loads and stores; [`super::shuffle`] rearranges lanes. Arithmetic is element-wise. Values exist only inside code compiled for their instruction set
/// (entered through [`Vector::call`]), which is what makes the safe methods safe.
pub trait Vector<T: Element>: Copy {
    /// Elements in a register.
    const LANES: usize;
    /// Rows of the matrix micro-kernel: as many accumulators of two registers as the register file
    /// holds.
    const ROWS: usize;

    /// Runs a kernel compiled for this instruction set.
    fn call<K: Kernel<T>>(kernel: K) -> K::Output;

    /// All lanes zero.
    fn zero() -> Self;
    /// All lanes `value`.
    fn splat(value: T) -> Self;
    /// `self + other`
    fn add(self, other: Self) -> Self;
    /// `self - other`
    fn sub(self, other: Self) -> Self;
    /// `self * other`
    fn mul(self, other: Self) -> Self;
    /// `self / other`
    fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once where the set has fused multiply-add.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// `addend - self * factor`
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self;
    /// `self` where it is larger than `other`, else `other`: a NaN in `self` is passed over.
    fn max(self, other: Self) -> Self;
    /// The first `count` lanes of `self`, then those of `rest`.
    fn first(self, count: usize, rest: Self) -> Self;
    /// `max(0, self)`, NaN kept.
    fn relu(self) -> Self;
    /// `self` where `activation_output > 0`, else zero.
    fn where_positive(self, activation_output: Self) -> Self;
    /// The pair with the larger first value, lane by lane: `b` where it is larger, or NaN where `a`
    /// is not; else `a`.
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
    /// The lanes, at the head of an array.
    #[inline(always)]
    fn lanes(self) -> [T; MAX_LANES] {
        let mut lanes = [T::ZERO; MAX_LANES];
        // SAFETY: no register has more than `MAX_LANES` lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
    /// `join` over all lanes, two halves at a time.
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
    /// They must be readable; no alignment is asked for.
    unsafe fn load(source: *const T) -> Self;
    /// Reads the first `count < LANES` elements; the other lanes are zero.
    ///
    /// # Safety
    /// `count` elements must be readable.
    unsafe fn load_partial(source: *const T, count: usize) -> Self;
    /// Writes `LANES` elements.
    ///
    /// # Safety
    /// They must be writable; no alignment is asked for.
    unsafe fn store(self, target: *mut T);
    /// Writes the first `count < LANES` elements.
    ///
    /// # Safety
    /// `count` elements must be writable.
    unsafe fn store_partial(self, target: *mut T, count: usize);
    /// Writes `LANES` elements past the caches, where the set can; [`Vector::fence`] before anyone
    /// else reads them.
    ///
    /// # Safety
    /// They must be writable, and `target` aligned to the register's size.
    unsafe fn stream(self, target: *mut T);
    /// Makes streamed elements visible to other threads.
    fn fence();
    /// Asks for the cache line of `source` to be brought to the second-level cache; any address
    /// will do.
    fn prefetch(source: *const T);
}
