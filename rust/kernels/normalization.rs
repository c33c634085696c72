//! Batch normalisation: `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, per channel, over batch, rows and columns.
//!
//! In training the statistics are those of the batch, in prediction two numbers per channel, `scale` and `shift`. A ReLU behind it can
//! be fused into every pass. The last axis is the channel: `x` is seen as `[positions, channels]`.

use std::hint::select_unpredictable;

use super::Element;
use super::error::{Result, expect_len, shape_error};
use super::memory::with_scratch;
use super::parallel::{self, ELEMENT_COST};
use super::reduce::{Partition, add_rows, finish};
use super::simd::vectorized;

/// Elements of one item of work where nothing is summed: 64 KB of `f32`.
const CHUNK: usize = 16 * 1024;

fn channel_count<T>(x: &[T], name: &str, per_channel: &[T]) -> Result<usize> {
    let channels = per_channel.len();
    if channels == 0 || !x.len().is_multiple_of(channels) {
        return Err(shape_error!("{name}: its {channels} channels do not divide the {} elements of x", x.len()));
    }
    Ok(channels)
}

/// Writes `row` again and again.
fn repeat<T: Element>(row: &[T], wide: &mut [T]) {
    for copy in wide.chunks_exact_mut(row.len()) {
        copy.copy_from_slice(row);
    }
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta` with the batch's own statistics, then `max(0, y)` with `relu`.
///
/// The variance is biased (divided by the number of positions). It is summed block by block around each block's own mean, corrected for
/// the rounding of that mean, and the blocks are joined in double precision (Chan, Golub and LeVeque 1983): no cancellation, however far
/// the mean is from zero.
///
/// # Shapes
/// - `x`, `y`: `[positions, channels]`; `y` is overwritten.
/// - `gamma`, `beta`, `mean`, `variance`: `[channels]`; the last two are overwritten.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit, or without a single position; `Memory`, `Interrupted`.
pub fn batch_norm_forward<T: Element>(
    x: &[T],
    gamma: &[T],
    beta: &[T],
    y: &mut [T],
    mean: &mut [T],
    variance: &mut [T],
    epsilon: f64,
    relu: bool,
) -> Result<()> {
    let channels = channel_count(x, "gamma", gamma)?;
    for (name, len) in [("beta", beta.len()), ("mean", mean.len()), ("variance", variance.len())] {
        expect_len(name, len, channels)?;
    }
    expect_len("y", y.len(), x.len())?;
    if x.is_empty() {
        return Err(shape_error!("x: expected at least one position to take the mean over, got none"));
    }
    statistics(x, mean, variance)?;
    let width = Partition::new(1, x.len() / channels, channels).width();
    with_scratch(3 * width, |tables: &mut [T]| {
        let (means, rest) = tables.split_at_mut(width);
        let (scales, shifts) = rest.split_at_mut(width);
        repeat(mean, means);
        repeat(beta, shifts);
        for ((scale, gamma), variance) in scales.iter_mut().zip(gamma.iter().cycle()).zip(variance.iter().cycle()) {
            *scale = T::from_f64(gamma.to_f64() * inverse_deviation(*variance, epsilon));
        }
        let (means, scales, shifts) = (&*means, &*scales, &*shifts);
        elementwise(x, y, width, |x, y| {
            let items = y.iter_mut().zip(x).zip(means).zip(scales).zip(shifts);
            if relu {
                items.for_each(|((((y, &x), &mean), &scale), &shift)| *y = cut((x - mean) * scale + shift));
            } else {
                items.for_each(|((((y, &x), &mean), &scale), &shift)| *y = (x - mean) * scale + shift);
            }
        })
    })?
}

/// `1 / sqrt(variance + epsilon)`
fn inverse_deviation<T: Element>(variance: T, epsilon: f64) -> f64 {
    1.0 / (variance.to_f64() + epsilon).sqrt()
}

/// `max(0, value)`; NaN stays.
#[inline(always)]
fn cut<T: Element>(value: T) -> T {
    if value < T::ZERO { T::ZERO } else { value }
}

/// Calls `row` with every wide row of `x` and `y`, on all threads.
#[inline(always)]
fn elementwise<T: Element>(x: &[T], y: &mut [T], width: usize, row: impl Fn(&[T], &mut [T]) + Sync) -> Result<()> {
    let chunk = width * (CHUNK / width).max(1);
    parallel::for_each(y.chunks_mut(chunk).zip(x.chunks(chunk)), x.len() * ELEMENT_COST, |(y, x)| {
        vectorized!(|| {
            for (y, x) in y.chunks_mut(width).zip(x.chunks(width)) {
                row(x, y);
            }
        });
    })
}

/// Mean and biased variance of each column.
fn statistics<T: Element>(x: &[T], mean: &mut [T], variance: &mut [T]) -> Result<()> {
    let channels = mean.len();
    let partition = Partition::new(1, x.len() / channels, channels);
    let width = partition.width();
    // A record: the rounded mean of each column of the block, the sum of distances from it (what the rounding lost), and of their squares.
    with_scratch(partition.records() * 3 * width, |records: &mut [T]| {
        partition.for_each_block(records, 3 * width, |range, record| {
            let (means, rest) = record.split_at_mut(width);
            let (distances, squares) = rest.split_at_mut(width);
            let x = &x[range];
            let rows = |column: usize| T::from_f64(((x.len() + width - 1 - column) / width).max(1) as f64);
            let (all, fewer, whole) = (rows(0), rows(width - 1), if x.len().is_multiple_of(width) { width } else { x.len() % width });
            vectorized!(|| {
                means.fill(T::ZERO);
                distances.fill(T::ZERO);
                squares.fill(T::ZERO);
                add_rows(x, means);
                let (head, tail) = means.split_at_mut(whole);
                head.iter_mut().for_each(|mean| *mean = *mean / all);
                tail.iter_mut().for_each(|mean| *mean = *mean / fewer);
                for row in x.chunks(width) {
                    add_squares(row, means, distances, squares);
                }
            });
        })?;
        with_scratch(2 * channels, |joined: &mut [f64]| {
            let (means, squares) = joined.split_at_mut(channels);
            join(&partition, records, means, squares);
            for ((mean, variance), (&m, &s)) in mean.iter_mut().zip(variance).zip(means.iter().zip(&*squares)) {
                *mean = T::from_f64(m);
                *variance = T::from_f64(cut(s) / (x.len() / channels) as f64);
            }
        })
    })?
}

/// `distances += x - mean`, `squares += (x - mean)²` for one wide row.
#[inline(always)]
fn add_squares<T: Element>(x: &[T], means: &[T], distances: &mut [T], squares: &mut [T]) {
    for (((distance, square), &x), &mean) in distances.iter_mut().zip(squares).zip(x).zip(means) {
        let from_mean = x - mean;
        *distance += from_mean;
        *square += from_mean * from_mean;
    }
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

/// `y = x scale + shift`, then `max(0, y)` with `relu`: batch normalisation with fixed statistics.
///
/// # Shapes
/// - `x`, `y`: `[positions, channels]`; `y` is overwritten.
/// - `scale`, `shift`: `[channels]`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn scale_shift_forward<T: Element>(x: &[T], scale: &[T], shift: &[T], y: &mut [T], relu: bool) -> Result<()> {
    let channels = channel_count(x, "scale", scale)?;
    expect_len("shift", shift.len(), channels)?;
    expect_len("y", y.len(), x.len())?;
    let width = Partition::new(1, x.len() / channels, channels).width();
    with_scratch(2 * width, |tables: &mut [T]| {
        let (scales, shifts) = tables.split_at_mut(width);
        repeat(scale, scales);
        repeat(shift, shifts);
        let (scales, shifts) = (&*scales, &*shifts);
        elementwise(x, y, width, |x, y| {
            let items = y.iter_mut().zip(x).zip(scales).zip(shifts);
            if relu {
                items.for_each(|(((y, &x), &scale), &shift)| *y = cut(x * scale + shift));
            } else {
                items.for_each(|(((y, &x), &scale), &shift)| *y = x * scale + shift);
            }
        })
    })?
}

/// The gradient of [`scale_shift_forward`]: `grad_x (+)= scale g`, with `g = grad_output`, zero where a fused ReLU's output is not positive.
///
/// # Shapes
/// - `grad_output`, `relu_output`, `grad_x`: `[positions, channels]`; `grad_x` is overwritten, or accumulated with `accumulate`.
/// - `scale`: `[channels]`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn scale_shift_backward<T: Element>(
    grad_output: &[T],
    scale: &[T],
    relu_output: Option<&[T]>,
    accumulate: bool,
    grad_x: &mut [T],
) -> Result<()> {
    let channels = channel_count(grad_output, "scale", scale)?;
    let gate = relu_output.unwrap_or(grad_output);
    for (name, len) in [("grad_x", grad_x.len()), ("relu_output", gate.len())] {
        expect_len(name, len, grad_output.len())?;
    }
    let width = Partition::new(1, grad_output.len() / channels, channels).width();
    with_scratch(width, |scales: &mut [T]| {
        repeat(scale, scales);
        let (scales, chunk) = (&*scales, width * (CHUNK / width).max(1));
        let items = grad_x.chunks_mut(chunk).zip(grad_output.chunks(chunk)).zip(gate.chunks(chunk));
        parallel::for_each(items, grad_output.len() * ELEMENT_COST, |((grad_x, grad), gate)| {
            vectorized!(|| {
                for ((grad_x, grad), gate) in grad_x.chunks_mut(width).zip(grad.chunks(width)).zip(gate.chunks(width)) {
                    for (((out, &grad), &gate), &scale) in grad_x.iter_mut().zip(grad).zip(gate).zip(scales) {
                        let open = relu_output.is_none() | (gate > T::ZERO);
                        let value = select_unpredictable(open, grad * scale, T::ZERO);
                        *out = if accumulate { *out + value } else { value };
                    }
                }
            });
        })
    })?
}

/// The gradients of [`batch_norm_forward`]: with `g = grad_output`, zero where a fused ReLU's output is not positive, and
/// `x̂ = (x - mean) / sqrt(variance + epsilon)`, over `n` positions: `grad_beta (+)= Σ g`, `grad_gamma (+)= Σ g x̂`,
/// `grad_x (+)= gamma / sqrt(variance + epsilon) (g - Σ g / n - x̂ Σ g x̂ / n)`.
///
/// # Shapes
/// - `grad_output`, `x`, `grad_x`, `relu_output`: `[positions, channels]`; without `grad_x` that gradient is not computed.
/// - `mean`, `variance`, `gamma`, `grad_gamma`, `grad_beta`: `[channels]`.
/// - `grad_x` is overwritten, or accumulated with `accumulate`; `grad_gamma` and `grad_beta` likewise with `accumulate_parameters`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn batch_norm_backward<T: Element>(
    grad_output: &[T],
    x: &[T],
    mean: &[T],
    variance: &[T],
    gamma: &[T],
    epsilon: f64,
    relu_output: Option<&[T]>,
    grad_x: Option<&mut [T]>,
    grad_gamma: &mut [T],
    grad_beta: &mut [T],
    accumulate: bool,
    accumulate_parameters: bool,
) -> Result<()> {
    let channels = channel_count(x, "gamma", gamma)?;
    let lengths = [("mean", mean.len()), ("variance", variance.len()), ("grad_gamma", grad_gamma.len()), ("grad_beta", grad_beta.len())];
    for (name, len) in lengths {
        expect_len(name, len, channels)?;
    }
    let gate = relu_output.unwrap_or(grad_output);
    for (name, len) in [("grad_output", grad_output.len()), ("relu_output", gate.len())] {
        expect_len(name, len, x.len())?;
    }
    if let Some(grad_x) = &grad_x {
        expect_len("grad_x", grad_x.len(), x.len())?;
    }
    let partition = Partition::new(1, x.len() / channels, channels);
    let (width, positions) = (partition.width(), (x.len() / channels) as f64);
    with_scratch(4 * width, |tables: &mut [T]| {
        let (means, coefficients) = tables.split_at_mut(width);
        repeat(mean, means);
        with_scratch(partition.records() * 2 * width, |records: &mut [T]| {
            partition.for_each_block(records, 2 * width, |range, record| {
                let (sums, products) = record.split_at_mut(width);
                let (grad, x, gate) = (&grad_output[range.clone()], &x[range.clone()], &gate[range]);
                vectorized!(|| {
                    sums.fill(T::ZERO);
                    products.fill(T::ZERO);
                    for ((grad, x), gate) in grad.chunks(width).zip(x.chunks(width)).zip(gate.chunks(width)) {
                        if relu_output.is_some() {
                            add_products::<T, true>(grad, x, gate, means, sums, products);
                        } else {
                            add_products::<T, false>(grad, x, gate, means, sums, products);
                        }
                    }
                });
            })?;
            with_scratch(2 * channels, |totals: &mut [f64]| {
                let (sums, products) = totals.split_at_mut(channels);
                partition.total(0, records, 2 * width, 0, sums);
                partition.total(0, records, 2 * width, width, products);
                for (c, product) in products.iter_mut().enumerate() {
                    let inverse = inverse_deviation(variance[c], epsilon);
                    let factor = gamma[c].to_f64() * inverse;
                    *product *= inverse; // now Σ g x̂
                    let slope = -factor / positions * *product * inverse;
                    for (i, value) in [factor, slope, -factor / positions * sums[c]].into_iter().enumerate() {
                        coefficients[i * width + c] = T::from_f64(value);
                    }
                }
                finish(sums, grad_beta, accumulate_parameters);
                finish(products, grad_gamma, accumulate_parameters);
            })
        })??;
        let Some(grad_x) = grad_x else { return Ok(()) };
        for table in coefficients.chunks_exact_mut(width) {
            let (row, copies) = table.split_at_mut(channels);
            repeat(row, copies);
        }
        apply(&Tables::new(means, coefficients), grad_output, x, relu_output, accumulate, grad_x)
    })?
}

/// `grad_x (+)= factor g + slope (x - mean) + offset`
fn apply<T: Element>(
    tables: &Tables<'_, T>,
    grad_output: &[T],
    x: &[T],
    relu_output: Option<&[T]>,
    accumulate: bool,
    grad_x: &mut [T],
) -> Result<()> {
    let width = tables.factor.len();
    let gate = relu_output.unwrap_or(grad_output);
    let chunk = width * (CHUNK / width).max(1);
    let items = grad_x.chunks_mut(chunk).zip(grad_output.chunks(chunk)).zip(x.chunks(chunk).zip(gate.chunks(chunk)));
    parallel::for_each(items, grad_output.len() * ELEMENT_COST, |((grad_x, grad), (x, gate))| {
        vectorized!(|| {
            let rows = grad_x.chunks_mut(width).zip(grad.chunks(width)).zip(x.chunks(width).zip(gate.chunks(width)));
            rows.for_each(|((grad_x, grad), (x, gate))| match (relu_output.is_some(), accumulate) {
                (false, false) => tables.backward_row::<false, false>(grad_x, grad, x, gate),
                (false, true) => tables.backward_row::<false, true>(grad_x, grad, x, gate),
                (true, false) => tables.backward_row::<true, false>(grad_x, grad, x, gate),
                (true, true) => tables.backward_row::<true, true>(grad_x, grad, x, gate),
            });
        });
    })
}

/// `g`, or zero where a fused ReLU was cut.
#[inline(always)]
fn gated<T: Element, const GATED: bool>(grad: T, gate: T) -> T {
    if GATED { select_unpredictable(gate > T::ZERO, grad, T::ZERO) } else { grad }
}

/// `sums += g`, `products += g (x - mean)` for one wide row.
#[inline(always)]
fn add_products<T: Element, const GATED: bool>(grad: &[T], x: &[T], gate: &[T], means: &[T], sums: &mut [T], products: &mut [T]) {
    let items = sums.iter_mut().zip(products).zip(grad).zip(x).zip(gate).zip(means);
    items.for_each(|(((((sum, product), &grad), &x), &gate), &mean)| {
        let grad = gated::<T, GATED>(grad, gate);
        *sum += grad;
        *product += grad * (x - mean);
    });
}

/// `grad_x = factor g + slope (x - mean) + offset`, one wide row of each.
struct Tables<'a, T> {
    mean: &'a [T],
    factor: &'a [T],
    slope: &'a [T],
    offset: &'a [T],
}

impl<'a, T: Element> Tables<'a, T> {
    fn new(mean: &'a [T], coefficients: &'a [T]) -> Self {
        let (factor, rest) = coefficients.split_at(mean.len());
        let (slope, offset) = rest.split_at(mean.len());
        Self { mean, factor, slope, offset }
    }

    #[inline(always)]
    fn backward_row<const GATED: bool, const ACCUMULATE: bool>(&self, grad_x: &mut [T], grad: &[T], x: &[T], gate: &[T]) {
        let tables = self.mean.iter().zip(self.factor).zip(self.slope).zip(self.offset);
        let items = grad_x.iter_mut().zip(grad).zip(x).zip(gate).zip(tables);
        items.for_each(|((((out, &grad), &x), &gate), (((&mean, &factor), &slope), &offset))| {
            let grad = gated::<T, GATED>(grad, gate);
            let value = grad * factor + ((x - mean) * slope + offset);
            *out = if ACCUMULATE { *out + value } else { value };
        });
    }
}

#[cfg(test)]
mod tests;
