//! The way back: sums over each group, then the map.

use super::{Groups, fill_tables, thirds};
use crate::kernels::Element;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::memory::with_scratch;
use crate::kernels::normalization::{inverse_deviation, repeat};
use crate::kernels::reduce::finish;
use crate::kernels::simd::Vector;
use crate::kernels::simd::elementwise::{self, Map, Terms};

/// Where the gradient of the output is, and where the gradient of the input is written.
pub enum Gradient<'a, T> {
    /// To a separate array, which is overwritten, or accumulated into with `accumulate`.
    Onward {
        /// The gradient of the output.
        grad_output: &'a [T],
        /// The gradient of the input.
        grad_input: &'a mut [T],
        /// Whether to add to it.
        accumulate: bool,
    },
    /// In place of the gradient of the output.
    InPlace(&'a mut [T]),
    /// Nowhere: only the gradients of the parameters are wanted.
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

/// The gradients of the forward pass: with `g = grad_output`, zero where a ReLU cut, `x̂ = (x - mean) /
/// sqrt(variance + epsilon)`, and means over the group: `grad_beta (+)= Σ g`, `grad_gamma (+)= Σ g
/// x̂`, and `grad_input (+)= (gamma g - mean(gamma g) - x̂ mean(gamma g x̂)) / sqrt(variance +
/// epsilon)`.
///
/// # Shapes
/// - the arrays in `gradient`, `x`: `[samples, positions, channels]`.
/// - `mean`, `variance`: `[samples, groups]`.
/// - `gamma`, `beta`, `grad_gamma`, `grad_beta`: `[channels]`; the last two are overwritten, or
///   accumulated with `accumulate_parameters`.
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
    let parameters = [
        ("gamma", gamma),
        ("beta", beta),
        ("grad_gamma", &*grad_gamma),
        ("grad_beta", &*grad_beta),
    ];
    g.check(&parameters, &[("mean", mean), ("variance", variance)])?;
    expect_len("x", x.len(), g.samples * g.sample_len())?;
    expect_len("grad_output", gradient.output().len(), x.len())?;
    if let Gradient::Onward { grad_input, .. } = &gradient {
        expect_len("grad_input", grad_input.len(), x.len())?;
    }
    let width = g.partition().width();
    with_scratch(g.samples * 5 * width, |tables: &mut [T]| {
        let (tables, slopes) = tables.split_at_mut(g.samples * 3 * width);
        fill_tables(g, mean, variance, gamma, beta, epsilon, tables);
        with_scratch(2 * g.channels, |totals: &mut [f64]| {
            let (gammas, betas) = totals.split_at_mut(g.channels);
            sums(
                g,
                gradient.output(),
                x,
                tables,
                variance,
                gamma,
                epsilon,
                relu,
                (gammas, betas),
                slopes,
            )?;
            finish(gammas, grad_gamma, accumulate_parameters);
            finish(betas, grad_beta, accumulate_parameters);
            Ok(())
        })??;
        let (grad, grad_input, accumulate) = match gradient {
            Gradient::Onward { grad_output, grad_input, accumulate } => {
                (Some(grad_output), grad_input, accumulate)
            }
            Gradient::InPlace(grad) => (None, grad, false),
            Gradient::Stop(_) => return Ok(()),
        };
        let (tables, slopes, stream) = (
            &*tables,
            &*slopes,
            grad.is_some() && !accumulate && elementwise::streams::<T>(x.len()),
        );
        g.for_each_piece(width, grad_input, |sample, start, out| {
            let [mean, factor, beta] = thirds(&tables[sample * 3 * width..][..3 * width]);
            let (slope, offset) = slopes[sample * 2 * width..][..2 * width].split_at(width);
            let range = start..start + out.len();
            let (grad, x) = (grad.map(|grad| &grad[range.clone()]), Some(&x[range]));
            let (plain, gated) =
                ([mean, factor, slope, offset], [mean, factor, slope, offset, beta]);
            match (relu, accumulate) {
                (false, false) => {
                    elementwise::map(Backward::<false>, [grad, x], plain, width, stream, out)
                }
                (false, true) => {
                    elementwise::map(Backward::<false>, [grad, x, None], plain, width, false, out)
                }
                (true, false) => {
                    elementwise::map(Backward::<true>, [grad, x], gated, width, stream, out)
                }
                (true, true) => {
                    elementwise::map(Backward::<true>, [grad, x, None], gated, width, false, out)
                }
            }
        })
    })?
}

/// The sums of a backward pass: `gammas` and `betas` over all samples, and for each sample two wide
/// rows in `slopes`: what `x - mean` is multiplied by in its gradient, and what is added.
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
            let [mean, factor, beta] =
                thirds(&tables[range.start / g.sample_len() * 3 * width..][..3 * width]);
            let (inputs, sums) = ([&grad[range.clone()], &x[range]], [sums, products]);
            if relu {
                elementwise::add_columns(Products, inputs, [mean, factor, beta], width, sums);
            } else {
                elementwise::add_columns(Products, inputs, [mean], width, sums);
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

/// The terms of `Σ g` and `Σ g (x - mean)`; with the tables of [`Normalize`], `g` is zero where its
/// ReLU cut.
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

/// `factor g + slope (x - mean) + offset`, added to a third input if there is one; with `beta`, `g`
/// is zero where the ReLU cut.
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
    fn map<V: Vector<T>>(
        self,
        [grad, x]: [V; 2],
        [mean, factor, slope, offset, beta]: [V; 5],
    ) -> V {
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
