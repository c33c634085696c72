//! The way there: statistics, then the map.

use super::{Groups, fill_tables, thirds};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len, shape_error};
use crate::kernels::memory::with_scratch;
use crate::kernels::reduce::{Partition, Value};
use crate::kernels::simd::Vector;
use crate::kernels::simd::elementwise::{self, Map, Terms};

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` with the statistics of each group, then
/// `max(0, y)` with `relu`.
///
/// The variance is biased (divided by the number of elements). It is summed block by block around
/// each block's own mean, corrected for the rounding of that mean, and the blocks are joined in
/// double precision (Chan, Golub and LeVeque 1983): no cancellation, however far the mean is from
/// zero.
///
/// # Shapes
/// - `x`, `y`: `[samples, positions, channels]`; `y` is overwritten; without `x` it is what `y`
///   holds.
/// - `gamma`, `beta`: `[channels]`.
/// - `mean`, `variance`: `[samples, groups]`, overwritten.
///
/// # Errors
/// [`crate::kernels::KernelError::Shape`] when the lengths do not fit, or without a single
/// position; `Memory`, `Interrupted`.
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
        return Err(shape_error!(
            "x: expected at least one position to take the mean over, got none"
        ));
    }
    statistics(g, x.unwrap_or(y), mean, variance)?;
    let width = g.partition().width();
    with_scratch(g.samples * 3 * width, |tables: &mut [T]| {
        fill_tables(g, mean, variance, gamma, beta, epsilon, tables);
        let (tables, stream) = (&*tables, x.is_some() && elementwise::streams::<T>(y.len()));
        g.for_each_piece(width, y, |sample, start, y| {
            let tables = thirds(&tables[sample * 3 * width..][..3 * width]);
            let inputs = [x.map(|x| &x[start..start + y.len()])];
            if relu {
                elementwise::map(Normalize::<true>, inputs, tables, width, stream, y);
            } else {
                elementwise::map(Normalize::<false>, inputs, tables, width, stream, y);
            }
        })
    })?
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
    // A record: the rounded mean of each column of the block, the sum of distances from it (what
    // the rounding lost), and of their squares.
    with_scratch(partition.records() * 3 * width, |records: &mut [T]| {
        partition.for_each_block(records, 3 * width, |range, record| {
            record.fill(T::ZERO);
            let (means, rest) = record.split_at_mut(width);
            let (distances, squares) = rest.split_at_mut(width);
            let x = &x[range];
            elementwise::add_columns(Value, [x], [], width, [means]);
            let rows =
                |column: usize| T::from_f64(((x.len() + width - 1 - column) / width).max(1) as f64);
            let (all, fewer, whole) = (
                rows(0),
                rows(width - 1),
                if x.len().is_multiple_of(width) { width } else { x.len() % width },
            );
            let (head, tail) = means.split_at_mut(whole);
            head.iter_mut().for_each(|mean| *mean = *mean / all);
            tail.iter_mut().for_each(|mean| *mean = *mean / fewer);
            elementwise::add_columns(Distance, [x], [means], width, [distances, squares]);
        })?;
        with_scratch(2 * g.channels, |joined: &mut [f64]| {
            let (means, squares) = joined.split_at_mut(g.channels);
            let per_sample = partition.records() / g.samples * 3 * width;
            let statistics =
                mean.chunks_exact_mut(g.groups).zip(variance.chunks_exact_mut(g.groups));
            for (records, (mean, variance)) in records.chunks_exact(per_sample).zip(statistics) {
                join(&partition, records, means, squares);
                let groups = means
                    .chunks_exact(g.group_channels())
                    .zip(squares.chunks_exact(g.group_channels()));
                for ((mean, variance), (means, squares)) in
                    mean.iter_mut().zip(variance).zip(groups)
                {
                    let center = means.iter().sum::<f64>() / means.len() as f64;
                    let apart: f64 =
                        means.iter().map(|mean| (mean - center) * (mean - center)).sum();
                    let spread =
                        (squares.iter().sum::<f64>() + g.positions as f64 * apart) / g.group_len();
                    *mean = T::from_f64(center);
                    *variance = T::from_f64(if spread < 0.0 { 0.0 } else { spread });
                }
            }
        })
    })?
}

/// Combines the means and squared distances of the blocks into those of each whole column.
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
