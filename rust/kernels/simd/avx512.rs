//! AVX-512: 32 registers of 512 bits, masks for partial vectors.

use std::arch::x86_64::*;

use super::{Kernel, Vector};
use crate::kernels::math;

macro_rules! avx512 {
    ($name:ident, $float:ty, $lanes:literal, $register:ty, $mask:ty, $call:ident, $setzero:ident, $set1:ident, $add:ident, $sub:ident, $mul:ident, $div:ident,
     $fmadd:ident, $fnmadd:ident, $max:ident, $cmp:ident, $maskz_mov:ident, $loadu:ident, $maskz_loadu:ident, $storeu:ident, $mask_storeu:ident, $stream:ident,
     $transpose:ident, $interleave:ident, $weave:ident, $unweave:ident,
     $mask_blend:ident, $to_index:ident, $index_set1:ident, $index_add:ident, $index_maskz_loadu:ident, $index_mask_storeu:ident,
     $index_mask_equal:ident, $exp:ident) => {
        /// A 512-bit register.
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY of every block below: a value of this type exists only in code entered through `call`, which `super::level` allows
        // only on a CPU with these features; memory accesses are the caller's promise, masked to `count` lanes where partial.
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
            fn where_positive(self, gate: Self) -> Self {
                Self(unsafe { $maskz_mov($cmp::<_CMP_GT_OQ>(gate.0, $setzero()), self.0) })
            }
            #[inline(always)]
            fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
                // Not b <= a: b is larger or one of them is NaN; then b only if it is not `a` that is.
                unsafe {
                    let take = $cmp::<_CMP_NLE_UQ>(b.0.0, a.0.0) & $cmp::<_CMP_ORD_Q>(a.0.0, a.0.0);
                    (Self($mask_blend(take, a.0.0, b.0.0)), Self($mask_blend(take, a.1.0, b.1.0)))
                }
            }
            #[inline(always)]
            unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
                unsafe { $index_mask_storeu(target, ((1u32 << count) - 1) as $mask, $index_add($to_index(self.0), $index_set1(base))) }
            }
            #[inline(always)]
            unsafe fn where_index(self, source: *const i32, index: i32, count: usize) -> (Self, u32) {
                unsafe {
                    let lanes = ((1u32 << count) - 1) as $mask;
                    let chosen = $index_mask_equal(lanes, $index_maskz_loadu(lanes, source), $index_set1(index));
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
            unsafe fn transpose(source: *const $float, stride: usize, target: *mut $float, target_stride: usize) {
                unsafe { $transpose(source, stride, target, target_stride) }
            }
            #[inline(always)]
            fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
                let [a, b, c] = unsafe { $interleave([a.0, b.0, c.0]) };
                [Self(a), Self(b), Self(c)]
            }
            #[inline(always)]
            unsafe fn weave<const N: usize>(values: [Self; N], target: *mut $float, count: usize) {
                let mut registers = [unsafe { $setzero() }; N];
                for i in 0..N {
                    registers[i] = values[i].0;
                }
                unsafe { $weave(registers, target, count) }
            }
            #[inline(always)]
            unsafe fn unweave<const N: usize>(source: *const $float, count: usize) -> [Self; N] {
                let registers: [$register; N] = unsafe { $unweave(source, count) };
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

/// `e^x` as [`crate::kernels::math::exp_f32`] has it, with fused multiply-adds, and the scaling by a power of two in one instruction.
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

/// Transposes 16 × 16 floats: pairs, then fours, within the quarters of a register, then the quarters twice.
///
/// # Safety
/// The CPU must have the features; both squares must be accessible.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn transpose_f32(source: *const f32, stride: usize, target: *mut f32, target_stride: usize) {
    let mut a = [_mm512_setzero_ps(); 16];
    let mut b = a;
    // SAFETY: the caller's promise.
    unsafe {
        for (i, row) in a.iter_mut().enumerate() {
            *row = _mm512_loadu_ps(source.add(i * stride));
        }
        for i in 0..8 {
            b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
        // Row 4 i + j of `a` now holds, in each quarter q, element 4 q + j of rows 4 i to 4 i + 3.
        for i in 0..4 {
            for j in 0..2 {
                let (low, high) = (_mm512_castps_pd(b[4 * i + j]), _mm512_castps_pd(b[4 * i + j + 2]));
                a[4 * i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
                a[4 * i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
            }
        }
        for j in 0..4 {
            b[j] = _mm512_shuffle_f32x4::<0x88>(a[j], a[4 + j]); // quarters 0, 2 of rows 0-3, then of rows 4-7
            b[4 + j] = _mm512_shuffle_f32x4::<0xdd>(a[j], a[4 + j]);
            b[8 + j] = _mm512_shuffle_f32x4::<0x88>(a[8 + j], a[12 + j]);
            b[12 + j] = _mm512_shuffle_f32x4::<0xdd>(a[8 + j], a[12 + j]);
        }
        for j in 0..4 {
            _mm512_storeu_ps(target.add(j * target_stride), _mm512_shuffle_f32x4::<0x88>(b[j], b[8 + j]));
            _mm512_storeu_ps(target.add((4 + j) * target_stride), _mm512_shuffle_f32x4::<0x88>(b[4 + j], b[12 + j]));
            _mm512_storeu_ps(target.add((8 + j) * target_stride), _mm512_shuffle_f32x4::<0xdd>(b[j], b[8 + j]));
            _mm512_storeu_ps(target.add((12 + j) * target_stride), _mm512_shuffle_f32x4::<0xdd>(b[4 + j], b[12 + j]));
        }
    }
}

/// Transposes 8 × 8 doubles, element by element: `f64` is the truth, not the fast path.
///
/// # Safety
/// Both squares must be accessible.
#[inline(always)]
unsafe fn transpose_f64(source: *const f64, stride: usize, target: *mut f64, target_stride: usize) {
    for i in 0..64 {
        // SAFETY: the caller's promise.
        unsafe { *target.add(i % 8 * target_stride + i / 8) = *source.add(i / 8 * stride + i % 8) }
    }
}

/// For each of three registers to write, which lane of `a` and then `b` (16 more) goes where, and which of that and `c`.
const WEAVE: [[[i32; 16]; 2]; 3] = {
    let mut tables = [[[0; 16]; 2]; 3];
    let mut place = 0;
    while place < 48 {
        let (register, lane, source) = (place / 16, place % 16, place as i32 / 3);
        tables[register][0][lane] = if place % 3 == 1 { 16 + source } else { source };
        tables[register][1][lane] = if place % 3 == 2 { 16 + source } else { lane as i32 };
        place += 1;
    }
    tables
};

/// # Safety
/// The CPU must have the features.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn interleave_f32([a, b, c]: [__m512; 3]) -> [__m512; 3] {
    let mut out = [a; 3];
    for (out, [first, second]) in out.iter_mut().zip(&WEAVE) {
        // SAFETY: the tables are as long as registers.
        let (first, second) = unsafe { (_mm512_loadu_epi32(first.as_ptr()), _mm512_loadu_epi32(second.as_ptr())) };
        *out = _mm512_permutex2var_ps(_mm512_permutex2var_ps(a, first, b), second, c);
    }
    out
}

/// Element by element, as `transpose_f64`.
///
/// # Safety
/// The CPU must have the features.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn interleave_f64(registers: [__m512d; 3]) -> [__m512d; 3] {
    let mut lanes = [[0.0; 8]; 3];
    let mut out = registers;
    // SAFETY: a register has 8 lanes.
    unsafe {
        (0..3).for_each(|j| _mm512_storeu_pd(lanes[j].as_mut_ptr(), registers[j]));
        let woven: [f64; 24] = std::array::from_fn(|i| lanes[i % 3][i / 3]);
        out.iter_mut().enumerate().for_each(|(j, out)| *out = _mm512_loadu_pd(woven.as_ptr().add(8 * j)));
    }
    out
}

/// Which lanes of which of `N` registers make register `i` of their weave.
struct Weave<const N: usize>;

impl<const N: usize> Weave<N> {
    const LANES: [[i32; 16]; N] = {
        let mut lanes = [[0; 16]; N];
        let mut at = 0;
        while at < 16 * N {
            lanes[at / 16][at % 16] = (at / N) as i32;
            at += 1;
        }
        lanes
    };
    const CHOSEN: [[u16; N]; N] = {
        let mut chosen = [[0; N]; N];
        let mut at = 0;
        while at < 16 * N {
            chosen[at / 16][at % N] |= 1 << (at % 16);
            at += 1;
        }
        chosen
    };
}

/// [`Vector::weave`]: each register of the result takes its lanes from all `N`.
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be writable.
#[allow(clippy::needless_range_loop)] // unrolled whole, so that the registers stay registers
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn weave_f32<const N: usize>(values: [__m512; N], target: *mut f32, count: usize) {
    for i in 0..N {
        let left = (count * N).saturating_sub(i * 16).min(16);
        // SAFETY: the caller's promise; the tables have whole registers.
        unsafe {
            let lanes = _mm512_loadu_si512(Weave::<N>::LANES[i].as_ptr().cast());
            let mut woven = _mm512_setzero_ps();
            for j in 0..N {
                woven = _mm512_mask_permutexvar_ps(woven, Weave::<N>::CHOSEN[i][j], lanes, values[j]);
            }
            if left == 16 {
                _mm512_storeu_ps(target.add(i * 16), woven);
            } else if left > 0 {
                _mm512_mask_storeu_ps(target.add(i * 16), ((1u32 << left) - 1) as __mmask16, woven);
            }
        }
    }
}

/// Which lanes of which of `N` registers make register `j` of the inverse.
impl<const N: usize> Weave<N> {
    const FROM_LANES: [[i32; 16]; N] = {
        let mut lanes = [[0; 16]; N];
        let mut at = 0;
        while at < 16 * N {
            lanes[at % N][at / N] = (at % 16) as i32;
            at += 1;
        }
        lanes
    };
    const FROM: [[u16; N]; N] = {
        let mut chosen = [[0; N]; N];
        let mut at = 0;
        while at < 16 * N {
            chosen[at % N][at / 16] |= 1 << (at / N);
            at += 1;
        }
        chosen
    };
}

/// [`Vector::unweave`]: as [`weave_f32`].
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be readable.
#[allow(clippy::needless_range_loop)] // unrolled whole, so that the registers stay registers
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn unweave_f32<const N: usize>(source: *const f32, count: usize) -> [__m512; N] {
    let (mut woven, mut values) = ([_mm512_setzero_ps(); N], [_mm512_setzero_ps(); N]);
    for i in 0..N {
        let left = (count * N).saturating_sub(i * 16).min(16);
        // SAFETY: the caller's promise: only `left` elements are read.
        woven[i] = unsafe { _mm512_maskz_loadu_ps(((1u32 << left) - 1) as __mmask16, source.wrapping_add(i * 16)) };
    }
    for j in 0..N {
        // SAFETY: the tables have whole registers.
        let lanes = unsafe { _mm512_loadu_si512(Weave::<N>::FROM_LANES[j].as_ptr().cast()) };
        for i in 0..N {
            values[j] = _mm512_mask_permutexvar_ps(values[j], Weave::<N>::FROM[j][i], lanes, woven[i]);
        }
    }
    values
}

/// [`Vector::unweave`], element by element: `f64` is the truth, not the fast path.
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be readable.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn unweave_f64<const N: usize>(source: *const f64, count: usize) -> [__m512d; N] {
    let mut values = [_mm512_setzero_pd(); N];
    for (j, value) in values.iter_mut().enumerate() {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller's promise.
        unsafe {
            for (i, lane) in lanes.iter_mut().enumerate().take(count) {
                *lane = source.add(i * N + j).read();
            }
            *value = _mm512_loadu_pd(lanes.as_ptr());
        }
    }
    values
}

/// [`Vector::weave`], element by element: `f64` is the truth, not the fast path.
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be writable.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn weave_f64<const N: usize>(values: [__m512d; N], target: *mut f64, count: usize) {
    for (j, value) in values.into_iter().enumerate() {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller's promise.
        unsafe {
            _mm512_storeu_pd(lanes.as_mut_ptr(), value);
            for (i, &lane) in lanes.iter().enumerate().take(count) {
                target.add(i * N + j).write(lane);
            }
        }
    }
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi1,bmi2,popcnt")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
