//! Multiplicative Gaussian noise on counter-based numbers: `x (1 + std z)` with `z` normal, a
//! function of (seed, stream, step, index).

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::random::{Counter, each, expect_countable};

/// Elements of one item; a multiple of 4, the numbers of one block.
const CHUNK: usize = 4 << 10;

/// Two independent normal numbers from two words (Box & Muller 1958).
fn normal_pair(a: u32, b: u32) -> [f64; 2] {
    const UNIT: f64 = 1.0 / 4_294_967_296.0;
    let radius = (-2.0 * ((f64::from(a) + 0.5) * UNIT).ln()).sqrt();
    let (sin, cos) = (f64::from(b) * UNIT * std::f64::consts::TAU).sin_cos();
    [radius * cos, radius * sin]
}

/// `out[i] = x[i] (1 + std z[i])`; without `x`, on `out` itself. Its own gradient: the same call on
/// the gradient.
///
/// # Errors
/// A deviation that is negative or not finite, slices of different lengths, too many elements;
/// interrupted.
pub fn gaussian<T: Element>(
    x: Option<&[T]>,
    std: f64,
    counter: Counter,
    out: &mut [T],
) -> Result<()> {
    if !(std >= 0.0 && std.is_finite()) {
        return Err(KernelError::Argument(format!(
            "std: expected a finite number from 0, got {std}"
        )));
    }
    if let Some(x) = x {
        expect_len("out", out.len(), x.len())?;
    }
    expect_countable(out.len())?;
    let cost = out.len() * ELEMENT_COST * 4;
    parallel::for_each(out.chunks_mut(CHUNK).enumerate(), cost, |(i, out)| {
        if let Some(x) = x {
            out.copy_from_slice(&x[i * CHUNK..][..out.len()]);
        }
        // An odd number of elements leaves half of its last pair unused.
        each(counter, i * CHUNK / 4, out.len().next_multiple_of(2), |start, words| {
            for (out, pair) in out[start..].chunks_mut(2).zip(words.as_chunks::<2>().0) {
                for (out, z) in out.iter_mut().zip(normal_pair(pair[0], pair[1])) {
                    *out = *out * T::from_f64(1.0 + std * z);
                }
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: Counter = Counter { seed: 5, stream: 1, step: 2 };

    #[test]
    fn mean_deviation_and_tails_are_those_of_the_normal_distribution() {
        let n = 1_000_000;
        let mut y = vec![1.0f64; n];
        gaussian(None, 0.5, COUNTER, &mut y).unwrap();
        let z: Vec<f64> = y.iter().map(|y| (y - 1.0) / 0.5).collect();
        let moment = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>() / n as f64;
        assert!(
            moment(1).abs() < 4e-3
                && (moment(2) - 1.0).abs() < 6e-3
                && moment(3).abs() < 2e-2
                && (moment(4) - 3.0).abs() < 5e-2
        );
        let beyond = z.iter().filter(|z| z.abs() > 1.959_964).count() as f64 / n as f64;
        assert!((beyond - 0.05).abs() < 1e-3, "{beyond}");
    }

    #[test]
    fn a_number_depends_on_its_index_alone() {
        let mut long = vec![1.0f64; 2 * CHUNK + 77];
        gaussian(None, 1.0, COUNTER, &mut long).unwrap();
        for len in [1, 2, 3, 513, CHUNK + 3] {
            let mut short = vec![9.0; len];
            gaussian(Some(&vec![1.0; len]), 1.0, COUNTER, &mut short).unwrap();
            assert_eq!(long[..len], short);
        }
        assert!(gaussian(None, -1.0, COUNTER, &mut long).is_err());
        assert!(gaussian(None, f64::NAN, COUNTER, &mut long).is_err());
        assert!(gaussian(Some(&[1.0]), 1.0, COUNTER, &mut long).is_err());
    }
}
