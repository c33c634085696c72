//! Counter-based random numbers: Philox 4×32-10 (Salmon, Moraes, Dror & Shaw 2011), and dropout on
//! top of it.
//!
//! A number is a function of (seed, stream, step, index): no state, so any thread may compute any
//! part. The key is the seed; the counter holds the block of four indices (32 bits), the stream
//! (32) and the step (64).

use std::hint::select_unpredictable;

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Elements of one item; a multiple of [`WORDS`].
const CHUNK: usize = 8 << 10;

/// Blocks computed in one loop, long enough that the compiler makes it wide.
const BLOCKS: usize = 128;

/// Numbers in [`BLOCKS`] blocks.
const WORDS: usize = 4 * BLOCKS;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// Which numbers: a seed, a stream (a layer, say) and a step.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    /// The key.
    pub seed: u64,
    /// What they are for.
    pub stream: u32,
    /// When.
    pub step: u64,
}

/// Ten rounds on one counter.
#[inline(always)]
pub(super) fn philox(counter: [u32; 4], seed: u64) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    for round in 0..10 {
        let key = [seed as u32, (seed >> 32) as u32];
        let [k0, k1] = [0, 1].map(|i: usize| key[i].wrapping_add(WEYL[i].wrapping_mul(round)));
        let (p0, p1) =
            (u64::from(MULTIPLIERS[0]) * u64::from(c0), u64::from(MULTIPLIERS[1]) * u64::from(c2));
        (c0, c1, c2, c3) =
            ((p1 >> 32) as u32 ^ c1 ^ k0, p1 as u32, (p0 >> 32) as u32 ^ c3 ^ k1, p0 as u32);
    }
    [c0, c1, c2, c3]
}

/// Calls `f(start, numbers)` for pieces of `len` numbers, the first of them number 0 of block
/// `first_block`.
#[inline(always)]
pub(super) fn each(
    counter: Counter,
    first_block: usize,
    len: usize,
    mut f: impl FnMut(usize, &[u32]),
) {
    let mut words = [0; WORDS];
    let (stream, step) = (counter.stream, [counter.step as u32, (counter.step >> 32) as u32]);
    for start in (0..len).step_by(WORDS) {
        let first = (first_block + start / 4) as u32;
        for (i, four) in words.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *four = philox([first.wrapping_add(i as u32), stream, step[0], step[1]], counter.seed);
        }
        f(start, &words[..WORDS.min(len - start)]);
    }
}

/// Most elements that one call may number.
const MAX_LEN: usize = 4 << 32;

pub(super) fn expect_countable(len: usize) -> Result<()> {
    if len <= MAX_LEN {
        Ok(())
    } else {
        Err(KernelError::Argument(format!("x: {len} elements are more than {MAX_LEN}")))
    }
}

/// `out[i]` uniform in `[0, 1)`, a multiple of 2⁻²⁴.
///
/// # Errors
/// Too many elements; interrupted.
pub fn uniform<T: Element>(counter: Counter, out: &mut [T]) -> Result<()> {
    expect_countable(out.len())?;
    let cost = out.len() * ELEMENT_COST;
    parallel::for_each(out.chunks_mut(CHUNK).enumerate(), cost, |(i, out)| {
        vectorized!(T, || each(counter, i * CHUNK / 4, out.len(), |start, words| {
            for (out, &word) in out[start..].iter_mut().zip(words) {
                *out = T::from_f64(f64::from(word >> 8) * (1.0 / 16_777_216.0));
            }
        }));
    })
}

/// `out[i] = keep_i ? x[i] / (1 - rate) : 0`, where `keep_i` has probability `1 - rate`. Its own
/// gradient: the same call on the gradient.
///
/// # Errors
/// A rate outside `[0, 1)`, slices of different lengths, too many elements; interrupted.
pub fn dropout<T: Element>(x: &[T], rate: f64, counter: Counter, out: &mut [T]) -> Result<()> {
    expect_len("out", out.len(), x.len())?;
    let (threshold, scale) = thresholds::<T>(rate)?;
    expect_countable(x.len())?;
    let items = x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)).enumerate();
    parallel::for_each(items, x.len() * ELEMENT_COST, |(i, (x, out))| {
        vectorized!(T, || {
            each(counter, i * CHUNK / 4, x.len(), |start, words| {
                for ((out, &x), &word) in out[start..].iter_mut().zip(&x[start..]).zip(words) {
                    *out = select_unpredictable(word >= threshold, x * scale, T::ZERO);
                }
            });
        });
    })
}

