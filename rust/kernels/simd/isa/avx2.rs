//! AVX2 with FMA: 16 registers of 256 bits, masks for partial vectors taken from a table.

use std::arch::x86_64::*;

use super::Kernel;
use super::vector::Vector;

/// Reading `LANES` numbers from `LANES - count` on gives a mask of `count` lanes.
static MASK_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static MASK_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

macro_rules! avx2 {
    ($name:ident, $float:ty, $lanes:literal, $register:ty, $masks:ident, $call:ident, $setzero:ident, $set1:ident, $add:ident, $sub:ident, $mul:ident, $div:ident,
     $fmadd:ident, $fnmadd:ident, $max:ident, $cmp:ident, $and:ident, $loadu:ident, $maskload:ident, $storeu:ident, $maskstore:ident, $stream:ident, $blendv:ident, $cast:ident,
     $movemask:ident, $store_index:ident, $equal_index:ident, $interleave:ident, $transpose:ident) => {
        /// A 256-bit register.
        #[derive(Clone, Copy)]
        pub struct $name($register);

        impl $name {
            #[inline(always)]
            fn mask(count: usize) -> __m256i {
                debug_assert!(count <= $lanes);
                // SAFETY: the table has twice as many entries as lanes, so `LANES` of them can be
                // read from `LANES - count` on.
                unsafe {
                    _mm256_loadu_si256($masks.as_ptr().add($lanes - count.min($lanes)).cast())
                }
            }
        }

        // SAFETY of every block below: a value of this type exists only in code entered through
        // `call`, which `super::level` allows only on a CPU with these features; memory accesses
        // are the caller's promise, masked to `count` lanes where partial.
        #[allow(clippy::undocumented_unsafe_blocks)]
        impl Vector<$float> for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = 6;

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
                Self(unsafe { $blendv(rest.0, self.0, $cast(Self::mask(count))) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // max(a, b) gives b if either is NaN: the value must stand second.
                Self(unsafe { $max($setzero(), self.0) })
            }
            #[inline(always)]
            fn where_positive(self, activation_output: Self) -> Self {
                Self(unsafe { $and($cmp::<_CMP_GT_OQ>(activation_output.0, $setzero()), self.0) })
            }
            #[inline(always)]
            fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
                // Not b <= a: b is larger or one of them is NaN; then b only if it is not `a` that
                // is.
                unsafe {
                    let take =
                        $and($cmp::<_CMP_NLE_UQ>(b.0.0, a.0.0), $cmp::<_CMP_ORD_Q>(a.0.0, a.0.0));
                    (Self($blendv(a.0.0, b.0.0, take)), Self($blendv(a.1.0, b.1.0, take)))
                }
            }
            #[inline(always)]
            unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
                unsafe { $store_index(self.0, base, target, count) }
            }
            #[inline(always)]
            unsafe fn where_index(
                self,
                source: *const i32,
                index: i32,
                count: usize,
            ) -> (Self, u32) {
                unsafe {
                    let chosen = $equal_index(source, index, count);
                    (Self($and(chosen, self.0)), $movemask(chosen).count_ones())
                }
            }
            #[inline(always)]
            unsafe fn load(source: *const $float) -> Self {
                Self(unsafe { $loadu(source) })
            }
            #[inline(always)]
            unsafe fn load_partial(source: *const $float, count: usize) -> Self {
                Self(unsafe { $maskload(source, Self::mask(count)) })
            }
            #[inline(always)]
            unsafe fn store(self, target: *mut $float) {
                unsafe { $storeu(target, self.0) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, target: *mut $float, count: usize) {
                unsafe { $maskstore(target, Self::mask(count), self.0) }
            }
            #[inline(always)]
            unsafe fn stream(self, target: *mut $float) {
                unsafe { $stream(target, self.0) }
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
        #[target_feature(enable = "avx2,fma")]
        unsafe fn $call<K: Kernel<$float>>(kernel: K) -> K::Output {
            kernel.run::<$name>()
        }
    };
}

avx2!(
    F32x8,
    f32,
    8,
    __m256,
    MASK_32,
    call_f32,
    _mm256_setzero_ps,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_div_ps,
    _mm256_fmadd_ps,
    _mm256_fnmadd_ps,
    _mm256_max_ps,
    _mm256_cmp_ps,
    _mm256_and_ps,
    _mm256_loadu_ps,
    _mm256_maskload_ps,
    _mm256_storeu_ps,
    _mm256_maskstore_ps,
    _mm256_stream_ps,
    _mm256_blendv_ps,
    _mm256_castsi256_ps,
    _mm256_movemask_ps,
    store_index_f32,
    equal_index_f32,
    interleave_f32,
    transpose_f32
);
avx2!(
    F64x4,
    f64,
    4,
    __m256d,
    MASK_64,
    call_f64,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_div_pd,
    _mm256_fmadd_pd,
    _mm256_fnmadd_pd,
    _mm256_max_pd,
    _mm256_cmp_pd,
    _mm256_and_pd,
    _mm256_loadu_pd,
    _mm256_maskload_pd,
    _mm256_storeu_pd,
    _mm256_maskstore_pd,
    _mm256_stream_pd,
    _mm256_blendv_pd,
    _mm256_castsi256_pd,
    _mm256_movemask_pd,
    store_index_f64,
    equal_index_f64,
    interleave_f64,
    transpose_f64
);

/// Writes `base` plus each of the first `count` values, which are whole numbers.
///
/// # Safety
/// The CPU must have AVX2; `count` elements must be writable.
#[inline(always)]
unsafe fn store_index_f32(values: __m256, base: i32, target: *mut i32, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let index = _mm256_add_epi32(_mm256_cvttps_epi32(values), _mm256_set1_epi32(base));
        _mm256_maskstore_epi32(target, F32x8::mask(count), index);
    }
}

