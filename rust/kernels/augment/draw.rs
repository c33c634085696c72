//! The random numbers of augmentation: functions of (seed, epoch, index of the sample, ordinal of
//! the transform, number of the draw).
//!
//! The key of Philox is the seed, marked so that no stream of a layer is met; the counter holds the
//! ordinal and the block of four draws (16 bits each), the epoch (32) and the index (64). Where
//! every pixel needs a number, one draw of the sample becomes the key of its own stream.

use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::random::philox;

/// Keeps these streams apart from the streams of layers with the same seed: "augment" in ASCII.
const MARK: u64 = 0x0061_7567_6d65_6e74;

/// Most draws of one transform for one sample.
pub const MAX_DRAWS: usize = 4 << 16;

/// Most transforms that draw in one pipeline.
pub const MAX_ORDINAL: u32 = (1 << 16) - 1;

/// `out[i][d]` uniform in `[0, 1)`, a multiple of 2⁻³²: draw `d` of the transform `ordinal` for the
/// sample `indices[i]`.
///
/// # Shapes
/// `indices` `[n]`, `out` `[n, draws]`, overwritten.
///
/// # Errors
/// Sizes that do not fit; an ordinal or a number of draws out of range.
pub fn uniform(
    seed: u64,
    epoch: u32,
    ordinal: u32,
    indices: &[i64],
    draws: usize,
    out: &mut [f64],
) -> Result<()> {
    if draws > MAX_DRAWS || ordinal > MAX_ORDINAL {
        let text = format!(
            "ordinal: expected at most {MAX_ORDINAL}, and {MAX_DRAWS} draws, got {ordinal} and {draws}"
        );
        return Err(KernelError::Argument(text));
    }
    expect_len("out", out.len(), indices.len().saturating_mul(draws))?;
    if draws == 0 {
        return Ok(());
    }
    for (row, &index) in out.chunks_exact_mut(draws).zip(indices) {
        let index = index as u64;
        for (block, values) in row.chunks_mut(4).enumerate() {
            let counter = [ordinal << 16 | block as u32, epoch, index as u32, (index >> 32) as u32];
            for (value, word) in values.iter_mut().zip(philox(counter, seed ^ MARK)) {
                *value = f64::from(word) / 4_294_967_296.0;
            }
        }
    }
    Ok(())
}

/// The key of a separate stream, from two uniform draws.
pub fn stream_key(first: f64, second: f64) -> u64 {
    (first * 4_294_967_296.0) as u64 | ((second * 4_294_967_296.0) as u64) << 32
}

/// `out[i]` uniform in `[-1, 1)`, from the stream of a key.
#[inline(always)]
pub fn symmetric(key: u64, stream: u32, out: &mut [f32]) {
    for (block, values) in out.chunks_mut(4).enumerate() {
        for (value, word) in
            values.iter_mut().zip(philox([block as u32, (block >> 32) as u32, stream, 1], key))
        {
            *value = (word >> 8) as f32 * (1.0 / 8_388_608.0) - 1.0;
        }
    }
}

/// `out[i]` normal with mean 0 and deviation 1, from the stream of a key: the method of Box and
/// Muller.
pub fn normal(key: u64, stream: u32, out: &mut [f32]) {
    for (block, values) in out.chunks_mut(4).enumerate() {
        let words = philox([block as u32, (block >> 32) as u32, stream, 2], key);
        for (pair, values) in values.chunks_mut(2).enumerate() {
            let [u, v] = [words[2 * pair], words[2 * pair + 1]]
                .map(|word| (f64::from(word) + 0.5) / 4_294_967_296.0);
            let (radius, angle) = ((-2.0 * u.ln()).sqrt(), std::f64::consts::TAU * v);
            for (value, part) in values.iter_mut().zip([angle.cos(), angle.sin()]) {
                *value = (radius * part) as f32;
            }
        }
    }
}
