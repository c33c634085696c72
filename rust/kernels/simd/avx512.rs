//! AVX-512: 32 registers of 512 bits, masks for partial vectors.

use std::arch::x86_64::*;

use super::{Kernel, Vector};

macro_rules! avx512 {
    ($name:ident, $float:ty, $lanes:literal, $register:ty, $mask:ty, $call:ident, $setzero:ident, $set1:ident, $add:ident, $sub:ident, $mul:ident,
     $fmadd:ident, $fnmadd:ident, $max:ident, $cmp:ident, $maskz_mov:ident, $loadu:ident, $maskz_loadu:ident, $storeu:ident, $mask_storeu:ident, $stream:ident) => {
        /// A 512-bit register.
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY of every block below: a value of this type exists only in code entered through `call`, which `super::level` allows
        // only on a CPU with these features; memory accesses are the caller's promise, masked to `count` lanes where partial.
        #[allow(clippy::undocumented_unsafe_blocks)]
        impl Vector<$float> for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = 14;

            #[inline(always)]
            fn call<K: Kernel<$float>>(kernel: K) -> K::Output {
                unsafe { $call(kernel) }
            }
            #[inline(always)]
            fn zero() -> Self {
                Self(unsafe { $setzero() })
            }
            #[inline(always)]
            fn splat(value: $float) -> Self {
                Self(unsafe { $set1(value) })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $fmadd(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $fnmadd(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // max(a, b) gives b if either is NaN: the value must stand second.
                Self(unsafe { $max($setzero(), self.0) })
            }
            #[inline(always)]
            fn where_positive(self, gate: Self) -> Self {
                Self(unsafe { $maskz_mov($cmp::<_CMP_GT_OQ>(gate.0, $setzero()), self.0) })
            }
            #[inline(always)]
            unsafe fn load(source: *const $float) -> Self {
                Self(unsafe { $loadu(source) })
            }
            #[inline(always)]
            unsafe fn load_partial(source: *const $float, count: usize) -> Self {
                Self(unsafe { $maskz_loadu(((1u32 << count) - 1) as $mask, source) })
            }
            #[inline(always)]
            unsafe fn store(self, target: *mut $float) {
                unsafe { $storeu(target, self.0) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, target: *mut $float, count: usize) {
                unsafe { $mask_storeu(target, ((1u32 << count) - 1) as $mask, self.0) }
            }
            #[inline(always)]
            unsafe fn stream(self, target: *mut $float) {
                unsafe { $stream(target.cast(), self.0) }
            }
            #[inline(always)]
            fn fence() {
                unsafe { _mm_sfence() }
            }
            #[inline(always)]
            fn prefetch(source: *const $float) {
                unsafe { _mm_prefetch::<_MM_HINT_T1>(source.cast()) }
            }
        }

        /// # Safety
        /// The CPU must have these features.
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
        unsafe fn $call<K: Kernel<$float>>(kernel: K) -> K::Output {
            kernel.run::<$name>()
        }
    };
}

avx512!(
    F32x16,
    f32,
    16,
    __m512,
    __mmask16,
    call_f32,
    _mm512_setzero_ps,
    _mm512_set1_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_fnmadd_ps,
    _mm512_max_ps,
    _mm512_cmp_ps_mask,
    _mm512_maskz_mov_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps,
    _mm512_stream_ps
);
avx512!(
    F64x8,
    f64,
    8,
    __m512d,
    __mmask8,
    call_f64,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd,
    _mm512_max_pd,
    _mm512_cmp_pd_mask,
    _mm512_maskz_mov_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd,
    _mm512_stream_pd
);

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
