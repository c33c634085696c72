//! The vector trait: a register of floats, implemented once for each instruction set and element
//! type.

use super::Kernel;
use crate::kernels::Element;

/// A SIMD register of `LANES` elements of type `T`.
///
/// Arithmetic is element-wise. Values exist only inside code compiled for their instruction set
/// (entered through [`Vector::call`]), which is what makes the safe methods safe.
pub trait Vector<T>: Copy {
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
    fn exp(self) -> Self
    where
        T: Element,
    {
        let mut lanes = self.lanes();
        for lane in &mut lanes[..Self::LANES] {
            *lane = lane.exp();
        }
        // SAFETY: no register has more than 16 lanes.
        unsafe { Self::load(lanes.as_ptr()) }
    }
    /// The lanes, at the head of an array.
    #[inline(always)]
    fn lanes(self) -> [T; 16]
    where
        T: Element,
    {
        let mut lanes = [T::ZERO; 16];
        // SAFETY: no register has more than 16 lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        lanes
    }
    /// `join` over all lanes, two halves at a time.
    #[inline(always)]
    fn fold(self, join: impl Fn(T, T) -> T) -> T
    where
        T: Element,
    {
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
    /// Transposes a square of `LANES` rows of `LANES` elements: element (`i`, `j`) of the source
    /// becomes (`j`, `i`) of the target.
    ///
    /// # Safety
    /// Both squares, their rows as far apart as the strides say, must be readable and writable, and
    /// must not overlap.
    #[inline(always)]
    unsafe fn transpose(source: *const T, stride: usize, target: *mut T, target_stride: usize)
    where
        T: Copy,
    {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: the caller's promise.
                unsafe { *target.add(j * target_stride + i) = *source.add(i * stride + j) }
            }
        }
    }
    /// The lanes of three registers in turn, `a₀ b₀ c₀ a₁ b₁ c₁ …`, as three registers.
    #[inline(always)]
    fn interleave(a: Self, b: Self, c: Self) -> [Self; 3]
    where
        T: Element,
    {
        let (mut lanes, mut woven) = ([T::ZERO; 16], [T::ZERO; 48]);
        for (j, register) in [a, b, c].into_iter().enumerate() {
            // SAFETY: no register has more than 16 lanes.
            unsafe { register.store(lanes.as_mut_ptr()) };
            for i in 0..Self::LANES {
                woven[3 * i + j] = lanes[i];
            }
        }
        // SAFETY: three registers have no more than 48 lanes.
        [0, 1, 2].map(|j| unsafe { Self::load(woven.as_ptr().add(j * Self::LANES)) })
    }
    /// Weaves registers: the first lanes of all, then the second lanes, up to `count` lanes of
    /// each.
    ///
    /// # Safety
    /// `count * N` elements must be writable.
    #[inline(always)]
    unsafe fn store_interleaved<const N: usize>(values: [Self; N], target: *mut T, count: usize)
    where
        T: Element,
    {
        let mut lanes = [[T::ZERO; 16]; N];
        for (value, lanes) in values.into_iter().zip(&mut lanes) {
            // SAFETY: no register has more than 16 lanes.
            unsafe { value.store(lanes.as_mut_ptr()) };
        }
        for i in 0..count {
            for (j, lanes) in lanes.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { target.add(i * N + j).write(lanes[i]) };
            }
        }
    }
    /// The inverse of [`Vector::store_interleaved`]: register `j` holds elements `j`, `N + j`, `2 N + j` … of
    /// the source, `count` of them, then zeros.
    ///
    /// # Safety
    /// `count * N` elements must be readable.
    #[inline(always)]
    unsafe fn load_deinterleaved<const N: usize>(source: *const T, count: usize) -> [Self; N]
    where
        T: Element,
    {
        let mut lanes = [[T::ZERO; 16]; N];
        for i in 0..count {
            for (j, lanes) in lanes.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                lanes[i] = unsafe { source.add(i * N + j).read() };
            }
        }
        // SAFETY: no register has more than 16 lanes.
        lanes.map(|lanes| unsafe { Self::load(lanes.as_ptr()) })
    }
    /// Writes `base` plus each of the first `count` values, which are whole numbers, as an index.
    ///
    /// # Safety
    /// `count` elements must be writable.
    #[inline(always)]
    unsafe fn store_index(self, base: i32, target: *mut i32, count: usize)
    where
        T: Element,
    {
        for (i, lane) in self.lanes().iter().enumerate().take(count) {
            // SAFETY: the caller's promise.
            unsafe { target.add(i).write(base + lane.to_f64() as i32) };
        }
    }
    /// `self` where the index at `source` is `index`, else zero, for the first `count` lanes; and
    /// how many those were.
    ///
    /// # Safety
    /// `count` indices must be readable.
    #[inline(always)]
    unsafe fn where_index(self, source: *const i32, index: i32, count: usize) -> (Self, u32)
    where
        T: Element,
    {
        let (mut lanes, mut found) = (self.lanes(), 0);
        for (i, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let chosen = i < count && unsafe { source.add(i).read() } == index;
            *lane = if chosen { *lane } else { T::ZERO };
            found += u32::from(chosen);
        }
        // SAFETY: no register has more than 16 lanes.
        (unsafe { Self::load(lanes.as_ptr()) }, found)
    }
    /// Makes streamed elements visible to other threads.
    fn fence();
    /// Asks for the cache line of `source` to be brought to the second-level cache; any address
    /// will do.
    fn prefetch(source: *const T);
}
