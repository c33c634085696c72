//! AVX2 with FMA: 16 registers of 256 bits. The masks of partial vectors are read from a table.

use std::arch::x86_64::*;

use super::Kernel;
use super::shuffle::{Index, Shuffle};
use super::vector::Vector;

/// Table of masks: the `LANES` numbers from `LANES - count` on are a mask of the first `count`
/// lanes.
static MASK: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// A 256-bit register.
#[derive(Clone, Copy)]
pub struct F32x8(__m256);

impl F32x8 {
    #[inline(always)]
    fn mask(count: usize) -> __m256i {
        debug_assert!(count <= 8);
        // SAFETY: the table has twice as many entries as lanes, so `LANES` of them can be
        // read from `LANES - count` on.
        unsafe { _mm256_loadu_si256(MASK.as_ptr().add(8 - count.min(8)).cast()) }
    }
}

// SAFETY of every block below: a value of this type exists only in code entered through `call`,
// which `super::level` allows only on a CPU with these features; memory accesses are the caller's
// promise, and partial ones are masked to `count` lanes.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Vector<f32> for F32x8 {
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
        unsafe { call(kernel) }
    }
    #[inline(always)]
    fn zero() -> Self {
        Self(unsafe { _mm256_setzero_ps() })
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(unsafe { _mm256_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
        Self(unsafe { _mm256_fnmadd_ps(self.0, factor.0, addend.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn first(self, count: usize, rest: Self) -> Self {
        Self(unsafe { _mm256_blendv_ps(rest.0, self.0, _mm256_castsi256_ps(Self::mask(count))) })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        // max(a, b) returns b if either is NaN, so `self` must be the second operand.
        Self(unsafe { _mm256_max_ps(_mm256_setzero_ps(), self.0) })
    }
    #[inline(always)]
    fn where_positive(self, activation_output: Self) -> Self {
        Self(unsafe {
            _mm256_and_ps(
                _mm256_cmp_ps::<_CMP_GT_OQ>(activation_output.0, _mm256_setzero_ps()),
                self.0,
            )
        })
    }
    #[inline(always)]
    fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
        // `b <= a` is false if b is larger or either is NaN. Take `b` there, unless `a` is NaN.
        unsafe {
            let take = _mm256_and_ps(
                _mm256_cmp_ps::<_CMP_NLE_UQ>(b.0.0, a.0.0),
                _mm256_cmp_ps::<_CMP_ORD_Q>(a.0.0, a.0.0),
            );
            (Self(_mm256_blendv_ps(a.0.0, b.0.0, take)), Self(_mm256_blendv_ps(a.1.0, b.1.0, take)))
        }
    }
    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(source) })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const f32, count: usize) -> Self {
        Self(unsafe { _mm256_maskload_ps(source, Self::mask(count)) })
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        unsafe { _mm256_storeu_ps(target, self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut f32, count: usize) {
        unsafe { _mm256_maskstore_ps(target, Self::mask(count), self.0) }
    }
    #[inline(always)]
    unsafe fn stream(self, target: *mut f32) {
        unsafe { _mm256_stream_ps(target, self.0) }
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
#[allow(clippy::undocumented_unsafe_blocks)]
impl Shuffle<f32> for F32x8 {
    #[inline(always)]
    unsafe fn transpose(source: *const f32, stride: usize, target: *mut f32, target_stride: usize) {
        unsafe { transpose(source, stride, target, target_stride) }
    }
    #[inline(always)]
    fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
        let [a, b, c] = unsafe { interleave([a.0, b.0, c.0]) };
        [Self(a), Self(b), Self(c)]
    }
}

// SAFETY of every block below: as above.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Index<f32> for F32x8 {
    #[inline(always)]
    unsafe fn store_index(self, base: i32, target: *mut i32, count: usize) {
        unsafe { store_index(self.0, base, target, count) }
    }
    #[inline(always)]
    unsafe fn where_index(self, source: *const i32, index: i32, count: usize) -> (Self, u32) {
        unsafe {
            let chosen = equal_index(source, index, count);
            (Self(_mm256_and_ps(chosen, self.0)), _mm256_movemask_ps(chosen).count_ones())
        }
    }
}

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx2,fma")]
unsafe fn call<K: Kernel<f32>>(kernel: K) -> K::Output {
    kernel.run::<F32x8>()
}

/// Writes `base` plus each of the first `count` values, which must be integers.
///
/// # Safety
/// The CPU must have AVX2; `count` elements must be writable.
#[inline(always)]
unsafe fn store_index(values: __m256, base: i32, target: *mut i32, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let index = _mm256_add_epi32(_mm256_cvttps_epi32(values), _mm256_set1_epi32(base));
        _mm256_maskstore_epi32(target, F32x8::mask(count), index);
    }
}

/// A mask of the lanes whose index at `source` is equal to `index`, among the first `count` lanes.
///
/// # Safety
/// The CPU must have AVX2; `count` elements must be readable.
#[inline(always)]
unsafe fn equal_index(source: *const i32, index: i32, count: usize) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe {
        let mask = F32x8::mask(count);
        let equal =
            _mm256_cmpeq_epi32(_mm256_maskload_epi32(source, mask), _mm256_set1_epi32(index));
        _mm256_castsi256_ps(_mm256_and_si256(equal, mask))
    }
}

/// Transposes 8 × 8 floats: first interleaves pairs and then groups of four elements within the
/// halves of the registers, then exchanges the halves.
///
/// # Safety
/// The CPU must have the features; both squares must be accessible.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn transpose(source: *const f32, stride: usize, target: *mut f32, target_stride: usize) {
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

/// Lane tables for interleaving: for each lane of the three results, the lane of its source.
/// Element `k` of the result, counted through the three registers, comes from source `k % 3`.
const WEAVE: [[i32; 8]; 3] = {
    let mut tables = [[0; 8]; 3];
    let mut place = 0;
    while place < 24 {
        tables[place / 8][place % 8] = place as i32 / 3;
        place += 1;
    }
    tables
};

/// Blend mask of the lanes that come from `source`, in the result that starts at element
/// `8 * register`.
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
unsafe fn interleave([a, b, c]: [__m256; 3]) -> [__m256; 3] {
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

/// # Safety
/// The CPU must have these features.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn plain<R>(f: impl FnOnce() -> R) -> R {
    f()
}
