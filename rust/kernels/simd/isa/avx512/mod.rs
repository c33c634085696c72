//! AVX-512: 32 registers of 512 bits. Partial vectors use masks.

mod shuffle;

use std::arch::x86_64::*;

use self::shuffle::{interleave, load_deinterleaved, store_interleaved, transpose};
use super::Kernel;
use super::shuffle::{Index, Shuffle};
use super::vector::Vector;
use crate::kernels::math;

/// A 512-bit register.
#[derive(Clone, Copy)]
pub struct F32x16(__m512);

// SAFETY of every block below: a value of this type exists only in code entered through `call`,
// which `super::level` allows only on a CPU with these features; memory accesses are the caller's
// promise, and partial ones are masked to `count` lanes.
#[allow(clippy::undocumented_unsafe_blocks, clippy::needless_range_loop)]
impl Vector<f32> for F32x16 {
    const LANES: usize = 16;
    const ROWS: usize = 14;

    #[inline(always)]
    fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
        unsafe { call(kernel) }
    }
    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm512_setzero_ps() })
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm512_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { _mm512_fnmadd_ps(self.0, factor.0, addend.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn first(self, count: usize, rest: Self) -> Self {
        Self(unsafe { _mm512_mask_blend_ps(((1u32 << count) - 1) as __mmask16, rest.0, self.0) })
    }
    #[inline(always)]
    fn exp(self) -> Self {
        Self(unsafe { exp(self.0) })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // max(a, b) returns b if either is NaN, so `self` must be the second operand.
        Self(unsafe { _mm512_max_ps(_mm512_setzero_ps(), self.0) })
    }
    #[inline(always)]
    fn where_positive(self, activation_output: Self) -> Self {
        Self(unsafe {
            _mm512_maskz_mov_ps(
                _mm512_cmp_ps_mask::<_CMP_GT_OQ>(activation_output.0, _mm512_setzero_ps()),
                self.0,
            )
        })
    }
    #[inline(always)]
    fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
        // `b <= a` is false if b is larger or either is NaN. Take `b` there, unless `a` is NaN.
        unsafe {
            let take = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(b.0.0, a.0.0)
                & _mm512_cmp_ps_mask::<_CMP_ORD_Q>(a.0.0, a.0.0);
            (
                Self(_mm512_mask_blend_ps(take, a.0.0, b.0.0)),
                Self(_mm512_mask_blend_ps(take, a.1.0, b.1.0)),
            )
        }
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        Self(unsafe { _mm512_maskz_loadu_ps(((1u32 << count) - 1) as __mmask16, source) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { _mm512_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        unsafe { _mm512_mask_storeu_ps(target, ((1u32 << count) - 1) as __mmask16, self.0) }
    }
    #[inline(always)]
    unsafe fn stream(self, target: *mut f32) {
        unsafe { _mm512_stream_ps(target.cast(), self.0) }
    }
    #[inline(always)]
    fn fence() {
        unsafe { _mm_sfence() }
    }
    #[inline(always)]
    fn prefetch(source: *const f32) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(source.cast()) }
    }
}

// SAFETY of every block below: as above.
#[allow(clippy::undocumented_unsafe_blocks, clippy::needless_range_loop)]
impl Shuffle<f32> for F32x16 {
    #[inline(always)]
    unsafe fn transpose(source: *const f32, stride: usize, target: *mut f32, target_stride: usize) {
        unsafe { transpose(source, stride, target, target_stride) }
    }
    #[inline(always)]
    fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
        let [a, b, c] = unsafe { interleave([a.0, b.0, c.0]) };
        [Self(a), Self(b), Self(c)]
    }
    #[inline(always)]
    unsafe fn store_interleaved<const N: usize>(values: [Self; N], target: *mut f32, count: usize) {
        let mut registers = [unsafe { _mm512_setzero_ps() }; N];
        for i in 0..N {
            registers[i] = values[i].0;
        }
        unsafe { store_interleaved(registers, target, count) }
    }
    #[inline(always)]
    unsafe fn load_deinterleaved<const N: usize>(source: *const f32, count: usize) -> [Self; N] {
        let registers: [__m512; N] = unsafe { load_deinterleaved(source, count) };
        let mut values = [Self::zero(); N];
        for i in 0..N {
            values[i].0 = registers[i];
        }
        values
    }
}

// SAFETY of every block below: as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Index<f32> for F32x16 {
    #[inline(always)]
    unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
        unsafe {
            _mm512_mask_storeu_epi32(
                target,
                ((1u32 << count) - 1) as __mmask16,
                _mm512_add_epi32(_mm512_cvttps_epi32(self.0), _mm512_set1_epi32(base)),
            )
        }
    }
    #[inline(always)]
    unsafe fn where_index(self, source: *const i32, index: i32, count: usize) -> (Self, u32) {
        unsafe {
            let lanes = ((1u32 << count) - 1) as __mmask16;
            let chosen = _mm512_mask_cmpeq_epi32_mask(
                lanes,
                _mm512_maskz_loadu_epi32(lanes, source),
                _mm512_set1_epi32(index),
            );
            (Self(_mm512_maskz_mov_ps(chosen, self.0)), chosen.count_ones())
        }
    }
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
unsafe fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
    kernel.run::<F32x16>()
}

/// `e^x` by the algorithm of [`crate::kernels::math::exp_f32`], with fused multiply-adds and with
/// the scaling by a power of two in one instruction.
#[target_feature(enable = "avx512f")]
#[inline]
fn exp(x: __m512) -> __m512 {
    let of = |value: f32| _mm512_set1_ps(value);
    // min and max return the second operand if either is NaN, so a NaN in `x` is kept.
    let x = _mm512_max_ps(of(-104.0), _mm512_min_ps(of(89.0), x));
    let rounder = of(12_582_912.0);
    let n = _mm512_sub_ps(_mm512_fmadd_ps(x, of(std::f32::consts::LOG2_E), rounder), rounder);
    let r = _mm512_fnmadd_ps(n, of(math::LN2_LOW), _mm512_fnmadd_ps(n, of(math::LN2_HIGH), x));
    let mut p = of(math::EXP[0]);
    for &coefficient in &math::EXP[1..] {
        p = _mm512_fmadd_ps(p, r, of(coefficient));
    }
    let value = _mm512_add_ps(_mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r), of(1.0));
    _mm512_scalef_ps(value, n)
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
