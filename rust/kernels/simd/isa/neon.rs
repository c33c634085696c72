//! NEON: 32 registers of 128 bits, on every 64-bit Arm.

use std::arch::aarch64::*;

use super::Kernel;
use super::shuffle::{Index, Shuffle};
use super::vector::Vector;

/// A 128-bit register.
#[derive(Clone, Copy)]
pub struct F32x4(float32x4_t);

// SAFETY of every block below: NEON is part of every 64-bit Arm; memory accesses are the caller's
// promise, and partial ones access only the first `count` lanes.
#[allow(clippy::undocumented_unsafe_blocks, unused_unsafe)]
impl Vector<f32> for F32x4 {
    const LANES: usize = 4;
    const ROWS: usize = 12;

    #[inline(always)]
    fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
        call(kernel)
    }
    #[inline(always)]
    fn zero() -> Self {
        Self::splat(0.0)
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { vdupq_n_f32(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { vaddq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { vsubq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { vmulq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { vdivq_f32(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { vfmaq_f32(addend.0, self.0, factor.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { vfmsq_f32(addend.0, self.0, factor.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0) })
    }
    #[inline(always)]
    fn first(self, count: usize, rest: Self) -> Self {
        let (mut lanes, mut own) = ([0.0; 4], [0.0; 4]);
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), rest.0);
            vst1q_f32(own.as_mut_ptr(), self.0);
        }
        lanes[..count].copy_from_slice(&own[..count]);
        Self(unsafe { vld1q_f32(lanes.as_ptr()) })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // FMAX returns NaN if either operand is NaN.
        Self(unsafe { vmaxq_f32(Self::zero().0, self.0) })
    }
    #[inline(always)]
    fn where_positive(self, activation_output: Self) -> Self {
        Self(unsafe {
            vbslq_f32(vcgtq_f32(activation_output.0, Self::zero().0), self.0, Self::zero().0)
        })
    }
    #[inline(always)]
    fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
        unsafe {
            // Take `a` where it is NaN or where b <= a, else `b`.
            let (number, below) = (vceqq_f32(a.0.0, a.0.0), vcleq_f32(b.0.0, a.0.0));
            let take = |a, b| Self(vbslq_f32(number, vbslq_f32(below, a, b), a));
            (take(a.0.0, b.0.0), take(a.1.0, b.1.0))
        }
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(unsafe { vld1q_f32(source) })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        let mut lanes = [0.0; 4];
        for (i, lane) in lanes.iter_mut().enumerate().take(count) {
            *lane = unsafe { source.add(i).read() };
        }
        Self(unsafe { vld1q_f32(lanes.as_ptr()) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { vst1q_f32(target, self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        let mut lanes = [0.0; 4];
        unsafe { vst1q_f32(lanes.as_mut_ptr(), self.0) }
        for (i, &lane) in lanes.iter().enumerate().take(count) {
            unsafe { target.add(i).write(lane) }
        }
    }
    #[inline(always)]
    unsafe fn stream(self, target: *mut f32) {
        unsafe { vst1q_f32(target, self.0) }
    }
    #[inline(always)]
    fn fence() {}
    #[inline(always)]
    fn prefetch(_source: *const f32) {}
}

// SAFETY of every block below: as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Shuffle<f32> for F32x4 {
    #[inline(always)]
    fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
        let mut woven = [0.0; 3 * 4];
        unsafe {
            vst3q_f32(woven.as_mut_ptr(), float32x4x3_t(a.0, b.0, c.0));
            [0, 1, 2].map(|j| Self(vld1q_f32(woven.as_ptr().add(j * 4))))
        }
    }
}

impl Index<f32> for F32x4 {}

#[inline(never)]
fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
    kernel.run::<F32x4>()
}
