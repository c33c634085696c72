//! Batch, group and instance normalisation: one kernel, which differs in the elements that share a
//! mean and a variance.
//!
//! `x` is seen as `[samples, positions, channels]`. The channels of a sample fall into equal groups
//! of neighbours, and each group of each sample has its statistics. Batch normalisation is one
//! sample (all positions of the batch) whose groups are single channels; instance normalisation has
//! single channels too, sample by sample. A ReLU after it costs nothing: backward computes the
//! output again from `x`, exactly as forward did, which is less traffic than reading the output.
//!
//! Sums go block by block ([`Partition`]). The second pass over the data goes backward: what was
//! read last is still in the cache.

mod backward;
mod forward;

pub use backward::{Gradient, backward};
pub use forward::forward;

use super::{inverse_deviation, repeat};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::reduce::Partition;
use crate::kernels::tuning::ITEM_LEN;

/// Which elements share statistics.
#[derive(Debug, Clone, Copy)]
pub struct Groups {
    /// Samples.
    pub samples: usize,
    /// Positions of a sample.
    pub positions: usize,
    /// Channels.
    pub channels: usize,
    /// Groups of channels.
    pub groups: usize,
}

impl Groups {
    /// For `len` elements in these numbers of samples, channels and groups of channels.
    ///
    /// # Errors
    /// [`crate::kernels::KernelError::Shape`] when they do not divide.
    pub fn new(len: usize, samples: usize, channels: usize, groups: usize) -> Result<Self> {
        if samples == 0 || channels == 0 || !len.is_multiple_of(samples.saturating_mul(channels)) {
            return Err(shape_error!(
                "x: its {len} elements are not {samples} samples of {channels} channels"
            ));
        }
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(shape_error!(
                "groups: expected a divisor of the {channels} channels, got {groups}"
            ));
        }
        Ok(Self { samples, positions: len / samples / channels, channels, groups })
    }

    fn partition(&self) -> Partition {
        Partition::new(self.samples, self.positions, self.channels)
    }

    fn sample_len(&self) -> usize {
        self.positions * self.channels
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_len(&self) -> f64 {
        (self.positions * self.group_channels()) as f64
    }

    fn check<T>(&self, names: &[(&str, &[T])], statistics: &[(&str, &[T])]) -> Result<()> {
        for (name, values) in names {
            expect_len(name, values.len(), self.channels)?;
        }
        for (name, values) in statistics {
            expect_len(name, values.len(), self.samples * self.groups)?;
        }
        Ok(())
    }

    /// Calls `f` with the sample, the place of a piece of `out` and the piece, from the last to the
    /// first, on all threads.
    fn for_each_piece<T: Element>(
        &self,
        width: usize,
        out: &mut [T],
        f: impl Fn(usize, usize, &mut [T]) + Sync,
    ) -> Result<()> {
        let (sample_len, chunk, len) =
            (self.sample_len(), width * (ITEM_LEN / width).max(1), out.len());
        let samples = out.chunks_mut(sample_len.max(1)).enumerate();
        let pieces: Vec<_> = samples
            .flat_map(|(s, sample)| {
                sample
                    .chunks_mut(chunk)
                    .enumerate()
                    .map(move |(i, piece)| (s, s * sample_len + i * chunk, piece))
            })
            .collect();
        parallel::for_each_backward(
            pieces.into_iter(),
            len * ELEMENT_COST,
            |(sample, start, piece)| f(sample, start, piece),
        )
    }
}

fn thirds<T>(tables: &[T]) -> [&[T]; 3] {
    let (a, rest) = tables.split_at(tables.len() / 3);
    let (b, c) = rest.split_at(rest.len() / 2);
    [a, b, c]
}

/// For each sample three wide rows: the mean of each channel, `gamma / sqrt(variance + epsilon)`,
/// and `beta`.
fn fill_tables<T: Element>(
    g: &Groups,
    mean: &[T],
    variance: &[T],
    gamma: &[T],
    beta: &[T],
    epsilon: f64,
    tables: &mut [T],
) {
    let width = tables.len() / 3 / g.samples;
    for (sample, tables) in tables.chunks_exact_mut(3 * width).enumerate() {
        let (means, rest) = tables.split_at_mut(width);
        let (factors, betas) = rest.split_at_mut(width);
        for c in 0..g.channels {
            let group = sample * g.groups + c / g.group_channels();
            means[c] = mean[group];
            factors[c] =
                T::from_f64(gamma[c].to_f64() * inverse_deviation(variance[group], epsilon));
        }
        betas[..g.channels].copy_from_slice(beta);
        for table in [means, factors, betas] {
            let (row, copies) = table.split_at_mut(g.channels);
            repeat(row, copies);
        }
    }
}
