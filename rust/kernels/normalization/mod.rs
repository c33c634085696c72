//! Normalisation: activations brought to mean 0 and variance 1, then scaled and shifted. The last
//! axis is the channel.
//!
//! - [`groups`]: batch, group and instance normalisation, whose statistics go over positions; a
//!   following ReLU can be fused in.
//! - [`layer`]: layer normalisation, each row by itself.
//! - [`local_response`]: each value divided by a power of the squares of its neighbours across
//!   channels.
//! - Here: a fixed scale and shift per channel, which is batch normalisation in prediction.

use super::Element;
use super::error::{Result, expect_len, shape_error};
use super::memory::with_scratch;
use super::parallel::{self, ELEMENT_COST};
use super::reduce::Partition;
use super::simd::Vector;
use super::simd::elementwise::{self, Map};
use crate::kernels::tuning::ITEM_LEN;

pub mod groups;
pub mod layer;
pub mod local_response;

/// `1 / sqrt(variance + epsilon)`
fn inverse_deviation<T: Element>(variance: T, epsilon: f64) -> f64 {
    1.0 / (variance.to_f64() + epsilon).sqrt()
}

/// Writes `row` again and again.
fn repeat<T: Element>(row: &[T], wide: &mut [T]) {
    for copy in wide.chunks_exact_mut(row.len().max(1)) {
        copy.copy_from_slice(row);
    }
}

fn channel_count<T>(x: &[T], per_channel: &[T]) -> Result<usize> {
    let channels = per_channel.len();
    if channels == 0 || !x.len().is_multiple_of(channels) {
        return Err(shape_error!(
            "scale: its {channels} channels do not divide the {} elements of x",
            x.len()
        ));
    }
    Ok(channels)
}

/// Calls `f` with the place of each piece of `out` and the piece, on all threads.
fn for_each_piece<T: Element>(
    width: usize,
    out: &mut [T],
    f: impl Fn(usize, &mut [T]) + Sync,
) -> Result<()> {
    let (chunk, cost) = (width * (ITEM_LEN / width).max(1), out.len() * ELEMENT_COST);
    parallel::for_each(out.chunks_mut(chunk).enumerate(), cost, |(i, out)| f(i * chunk, out))
}

/// `y = x scale + shift`, then `max(0, y)` with `relu`; without `x` it is what `y` holds.
///
/// # Shapes
/// - `x`, `y`: `[positions, channels]`; `y` is overwritten.
/// - `scale`, `shift`: `[channels]`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn scale_shift_forward<T: Element>(
    x: Option<&[T]>,
    scale: &[T],
    shift: &[T],
    y: &mut [T],
    relu: bool,
) -> Result<()> {
    let channels = channel_count(y, scale)?;
    expect_len("shift", shift.len(), channels)?;
    if let Some(x) = x {
        expect_len("y", y.len(), x.len())?;
    }
    let width = Partition::new(1, y.len() / channels, channels).width();
    with_scratch(2 * width, |tables: &mut [T]| {
        let (scales, shifts) = tables.split_at_mut(width);
        repeat(scale, scales);
        repeat(shift, shifts);
        let (tables, stream) =
            ([&*scales, &*shifts], x.is_some() && elementwise::streams::<T>(y.len()));
        for_each_piece(width, y, |start, y| {
            let inputs = [x.map(|x| &x[start..start + y.len()])];
            if relu {
                elementwise::map(ScaleShift::<true>, inputs, tables, width, stream, y);
            } else {
                elementwise::map(ScaleShift::<false>, inputs, tables, width, stream, y);
            }
        })
    })?
}

#[derive(Clone, Copy)]
struct ScaleShift<const RELU: bool>;
impl<T: Element, const RELU: bool> Map<T, 1, 2> for ScaleShift<RELU> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [x]: [V; 1], [scale, shift]: [V; 2]) -> V {
        let y = x.mul_add(scale, shift);
        if RELU { y.relu() } else { y }
    }
}

/// The gradient of [`scale_shift_forward`]: `grad_input (+)= scale g`, with `g = grad_output`, zero
/// where a fused ReLU's output is not positive. Without `grad_output` it is what `grad_input`
/// holds.
///
/// # Shapes
/// - `grad_output`, `relu_output`, `grad_input`: `[positions, channels]`; `grad_input` is
///   overwritten, or accumulated with `accumulate`.
/// - `scale`: `[channels]`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn scale_shift_backward<T: Element>(
    grad_output: Option<&[T]>,
    scale: &[T],
    relu_output: Option<&[T]>,
    accumulate: bool,
    grad_input: &mut [T],
) -> Result<()> {
    let channels = channel_count(grad_input, scale)?;
    for (name, array) in [("grad_output", grad_output), ("relu_output", relu_output)] {
        if let Some(array) = array {
            expect_len(name, array.len(), grad_input.len())?;
        }
    }
    let width = Partition::new(1, grad_input.len() / channels, channels).width();
    with_scratch(width, |scales: &mut [T]| {
        repeat(scale, scales);
        let (tables, stream) = (
            [&*scales],
            grad_output.is_some() && !accumulate && elementwise::streams::<T>(grad_input.len()),
        );
        for_each_piece(width, grad_input, |start, out| {
            let [grad, activation_output] = [grad_output, relu_output]
                .map(|array| array.map(|array| &array[start..start + out.len()]));
            match (relu_output.is_some(), accumulate) {
                (false, false) => {
                    elementwise::map(Scale::<false>, [grad], tables, width, stream, out)
                }
                (false, true) => {
                    elementwise::map(Scale::<true>, [grad, None], tables, width, false, out)
                }
                (true, false) => elementwise::map(
                    GatedScale::<false>,
                    [grad, activation_output],
                    tables,
                    width,
                    stream,
                    out,
                ),
                (true, true) => elementwise::map(
                    GatedScale::<true>,
                    [grad, activation_output, None],
                    tables,
                    width,
                    false,
                    out,
                ),
            }
        })
    })?
}

/// `scale g`, added to a last input if there is one.
#[derive(Clone, Copy)]
struct Scale<const ADD: bool>;
impl<T: Element> Map<T, 1, 1> for Scale<false> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad]: [V; 1], [scale]: [V; 1]) -> V {
        grad.mul(scale)
    }
}
impl<T: Element> Map<T, 2, 1> for Scale<true> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, held]: [V; 2], [scale]: [V; 1]) -> V {
        held.add(grad.mul(scale))
    }
}

/// As [`Scale`], and zero where the output of the activation is not positive.
#[derive(Clone, Copy)]
struct GatedScale<const ADD: bool>;
impl<T: Element> Map<T, 2, 1> for GatedScale<false> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, activation_output]: [V; 2], [scale]: [V; 1]) -> V {
        grad.mul(scale).where_positive(activation_output)
    }
}
impl<T: Element> Map<T, 3, 1> for GatedScale<true> {
    #[inline(always)]
    fn map<V: Vector<T>>(self, [grad, activation_output, held]: [V; 3], [scale]: [V; 1]) -> V {
        held.add(grad.mul(scale).where_positive(activation_output))
    }
}

#[cfg(test)]
mod tests;
