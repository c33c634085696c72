//! Lane rearrangement for AVX-512: transposition, interleaving and deinterleaving.

use std::arch::x86_64::*;

/// Transposes 16 × 16 floats: first interleaves pairs and then groups of four elements within the
/// quarters of the registers, then exchanges the quarters in two steps.
///
/// # Safety
/// The CPU must have the features; both squares must be accessible.
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn transpose(
    source: *const f32,
    stride: usize,
    target: *mut f32,
    target_stride: usize,
) {
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
                let (low, high) =
                    (_mm512_castps_pd(b[4 * i + j]), _mm512_castps_pd(b[4 * i + j + 2]));
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
            _mm512_storeu_ps(
                target.add(j * target_stride),
                _mm512_shuffle_f32x4::<0x88>(b[j], b[8 + j]),
            );
            _mm512_storeu_ps(
                target.add((4 + j) * target_stride),
                _mm512_shuffle_f32x4::<0x88>(b[4 + j], b[12 + j]),
            );
            _mm512_storeu_ps(
                target.add((8 + j) * target_stride),
                _mm512_shuffle_f32x4::<0xdd>(b[j], b[8 + j]),
            );
            _mm512_storeu_ps(
                target.add((12 + j) * target_stride),
                _mm512_shuffle_f32x4::<0xdd>(b[4 + j], b[12 + j]),
            );
        }
    }
}

/// Lane tables for interleaving three registers, two for each result. The first table selects lanes
/// of `a` (0 to 15) and `b` (16 to 31), the second selects lanes of this selection (0 to 15) and of
/// `c` (16 to 31).
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
pub(super) unsafe fn interleave([a, b, c]: [__m512; 3]) -> [__m512; 3] {
    let mut out = [a; 3];
    for (out, [first, second]) in out.iter_mut().zip(&WEAVE) {
        // SAFETY: the tables are as long as registers.
        let (first, second) =
            unsafe { (_mm512_loadu_epi32(first.as_ptr()), _mm512_loadu_epi32(second.as_ptr())) };
        *out = _mm512_permutex2var_ps(_mm512_permutex2var_ps(a, first, b), second, c);
    }
    out
}

/// Lane tables for interleaving `N` registers. For register `i` of the result, `LANES[i]` has the
/// source lane of each lane, and `CHOSEN[i][j]` is a mask of the lanes that come from register `j`.
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

/// Implements [`Vector::store_interleaved`]. Each register of the result takes lanes from all `N`
/// registers.
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be writable.
#[allow(clippy::needless_range_loop)] // fully unrolled, so that values stay in registers
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn store_interleaved<const N: usize>(
    values: [__m512; N],
    target: *mut f32,
    count: usize,
) {
    for i in 0..N {
        let left = (count * N).saturating_sub(i * 16).min(16);
        // SAFETY: the caller's promise; each table is as long as a register.
        unsafe {
            let lanes = _mm512_loadu_si512(Weave::<N>::LANES[i].as_ptr().cast());
            let mut woven = _mm512_setzero_ps();
            for j in 0..N {
                woven =
                    _mm512_mask_permutexvar_ps(woven, Weave::<N>::CHOSEN[i][j], lanes, values[j]);
            }
            if left == 16 {
                _mm512_storeu_ps(target.add(i * 16), woven);
            } else if left > 0 {
                _mm512_mask_storeu_ps(target.add(i * 16), ((1u32 << left) - 1) as __mmask16, woven);
            }
        }
    }
}

/// Lane tables for deinterleaving. For register `j` of the result, `FROM_LANES[j]` has the source
/// lane of each lane, and `FROM[j][i]` is a mask of the lanes that come from register `i`.
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

/// Implements [`Vector::load_deinterleaved`], the inverse of [`store_interleaved`].
///
/// # Safety
/// The CPU must have the features; `count * N` elements must be readable.
#[allow(clippy::needless_range_loop)] // fully unrolled, so that values stay in registers
#[target_feature(enable = "avx512f")]
#[inline]
pub(super) unsafe fn load_deinterleaved<const N: usize>(
    source: *const f32,
    count: usize,
) -> [__m512; N] {
    let (mut woven, mut values) = ([_mm512_setzero_ps(); N], [_mm512_setzero_ps(); N]);
    for i in 0..N {
        let left = (count * N).saturating_sub(i * 16).min(16);
        // SAFETY: the caller's promise: only `left` elements are read.
        woven[i] = unsafe {
            _mm512_maskz_loadu_ps(((1u32 << left) - 1) as __mmask16, source.wrapping_add(i * 16))
        };
    }
    for j in 0..N {
        // SAFETY: each table is as long as a register.
        let lanes = unsafe { _mm512_loadu_si512(Weave::<N>::FROM_LANES[j].as_ptr().cast()) };
        for i in 0..N {
            values[j] =
                _mm512_mask_permutexvar_ps(values[j], Weave::<N>::FROM[j][i], lanes, woven[i]);
        }
    }
    values
}
