//! Counter-based random numbers: Philox 4×32-10 (Salmon, Moraes, Dror & Shaw 2011), and dropout on top of it.
//!
//! A number is a function of (seed, stream, step, index): no state, so any thread may compute any part. The key is the seed; the
//! counter holds the block of four indices (32 bits), the stream (32) and the step (64).

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Elements of one item; a multiple of [`LANES`] blocks of four.
const CHUNK: usize = 8 << 10;

/// Blocks computed side by side, so that the compiler can use SIMD.
const LANES: usize = 16;

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

/// Ten rounds on `LANES` counters at once, in place.
#[inline(always)]
fn philox(counters: &mut [[u32; LANES]; 4], seed: u64) {
    let mut key = [seed as u32, (seed >> 32) as u32];
    for _ in 0..10 {
        let [c0, c1, c2, c3] = counters;
        for (((c0, c1), c2), c3) in c0.iter_mut().zip(c1).zip(c2).zip(c3) {
            let first = u64::from(MULTIPLIERS[0]) * u64::from(*c0);
            let second = u64::from(MULTIPLIERS[1]) * u64::from(*c2);
            (*c0, *c2) = ((second >> 32) as u32 ^ *c1 ^ key[0], (first >> 32) as u32 ^ *c3 ^ key[1]);
            (*c1, *c3) = (second as u32, first as u32);
        }
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
}

/// Calls `f(index within the chunk, number)` for `len` numbers from block `first_block` on.
#[inline(always)]
fn each(counter: Counter, first_block: usize, len: usize, mut f: impl FnMut(usize, u32)) {
    for group in 0..len.div_ceil(4 * LANES) {
        let block = first_block + group * LANES;
        let mut words = [[0; LANES], [counter.stream; LANES], [counter.step as u32; LANES], [(counter.step >> 32) as u32; LANES]];
        for (i, word) in words[0].iter_mut().enumerate() {
            *word = (block + i) as u32;
        }
        philox(&mut words, counter.seed);
        let begin = group * 4 * LANES;
        for i in begin..len.min(begin + 4 * LANES) {
            f(i, words[i % 4][(i - begin) / 4]);
        }
    }
}

/// Most elements that one call may number.
const MAX_LEN: usize = 4 << 32;

fn expect_countable(len: usize) -> Result<()> {
    if len <= MAX_LEN { Ok(()) } else { Err(KernelError::Argument(format!("x: {len} elements are more than {MAX_LEN}"))) }
}

/// `out[i]` uniform in `[0, 1)`, a multiple of 2⁻²⁴.
///
/// # Errors
/// Too many elements; interrupted.
pub fn uniform<T: Element>(counter: Counter, out: &mut [T]) -> Result<()> {
    expect_countable(out.len())?;
    let cost = out.len() * ELEMENT_COST;
    parallel::for_each(out.chunks_mut(CHUNK).enumerate(), cost, |(i, out)| {
        vectorized!(|| each(counter, i * CHUNK / 4, out.len(), |k, word| out[k] = T::from_f64(f64::from(word >> 8) / 16_777_216.0)));
    })
}

/// `out[i] = keep_i ? x[i] / (1 - rate) : 0`, where `keep_i` has probability `1 - rate`. Its own gradient: the same call on the gradient.
///
/// # Errors
/// A rate outside `[0, 1)`, slices of different lengths, too many elements; interrupted.
pub fn dropout<T: Element>(x: &[T], rate: f64, counter: Counter, out: &mut [T]) -> Result<()> {
    expect_len("out", out.len(), x.len())?;
    let (threshold, scale) = thresholds::<T>(rate)?;
    expect_countable(x.len())?;
    let items = x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)).enumerate();
    parallel::for_each(items, x.len() * ELEMENT_COST, |(i, (x, out))| {
        vectorized!(|| {
            each(counter, i * CHUNK / 4, x.len(), |k, word| out[k] = if word >= threshold { x[k] * scale } else { T::ZERO });
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
        vectorized!(|| { each(counter, i * CHUNK / 4, x.len(), |k, word| x[k] = if word >= threshold { x[k] * scale } else { T::ZERO }) });
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
            let mut counters = words.map(|word| [word; LANES]);
            philox(&mut counters, seed);
            assert_eq!(counters.map(|words| words[LANES - 1]), expected);
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
}
