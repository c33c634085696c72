//! Rearrangement of lanes within and across registers, and conversion between lanes and indices.
//!
//! Every method has a default implementation that works in memory, one element at a time. An
//! instruction set overrides the methods for which it has suitable instructions.

use super::MAX_LANES;
use super::vector::Vector;
use crate::kernels::Element;

/// Rearranges elements within and across registers.
pub trait Shuffle<T: Element>: Vector<T> {
    /// Transposes a square of `LANES` rows of `LANES` elements: element (`i`, `j`) of the source
    /// becomes (`j`, `i`) of the target.
    ///
    /// # Safety
    /// The source must be readable and the target writable, with rows spaced by their strides. They
    /// must not overlap.
    #[inline(always)]
    unsafe fn transpose(source: *const T, stride: usize, target: *mut T, target_stride: usize) {
        for i in 0..Self::LANES {
            for j in 0..Self::LANES {
                // SAFETY: the caller's promise.
                unsafe { *target.add(j * target_stride + i) = *source.add(i * stride + j) }
            }
        }
    }
    /// Interleaves the lanes of three registers, `a₀ b₀ c₀ a₁ b₁ c₁ …`, and returns three
    /// registers.
    #[inline(always)]
    fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
        let (mut lanes, mut interleaved) = ([T::ZERO; MAX_LANES], [T::ZERO; 3 * MAX_LANES]);
        for (j, register) in [a, b, c].into_iter().enumerate() {
            // SAFETY: no register has more than `MAX_LANES` lanes.
            unsafe { register.store(lanes.as_mut_ptr()) };
            for i in 0..Self::LANES {
                interleaved[3 * i + j] = lanes[i];
            }
        }
        // SAFETY: three registers have no more than `3 * MAX_LANES` lanes.
        [0, 1, 2].map(|j| unsafe { Self::load(interleaved.as_ptr().add(j * Self::LANES)) })
    }
    /// Interleaves `N` registers and writes the result: the first lane of each register, then the
    /// second lane of each, up to `count` lanes of each.
    ///
    /// # Safety
    /// `count * N` elements must be writable.
    #[inline(always)]
    unsafe fn store_interleaved<const N: usize>(values: [Self; N], target: *mut T, count: usize) {
        let mut lanes = [[T::ZERO; MAX_LANES]; N];
        for (value, lanes) in values.into_iter().zip(&mut lanes) {
            // SAFETY: no register has more than `MAX_LANES` lanes.
            unsafe { value.store(lanes.as_mut_ptr()) };
        }
        for i in 0..count {
            for (j, lanes) in lanes.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { target.add(i * N + j).write(lanes[i]) };
            }
        }
    }
    /// The inverse of [`Shuffle::store_interleaved`]. The first `count` lanes of register `j` are
    /// elements `j`, `N + j`, `2 N + j` … of the source; the other lanes are zero.
    ///
    /// # Safety
    /// `count * N` elements must be readable.
    #[inline(always)]
    unsafe fn load_deinterleaved<const N: usize>(source: *const T, count: usize) -> [Self; N] {
        let mut lanes = [[T::ZERO; MAX_LANES]; N];
        for i in 0..count {
            for (j, lanes) in lanes.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                lanes[i] = unsafe { source.add(i * N + j).read() };
            }
        }
        // SAFETY: no register has more than `MAX_LANES` lanes.
        lanes.map(|lanes| unsafe { Self::load(lanes.as_ptr()) })
    }
}

/// Converts between lanes and indices of elements.
pub trait Index<T: Element>: Vector<T> {
    /// Writes `base` plus each of the first `count` values as an index. The values must be
    /// integers.
    ///
    /// # Safety
    /// `count` elements must be writable.
    #[inline(always)]
    unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
        for (i, lane) in self.lanes().iter().enumerate().take(count) {
            // SAFETY: the caller's promise.
            unsafe { target.add(i).write(base + lane.to_f64() as i32) };
        }
    }
    /// Keeps the first `count` lanes where the index at `source` is equal to `index`, and sets all
    /// other lanes to zero. Also returns the number of lanes kept.
    ///
    /// # Safety
    /// `count` indices must be readable.
    #[inline(always)]
    unsafe fn where_index(self, source: *const i32, index: i32, count: usize) -> (Self, u32) {
        let (mut lanes, mut found) = (self.lanes(), 0);
        for (i, lane) in lanes.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let chosen = i < count && unsafe { source.add(i).read() } == index;
            *lane = if chosen { *lane } else { T::ZERO };
            found += u32::from(chosen);
        }
        // SAFETY: no register has more than `MAX_LANES` lanes.
        (unsafe { Self::load(lanes.as_ptr()) }, found)
    }
}