/// As [`store_index_f32`].
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn store_index_f64(values: __m256d, base: i32, target: *mut i32, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let index = _mm_add_epi32(_mm256_cvttpd_epi32(values), _mm_set1_epi32(base));
        _mm_maskstore_epi32(target, half_mask(count), index);
    }
}

/// A mask of the first `count` of four lanes.
#[inline(always)]
fn half_mask(count: usize) -> __m128i {
    // SAFETY: as in `mask`: four entries can be read from `8 - count` on.
    unsafe { _mm_loadu_si128(MASK_32.as_ptr().add(8 - count.min(4)).cast()) }
}

/// All ones where the first `count` indices at `source` are `index`.
///
/// # Safety
/// The CPU must have AVX2; `count` elements must be readable.
#[inline(always)]
unsafe fn equal_index_f32(source: *const i32, index: i32, count: usize) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe {
        let mask = F32x8::mask(count);
        let equal =
            _mm256_cmpeq_epi32(_mm256_maskload_epi32(source, mask), _mm256_set1_epi32(index));
        _mm256_castsi256_ps(_mm256_and_si256(equal, mask))
    }
}

/// As [`equal_index_f32`].
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn equal_index_f64(source: *const i32, index: i32, count: usize) -> __m256d {
    // SAFETY: the caller's promise.
    unsafe {
        let mask = half_mask(count);
        let equal = _mm_cmpeq_epi32(_mm_maskload_epi32(source, mask), _mm_set1_epi32(index));
        _mm256_castsi256_pd(_mm256_cvtepi32_epi64(_mm_and_si128(equal, mask)))
    }
}

/// Transposes 8 × 8 floats: pairs, then fours, within the halves of a register, then the halves.
///
/// # Safety
/// The CPU must have the features; both squares must be accessible.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose_f32(source: *const f32, stride: usize, target: *mut f32, target_stride: usize) {
    let mut a = [_mm256_setzero_ps(); 8];
    let mut b = a;
    // SAFETY: the caller's promise.
    unsafe {
        for (i, row) in a.iter_mut().enumerate() {
            *row = _mm256_loadu_ps(source.add(i * stride));
        }
        for i in 0..4 {
            b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
            b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
        }
        // Row 4 i + j of `a` now holds, in each half h, element 4 h + j of rows 4 i to 4 i + 3.
        for i in 0..2 {
            for j in 0..2 {
                let (low, high) =
                    (_mm256_castps_pd(b[4 * i + j]), _mm256_castps_pd(b[4 * i + j + 2]));
                a[4 * i + 2 * j] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, high));
                a[4 * i + 2 * j + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, high));
            }
        }
        for j in 0..4 {
            _mm256_storeu_ps(
                target.add(j * target_stride),
                _mm256_permute2f128_ps::<0x20>(a[j], a[4 + j]),
            );
            _mm256_storeu_ps(
                target.add((4 + j) * target_stride),
                _mm256_permute2f128_ps::<0x31>(a[j], a[4 + j]),
            );
        }
    }
}

/// Transposes 4 × 4 doubles, element by element: `f64` is the truth, not the fast path.
///
/// # Safety
/// Both squares must be accessible.
#[inline(always)]
unsafe fn transpose_f64(source: *const f64, stride: usize, target: *mut f64, target_stride: usize) {
    for i in 0..16 {
        // SAFETY: the caller's promise.
        unsafe { *target.add(i % 4 * target_stride + i / 4) = *source.add(i / 4 * stride + i % 4) }
    }
}

/// For each of three registers to write, which lane of its source goes where; element `k` in all
/// comes from source `k % 3`.
const WEAVE: [[i32; 8]; 3] = {
    let mut tables = [[0; 8]; 3];
    let mut place = 0;
    while place < 24 {
        tables[place / 8][place % 8] = place as i32 / 3;
        place += 1;
    }
    tables
};

/// The lanes of the register that starts at element `8 * register` which come from `source`.
const fn from_source(register: i32, source: i32) -> i32 {
    let (mut lanes, mut lane) = (0, 0);
    while lane < 8 {
        if (8 * register + lane) % 3 == source {
            lanes |= 1 << lane;
        }
        lane += 1;
    }
    lanes
}

/// # Safety
/// The CPU must have the features.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn interleave_f32([a, b, c]: [__m256; 3]) -> [__m256; 3] {
    macro_rules! register {
        ($i:literal) => {{
            // SAFETY: the table is as long as a register.
            let lanes = unsafe { _mm256_loadu_si256(WEAVE[$i].as_ptr().cast()) };
            let (a, b) = (_mm256_permutevar8x32_ps(a, lanes), _mm256_permutevar8x32_ps(b, lanes));
            let both = _mm256_blend_ps::<{ from_source($i, 1) }>(a, b);
            _mm256_blend_ps::<{ from_source($i, 2) }>(both, _mm256_permutevar8x32_ps(c, lanes))
        }};
    }
    [register!(0), register!(1), register!(2)]
}

/// Element by element: `f64` is the truth, not the fast path.
///
/// # Safety
/// The CPU must have the features.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn interleave_f64(registers: [__m256d; 3]) -> [__m256d; 3] {
    let mut lanes = [[0.0; 4]; 3];
    let mut out = registers;
    // SAFETY: a register has 4 lanes.
    unsafe {
        (0..3).for_each(|j| _mm256_storeu_pd(lanes[j].as_mut_ptr(), registers[j]));
        let woven: [f64; 12] = std::array::from_fn(|i| lanes[i % 3][i / 3]);
        out.iter_mut()
            .enumerate()
            .for_each(|(j, out)| *out = _mm256_loadu_pd(woven.as_ptr().add(4 * j)));
    }
    out
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
