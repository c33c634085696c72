//! Batch, group and instance normalisation: one kernel, which differs in the elements that share a mean and a variance.
//!
//! `x` is seen as `[samples, positions, channels]`. The channels of a sample fall into equal groups of neighbours, and each group of each
//! sample has its statistics. Batch normalisation is one sample (all positions of the batch) whose groups are single channels; instance
//! normalisation has single channels too, sample by sample. A ReLU behind it costs nothing: backward computes its gate again from `x`,
//! exactly as forward did, which is less traffic than reading the output.
//!
//! Sums go block by block ([`Partition`]). The second pass over the data goes backward: what was read last is still in the cache.

use super::{CHUNK, inverse_deviation, repeat};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::memory::with_scratch;
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::reduce::{Partition, Value, finish};
use crate::kernels::simd::Vector;
use crate::kernels::simd::rows::{self, Map, Terms};

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
    /// For `len` elements in so many samples, channels and groups of channels.
    ///
    /// # Errors
    /// [`crate::kernels::KernelError::Shape`] when they do not divide.
    pub fn new(len: usize, samples: usize, channels: usize, groups: usize) -> Result<Self> {
        if samples == 0 || channels == 0 || !len.is_multiple_of(samples.saturating_mul(channels)) {
            return Err(shape_error!("x: its {len} elements are not {samples} samples of {channels} channels"));
        }
        if groups == 0 || !channels.is_multiple_of(groups) {
            return Err(shape_error!("groups: expected a divisor of the {channels} channels, got {groups}"));
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

    /// Calls `f` with the sample, the place of a piece of `out` and the piece, from the last to the first, on all threads.
    fn for_each_piece<T: Element>(&self, width: usize, out: &mut [T], f: impl Fn(usize, usize, &mut [T]) + Sync) -> Result<()> {
        let (sample_len, chunk, len) = (self.sample_len(), width * (CHUNK / width).max(1), out.len());
        let samples = out.chunks_mut(sample_len.max(1)).enumerate();
        let pieces: Vec<_> = samples
            .flat_map(|(s, sample)| sample.chunks_mut(chunk).enumerate().map(move |(i, piece)| (s, s * sample_len + i * chunk, piece)))
            .collect();
        parallel::for_each_backward(pieces.into_iter(), len * ELEMENT_COST, |(sample, start, piece)| f(sample, start, piece))
    }
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` with the statistics of each group, then `max(0, y)` with `relu`.
///
/// The variance is biased (divided by the number of elements). It is summed block by block around each block's own mean, corrected for
/// the rounding of that mean, and the blocks are joined in double precision (Chan, Golub and LeVeque 1983): no cancellation, however far
/// the mean is from zero.
///
/// # Shapes
/// - `x`, `y`: `[samples, positions, channels]`; `y` is overwritten; without `x` it is what `y` holds.
/// - `gamma`, `beta`: `[channels]`.
/// - `mean`, `variance`: `[samples, groups]`, overwritten.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit, or without a single position; `Memory`, `Interrupted`.
pub fn forward<T: Element>(
    g: &Groups,
    x: Option<&[T]>,
    gamma: &[T],
    beta: &[T],
    y: &mut [T],
    mean: &mut [T],
    variance: &mut [T],
    epsilon: f64,
    relu: bool,
) -> Result<()> {
    g.check(&[("gamma", gamma), ("beta", beta)], &[("mean", mean), ("variance", variance)])?;
    expect_len("x", x.unwrap_or(y).len(), g.samples * g.sample_len())?;
    expect_len("y", y.len(), g.samples * g.sample_len())?;
    if y.is_empty() {
        return Err(shape_error!("x: expected at least one position to take the mean over, got none"));
    }
    statistics(g, x.unwrap_or(y), mean, variance)?;
    let width = g.partition().width();
    with_scratch(g.samples * 3 * width, |tables: &mut [T]| {
        fill_tables(g, mean, variance, gamma, beta, epsilon, tables);
        let (tables, stream) = (&*tables, x.is_some() && rows::streams::<T>(y.len()));
        g.for_each_piece(width, y, |sample, start, y| {
            let tables = thirds(&tables[sample * 3 * width..][..3 * width]);
            let inputs = [x.map(|x| &x[start..start + y.len()])];
            if relu {
                rows::map(Normalize::<true>, inputs, tables, width, stream, y);
            } else {
                rows::map(Normalize::<false>, inputs, tables, width, stream, y);
            }
        })
    })?
}

fn thirds<T>(tables: &[T]) -> [&[T]; 3] {
    let (a, rest) = tables.split_at(tables.len() / 3);
    let (b, c) = rest.split_at(rest.len() / 2);
    [a, b, c]
}

/// For each sample three wide rows: the mean of each channel, `gamma / sqrt(variance + epsilon)`, and `beta`.
fn fill_tables<T: Element>(g: &Groups, mean: &[T], variance: &[T], gamma: &[T], beta: &[T], epsilon: f64, tables: &mut [T]) {
    let width = tables.len() / 3 / g.samples;
    for (sample, tables) in tables.chunks_exact_mut(3 * width).enumerate() {
        let (means, rest) = tables.split_at_mut(width);
        let (factors, betas) = rest.split_at_mut(width);
        for c in 0..g.channels {
            let group = sample * g.groups + c / g.group_channels();
            means[c] = mean[group];
            factors[c] = T::from_f64(gamma[c].to_f64() * inverse_deviation(variance[group], epsilon));
        }
        betas[..g.channels].copy_from_slice(beta);
        for table in [means, factors, betas] {
            let (row, copies) = table.split_at_mut(g.channels);
            repeat(row, copies);
        }
    }
}

/// `(x - mean) factor + beta`, cut at zero with `RELU`.
#[derive(Clone, Copy)]
struct Normalize<const RELU: bool>;
impl<T: Element, const RELU: bool> Map<T, 1, 3> for Normalize<RELU> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [x]: [V; 1], [mean, factor, beta]: [V; 3]) -> V {
        let y = x.sub(mean).mul_add(factor, beta);
        if RELU { y.relu() } else { y }
    }
}

/// `x - mean`, and its square.
#[derive(Clone, Copy)]
struct Distance;
impl<T: Element> Terms<T, 1, 1, 2> for Distance {
    #[inline(always)]
    fn terms<V: Vector<T>>(self, [x]: [V; 1], [mean]: [V; 1]) -> [V; 2] {
        let distance = x.sub(mean);
        [distance, distance.mul(distance)]
    }
}

/// Mean and biased variance of each group of each sample.
fn statistics<T: Element>(g: &Groups, x: &[T], mean: &mut [T], variance: &mut [T]) -> Result<()> {
    let partition = g.partition();
    let width = partition.width();
    // A record: the rounded mean of each column of the block, the sum of distances from it (what the rounding lost), and of their squares.
    with_scratch(partition.records() * 3 * width, |records: &mut [T]| {
        partition.for_each_block(records, 3 * width, |range, record| {
            record.fill(T::ZERO);
            let (means, rest) = record.split_at_mut(width);
            let (distances, squares) = rest.split_at_mut(width);
            let x = &x[range];
            rows::add_columns(Value, [x], [], width, [means]);
            let rows = |column: usize| T::from_f64(((x.len() + width - 1 - column) / width).max(1) as f64);
            let (all, fewer, whole) = (rows(0), rows(width - 1), if x.len().is_multiple_of(width) { width } else { x.len() % width });
            let (head, tail) = means.split_at_mut(whole);
            head.iter_mut().for_each(|mean| *mean = *mean / all);
            tail.iter_mut().for_each(|mean| *mean = *mean / fewer);
            rows::add_columns(Distance, [x], [means], width, [distances, squares]);
        })?;
        with_scratch(2 * g.channels, |joined: &mut [f64]| {
            let (means, squares) = joined.split_at_mut(g.channels);
            let per_sample = partition.records() / g.samples * 3 * width;
            let statistics = mean.chunks_exact_mut(g.groups).zip(variance.chunks_exact_mut(g.groups));
            for (records, (mean, variance)) in records.chunks_exact(per_sample).zip(statistics) {
                join(&partition, records, means, squares);
                let groups = means.chunks_exact(g.group_channels()).zip(squares.chunks_exact(g.group_channels()));
                for ((mean, variance), (means, squares)) in mean.iter_mut().zip(variance).zip(groups) {
                    let center = means.iter().sum::<f64>() / means.len() as f64;
                    let apart: f64 = means.iter().map(|mean| (mean - center) * (mean - center)).sum();
                    let spread = (squares.iter().sum::<f64>() + g.positions as f64 * apart) / g.group_len();
                    *mean = T::from_f64(center);
                    *variance = T::from_f64(if spread < 0.0 { 0.0 } else { spread });
                }
            }
        })
    })?
}

/// The mean of each column, and the sum of squared distances from it, out of those of the blocks.
fn join<T: Element>(partition: &Partition, records: &[T], means: &mut [f64], squares: &mut [f64]) {
    let (channels, width) = (means.len(), partition.width());
    // Each row of a wide row has one count: (count, rounded means, distances, squares).
    let parts = || {
        records.chunks_exact(3 * width).enumerate().flat_map(move |(block, record)| {
            (0..width).step_by(channels).map(move |at| {
                let part = |kind: usize| &record[kind * width + at..][..channels];
                (partition.count(block, at) as f64, part(0), part(1), part(2))
            })
        })
    };
    let rows: f64 = parts().map(|(count, ..)| count).sum();
    means.fill(0.0);
    squares.fill(0.0);
    for (count, part, distances, _) in parts() {
        for ((mean, &part), &distance) in means.iter_mut().zip(part).zip(distances) {
            *mean += (part.to_f64() * count + distance.to_f64()) / rows;
        }
    }
    for (count, part, distances, part_squares) in parts() {
        let items = squares.iter_mut().zip(&*means).zip(part).zip(distances).zip(part_squares);
        for ((((square, &mean), &part), &distance), &part_square) in items {
            // Σ (x - mean)², from the sums around the block's own rounded mean.
            let shift = part.to_f64() - mean;
            *square += part_square.to_f64() + shift * (2.0 * distance.to_f64() + count * shift);
        }
    }
}

/// Where the gradient of the output is, and where that of the input goes.
pub enum Gradient<'a, T> {
    /// To an array of its own, which is overwritten, or accumulated with `accumulate`.
    Onward {
        /// The gradient of the output.
        grad_output: &'a [T],
        /// The gradient of the input.
        grad_x: &'a mut [T],
        /// Whether to add to it.
        accumulate: bool,
    },
    /// Over the gradient of the output.
    InPlace(&'a mut [T]),
    /// Nowhere: only those of the parameters are wanted.
    Stop(&'a [T]),
}

impl<T> Gradient<'_, T> {
    /// The gradient of the output.
    pub fn output(&self) -> &[T] {
        match self {
            Self::Onward { grad_output, .. } | Self::Stop(grad_output) => grad_output,
            Self::InPlace(grad) => grad,
        }
    }
}

/// The gradients of [`forward`]: with `g = grad_output`, zero where a ReLU cut, `x̂ = (x - mean) / sqrt(variance + epsilon)`, and means
/// over the group: `grad_beta (+)= Σ g`, `grad_gamma (+)= Σ g x̂`, and
/// `grad_x (+)= (gamma g - mean(gamma g) - x̂ mean(gamma g x̂)) / sqrt(variance + epsilon)`.
///
/// # Shapes
/// - the arrays in `gradient`, `x`: `[samples, positions, channels]`.
/// - `mean`, `variance`: `[samples, groups]`.
/// - `gamma`, `beta`, `grad_gamma`, `grad_beta`: `[channels]`; the last two are overwritten, or accumulated with `accumulate_parameters`.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn backward<T: Element>(
    g: &Groups,
    gradient: Gradient<'_, T>,
    x: &[T],
    mean: &[T],
    variance: &[T],
    gamma: &[T],
    beta: &[T],
    epsilon: f64,
    relu: bool,
    grad_gamma: &mut [T],
    grad_beta: &mut [T],
    accumulate_parameters: bool,
) -> Result<()> {
    let parameters = [("gamma", gamma), ("beta", beta), ("grad_gamma", &*grad_gamma), ("grad_beta", &*grad_beta)];
    g.check(&parameters, &[("mean", mean), ("variance", variance)])?;
    expect_len("x", x.len(), g.samples * g.sample_len())?;
    expect_len("grad_output", gradient.output().len(), x.len())?;
    if let Gradient::Onward { grad_x, .. } = &gradient {
        expect_len("grad_x", grad_x.len(), x.len())?;
    }
    let width = g.partition().width();
    with_scratch(g.samples * 5 * width, |tables: &mut [T]| {
        let (tables, slopes) = tables.split_at_mut(g.samples * 3 * width);
        fill_tables(g, mean, variance, gamma, beta, epsilon, tables);
        with_scratch(2 * g.channels, |totals: &mut [f64]| {
            let (gammas, betas) = totals.split_at_mut(g.channels);
            sums(g, gradient.output(), x, tables, variance, gamma, epsilon, relu, (gammas, betas), slopes)?;
            finish(gammas, grad_gamma, accumulate_parameters);
            finish(betas, grad_beta, accumulate_parameters);
            Ok(())
        })??;
        let (grad, grad_x, accumulate) = match gradient {
            Gradient::Onward { grad_output, grad_x, accumulate } => (Some(grad_output), grad_x, accumulate),
            Gradient::InPlace(grad) => (None, grad, false),
            Gradient::Stop(_) => return Ok(()),
        };
        let (tables, slopes, stream) = (&*tables, &*slopes, grad.is_some() && !accumulate && rows::streams::<T>(x.len()));
        g.for_each_piece(width, grad_x, |sample, start, out| {
            let [mean, factor, beta] = thirds(&tables[sample * 3 * width..][..3 * width]);
            let (slope, offset) = slopes[sample * 2 * width..][..2 * width].split_at(width);
            let range = start..start + out.len();
            let (grad, x) = (grad.map(|grad| &grad[range.clone()]), Some(&x[range]));
            let (plain, gated) = ([mean, factor, slope, offset], [mean, factor, slope, offset, beta]);
            match (relu, accumulate) {
                (false, false) => rows::map(Backward::<false>, [grad, x], plain, width, stream, out),
                (false, true) => rows::map(Backward::<false>, [grad, x, None], plain, width, false, out),
                (true, false) => rows::map(Backward::<true>, [grad, x], gated, width, stream, out),
                (true, true) => rows::map(Backward::<true>, [grad, x, None], gated, width, false, out),
            }
        })
    })?
}

/// The sums of a backward pass: `gammas` and `betas` over all samples, and for each sample two wide rows in `slopes`: what `x - mean` is
/// multiplied by in its gradient, and what is added.
fn sums<T: Element>(
    g: &Groups,
    grad: &[T],
    x: &[T],
    tables: &[T],
    variance: &[T],
    gamma: &[T],
    epsilon: f64,
    relu: bool,
    (gammas, betas): (&mut [f64], &mut [f64]),
    slopes: &mut [T],
) -> Result<()> {
    let partition = g.partition();
    let width = partition.width();
    with_scratch(partition.records() * 2 * width, |records: &mut [T]| {
        partition.for_each_block(records, 2 * width, |range, record| {
            record.fill(T::ZERO);
            let (sums, products) = record.split_at_mut(width);
            let [mean, factor, beta] = thirds(&tables[range.start / g.sample_len() * 3 * width..][..3 * width]);
            let (inputs, sums) = ([&grad[range.clone()], &x[range]], [sums, products]);
            if relu {
                rows::add_columns(Products, inputs, [mean, factor, beta], width, sums);
            } else {
                rows::add_columns(Products, inputs, [mean], width, sums);
            }
        })?;
        with_scratch(2 * g.channels, |totals: &mut [f64]| {
            let (sums, products) = totals.split_at_mut(g.channels);
            gammas.fill(0.0);
            betas.fill(0.0);
            for (sample, slopes) in slopes.chunks_exact_mut(2 * width).enumerate() {
                partition.total(sample, records, 2 * width, 0, sums);
                partition.total(sample, records, 2 * width, width, products);
                let (slope, offset) = slopes.split_at_mut(width);
                for group in 0..g.groups {
                    let inverse = inverse_deviation(variance[sample * g.groups + group], epsilon);
                    let channels = group * g.group_channels()..(group + 1) * g.group_channels();
                    let (mut sum, mut product) = (0.0, 0.0);
                    for c in channels.clone() {
                        betas[c] += sums[c];
                        gammas[c] += products[c] * inverse;
                        sum += gamma[c].to_f64() * sums[c] / g.group_len();
                        product += gamma[c].to_f64() * products[c] * inverse / g.group_len();
                    }
                    slope[channels.clone()].fill(T::from_f64(-inverse * inverse * product));
                    offset[channels].fill(T::from_f64(-inverse * sum));
                }
                for table in [slope, offset] {
                    let (row, copies) = table.split_at_mut(g.channels);
                    repeat(row, copies);
                }
            }
        })
    })?
}

/// The terms of `Σ g` and `Σ g (x - mean)`; with the tables of [`Normalize`], `g` is zero where its ReLU cut.
#[derive(Clone, Copy)]
struct Products;
impl<T: Element> Terms<T, 2, 1, 2> for Products {
    #[inline(always)]
    fn terms<V: Vector<T>>(self, [grad, x]: [V; 2], [mean]: [V; 1]) -> [V; 2] {
        [grad, grad.mul(x.sub(mean))]
    }
}
impl<T: Element> Terms<T, 2, 3, 2> for Products {
    #[inline(always)]
    fn terms<V: Vector<T>>(self, [grad, x]: [V; 2], [mean, factor, beta]: [V; 3]) -> [V; 2] {
        let distance = x.sub(mean);
        let grad = grad.where_positive(distance.mul_add(factor, beta));
        [grad, grad.mul(distance)]
    }
}

/// `factor g + slope (x - mean) + offset`, added to a third input if there is one; with `beta`, `g` is zero where the ReLU cut.
#[derive(Clone, Copy)]
struct Backward<const GATED: bool>;
impl<T: Element> Map<T, 2, 4> for Backward<false> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, x]: [V; 2], [mean, factor, slope, offset]: [V; 4]) -> V {
        grad.mul_add(factor, x.sub(mean).mul_add(slope, offset))
    }
}
impl<T: Element> Map<T, 2, 5> for Backward<true> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, x]: [V; 2], [mean, factor, slope, offset, beta]: [V; 5]) -> V {
        let distance = x.sub(mean);
        let grad = grad.where_positive(distance.mul_add(factor, beta));
        grad.mul_add(factor, distance.mul_add(slope, offset))
    }
}
impl<T: Element> Map<T, 3, 4> for Backward<false> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, x, held]: [V; 3], tables: [V; 4]) -> V {
        held.add(self.map([grad, x], tables))
    }
}
impl<T: Element> Map<T, 3, 5> for Backward<true> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, x, held]: [V; 3], tables: [V; 5]) -> V {
        held.add(self.map([grad, x], tables))
    }
}
