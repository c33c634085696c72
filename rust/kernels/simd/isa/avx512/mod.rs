//! AVX-512: 32 registers of 512 bits, masks for partial vectors.

mod shuffle;

use std::arch::x86_64::*;

use self::shuffle::{
    interleave_f32, interleave_f64, transpose_f32, transpose_f64, unweave_f32, unweave_f64,
    weave_f32, weave_f64,
};
use super::Kernel;
use super::vector::Vector;
use crate::kernels::math;

macro_rules! avx512 {
    ($name:ident, $float:ty, $lanes:literal, $register:ty, $mask:ty, $call:ident, $setzero:ident, $set1:ident, $add:ident, $sub:ident, $mul:ident, $div:ident,
     $fmadd:ident, $fnmadd:ident, $max:ident, $cmp:ident, $maskz_mov:ident, $loadu:ident, $maskz_loadu:ident, $storeu:ident, $mask_storeu:ident, $stream:ident,
     $transpose:ident, $interleave:ident, $store_interleaved:ident, $load_deinterleaved:ident,
     $mask_blend:ident, $to_index:ident, $index_set1:ident, $index_add:ident, $index_maskz_loadu:ident, $index_mask_storeu:ident,
     $index_mask_equal:ident, $exp:ident) => {
        /// A 512-bit register.
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY of every block below: a value of this type exists only in code entered through
        // `call`, which `super::level` allows only on a CPU with these features; memory accesses
        // are the caller's promise, masked to `count` lanes where partial.
        #[allow(clippy::undocumented_unsafe_blocks, clippy::needless_range_loop)]
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
            fn div(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
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
            fn max(self, other: Self) -> Self {
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn first(self, count: usize, rest: Self) -> Self {
                Self(unsafe { $mask_blend(((1u32 << count) - 1) as $mask, rest.0, self.0) })
            }
            #[inline(always)]
            fn exp(self) -> Self {
                Self(unsafe { $exp(self.0) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // max(a, b) gives b if either is NaN: the value must stand second.
                Self(unsafe { $max($setzero(), self.0) })
            }
            #[inline(always)]
            fn where_positive(self, activation_output: Self) -> Self {
                Self(unsafe {
                    $maskz_mov($cmp::<_CMP_GT_OQ>(activation_output.0, $setzero()), self.0)
                })
            }
            #[inline(always)]
            fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
                // Not b <= a: b is larger or one of them is NaN; then b only if it is not `a` that
                // is.
                unsafe {
                    let take = $cmp::<_CMP_NLE_UQ>(b.0.0, a.0.0) & $cmp::<_CMP_ORD_Q>(a.0.0, a.0.0);
                    (Self($mask_blend(take, a.0.0, b.0.0)), Self($mask_blend(take, a.1.0, b.1.0)))
                }
            }
            #[inline(always)]
            unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
                unsafe {
                    $index_mask_storeu(
                        target,
                        ((1u32 << count) - 1) as $mask,
                        $index_add($to_index(self.0), $index_set1(base)),
                    )
                }
            }
            #[inline(always)]
            unsafe fn where_index(
                self,
                source: *const i32,
                index: i32,
                count: usize,
            ) -> (Self, u32) {
                unsafe {
                    let lanes = ((1u32 << count) - 1) as $mask;
                    let chosen = $index_mask_equal(
                        lanes,
                        $index_maskz_loadu(lanes, source),
                        $index_set1(index),
                    );
                    (Self($maskz_mov(chosen, self.0)), chosen.count_ones())
                }
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
            unsafe fn transpose(
                source: *const $float,
                stride: usize,
                target: *mut $float,
                target_stride: usize,
            ) {
                unsafe { $transpose(source, stride, target, target_stride) }
            }
            #[inline(always)]
            fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
                let [a, b, c] = unsafe { $interleave([a.0, b.0, c.0]) };
                [Self(a), Self(b), Self(c)]
            }
            #[inline(always)]
            unsafe fn store_interleaved<const N: usize>(
                values: [Self; N],
                target: *mut $float,
                count: usize,
            ) {
                let mut registers = [unsafe { $setzero() }; N];
                for i in 0..N {
                    registers[i] = values[i].0;
                }
                unsafe { $store_interleaved(registers, target, count) }
            }
            #[inline(always)]
            unsafe fn load_deinterleaved<const N: usize>(
                source: *const $float,
                count: usize,
            ) -> [Self; N] {
                let registers: [$register; N] = unsafe { $load_deinterleaved(source, count) };
                let mut values = [Self::zero(); N];
                for i in 0..N {
                    values[i].0 = registers[i];
                }
                values
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
    _mm512_div_ps,
    _mm512_fmadd_ps,
    _mm512_fnmadd_ps,
    _mm512_max_ps,
    _mm512_cmp_ps_mask,
    _mm512_maskz_mov_ps,
    _mm512_loadu_ps,
    _mm512_maskz_loadu_ps,
    _mm512_storeu_ps,
    _mm512_mask_storeu_ps,
    _mm512_stream_ps,
    transpose_f32,
    interleave_f32,
    weave_f32,
    unweave_f32,
    _mm512_mask_blend_ps,
    _mm512_cvttps_epi32,
    _mm512_set1_epi32,
    _mm512_add_epi32,
    _mm512_maskz_loadu_epi32,
    _mm512_mask_storeu_epi32,
    _mm512_mask_cmpeq_epi32_mask,
    exp_f32
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
    _mm512_div_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd,
    _mm512_max_pd,
    _mm512_cmp_pd_mask,
    _mm512_maskz_mov_pd,
    _mm512_loadu_pd,
    _mm512_maskz_loadu_pd,
    _mm512_storeu_pd,
    _mm512_mask_storeu_pd,
    _mm512_stream_pd,
    transpose_f64,
    interleave_f64,
    weave_f64,
    unweave_f64,
    _mm512_mask_blend_pd,
    _mm512_cvttpd_epi32,
    _mm256_set1_epi32,
    _mm256_add_epi32,
    _mm256_maskz_loadu_epi32,
    _mm256_mask_storeu_epi32,
    _mm256_mask_cmpeq_epi32_mask,
    exp_f64
);

/// `e^x` as [`crate::kernels::math::exp_f32`] has it, with fused multiply-adds, and the scaling by
/// a power of two in one instruction.
#[target_feature(enable = "avx512f")]
#[inline]
fn exp_f32(x: __m512) -> __m512 {
    let of = |value: f32| _mm512_set1_ps(value);
    // Where either is NaN the second is taken: NaN stays.
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

/// `e^x`, lane by lane: `f64` is the truth, not the fast path.
#[target_feature(enable = "avx512f")]
#[inline]
fn exp_f64(x: __m512d) -> __m512d {
    let mut lanes = [0.0; 8];
    // SAFETY: eight lanes.
    unsafe { _mm512_storeu_pd(lanes.as_mut_ptr(), x) };
    let lanes = lanes.map(f64::exp);
    // SAFETY: as above.
    unsafe { _mm512_loadu_pd(lanes.as_ptr()) }
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