/// [`dropout`] on its own argument.
///
/// # Errors
/// A rate outside `[0, 1)`, too many elements; interrupted.
pub fn dropout_in_place<T: Element>(x: &mut [T], rate: f64, counter: Counter) -> Result<()> {
    let (threshold, scale) = thresholds::<T>(rate)?;
    expect_countable(x.len())?;
    let cost = x.len() * ELEMENT_COST;
    parallel::for_each(x.chunks_mut(CHUNK).enumerate(), cost, |(i, x)| {
        vectorized!(T, || each(counter, i * CHUNK / 4, x.len(), |start, words| {
            for (x, &word) in x[start..].iter_mut().zip(words) {
                *x = select_unpredictable(word >= threshold, *x * scale, T::ZERO);
            }
        }));
    })
}

/// A number below the first is dropped; the second scales what is kept.
fn thresholds<T: Element>(rate: f64) -> Result<(u32, T)> {
    if !(0.0..1.0).contains(&rate) {
        return Err(KernelError::Argument(format!("rate: expected 0 <= rate < 1, got {rate}")));
    }
    Ok(((rate * 4_294_967_296.0) as u32, T::from_f64(1.0 / (1.0 - rate))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // kat_vectors of Random123 1.14.
        for (words, seed, expected) in [
            ([0; 4], 0, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], u64::MAX, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                0x299f_31d0_a409_3822,
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox(words, seed), expected);
        }
    }

    #[test]
    fn half_is_dropped_and_the_mean_kept() {
        let counter = Counter { seed: 1, stream: 2, step: 3 };
        let x = vec![1.0f32; 1_000_000];
        let mut y = vec![0.0; x.len()];
        dropout(&x, 0.5, counter, &mut y).unwrap();
        assert!(y.iter().all(|&v| v == 0.0 || v == 2.0));
        let kept = y.iter().filter(|&&v| v == 2.0).count();
        assert!((498_000..502_000).contains(&kept), "{kept}");
        let mut z = x.clone();
        dropout_in_place(&mut z, 0.5, counter).unwrap();
        assert_eq!(y, z);
        assert!(dropout(&x, 1.0, counter, &mut y).is_err());
    }

    #[test]
    fn a_number_depends_on_its_index_alone() {
        let counter = Counter { seed: 9, stream: 0, step: 1 << 40 };
        let (mut long, mut short) = (vec![0.0f64; 20_000], vec![0.0f64; 77]);
        uniform(counter, &mut long).unwrap();
        uniform(counter, &mut short).unwrap();
        assert_eq!(long[..77], short);
        assert!(long.iter().all(|v| (0.0..1.0).contains(v)));
        assert_ne!(long[0], long[8192]);
    }

    #[test]
    fn number_i_is_word_i_mod_4_of_block_i_div_4() {
        let counter = Counter { seed: 0x0123_4567_89ab_cdef, stream: 7, step: (5 << 32) + 11 };
        for len in [1, 3, WORDS - 1, WORDS + 2, CHUNK + WORDS + 5] {
            let (mut single, mut double) = (vec![7.0f32; len], vec![7.0f64; len]);
            uniform(counter, &mut single).unwrap();
            uniform(counter, &mut double).unwrap();
            let mut kept = vec![1.0f64; len];
            dropout_in_place(&mut kept, 0.25, counter).unwrap();
            for i in 0..len {
                let word = philox([(i / 4) as u32, 7, 11, 5], counter.seed)[i % 4];
                assert_eq!(double[i], f64::from(word >> 8) / 16_777_216.0);
                assert_eq!(f64::from(single[i]), double[i]);
                assert_eq!(kept[i], if double[i] < 0.25 { 0.0 } else { 1.0 / 0.75 });
            }
        }
    }
}
