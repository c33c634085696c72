//! The gradient of the weights from planes.

use super::planes::{Lanes, MAX_LANES, Planes};
use super::{Piece, images_at_once};
use crate::kernels::Element;
use crate::kernels::conv2d::correlation::Correlation;
use crate::kernels::conv2d::direct_weight::sum_partials;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{Scratch, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::few_channels::{
    MAX_TAPS, Operand, WeightGradient, filters_at_once,
};
use crate::kernels::simd::{Kernel, Vector};

/// Shares of a gradient of the weights, at most.
const SHARES: usize = 8;

/// Registers of one band whose products are summed before they join the rest, at most, or one row
/// of them: bounds the rounding error.
const BAND_REGISTERS: usize = 256;

/// The gradient of the weights: the products of the input's planes, shifted by each tap, with those
/// of the output's gradient; and that of the bias, which are at hand then.
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    (grad_weight, grad_bias): (&mut [T], Option<&mut [T]>),
) -> Result<()> {
    let plan = Correlation::forward(g);
    let pieces = pieces::<T>(g);
    let (len, columns, shares) = (g.weight_len(), g.out_channels, SHARES.min(pieces.len()).max(1));
    with_scratch((len + columns) * shares, |partials: &mut [T]| {
        let (weights, biases) = partials.split_at_mut(len * shares);
        let partials = weights.chunks_mut(len).zip(biases.chunks_mut(columns)).enumerate();
        parallel::try_for_each(partials, g.multiply_adds(), |(share, (weight, bias))| {
            let pieces =
                &pieces[share * pieces.len() / shares..(share + 1) * pieces.len() / shares];
            T::dispatch(Share {
                g,
                plan: &plan,
                grad_output,
                activation_output,
                x,
                pieces,
                weight,
                bias,
            })
        })?;
        sum_partials(weights, len, accumulate, grad_weight)?;
        grad_bias.map_or(Ok(()), |grad_bias| sum_partials(biases, columns, accumulate, grad_bias))
    })?
}

/// Cuts the rows of all output images, as many registers at a time as are summed before they join
/// the rest.
fn pieces<T: Element>(g: &Conv2dGeometry) -> Vec<Piece> {
    let images = images_at_once::<T>(
        g.batch,
        (g.width * g.in_channels, g.out_width * g.out_channels),
        g.kernel_h,
    );
    let done = images.map_or(0, |count| g.batch / count * count);
    let cut = |lanes: Lanes, image, registers: usize| {
        let rows = (BAND_REGISTERS / registers).clamp(1, g.out_height);
        (0..g.out_height).step_by(rows).map(move |row| Piece {
            lanes,
            image,
            rows: row..g.out_height.min(row + rows),
        })
    };
    let together = images.into_iter().flat_map(|count| {
        (0..done)
            .step_by(count)
            .flat_map(move |image| cut(Lanes::Images(count), image, g.out_width))
    });
    let alone = (done..g.batch)
        .flat_map(|image| cut(Lanes::Pixels, image, g.out_width.div_ceil(MAX_LANES)));
    together.chain(alone).collect()
}

/// Some pieces, summed into one partial gradient.
struct Share<'a, T> {
    g: &'a Conv2dGeometry,
    plan: &'a Correlation,
    grad_output: &'a [T],
    activation_output: Option<&'a [T]>,
    x: &'a [T],
    pieces: &'a [Piece],
    weight: &'a mut [T],
    bias: &'a mut [T],
}

impl<T: Element> Share<'_, T> {
    /// What a piece sees of the input and of the output's gradient.
    fn planes(&self, piece: &Piece) -> (Planes, Planes) {
        let (Piece { lanes, rows, .. }, g) = (piece, self.g);
        let lanes = *lanes;
        let outputs =
            Planes::of(lanes, (rows.start as isize, 0), (rows.len(), g.out_width), g.out_channels);
        (Planes::new(self.plan, lanes, rows.start, rows.len()), outputs)
    }
}

impl<T: Element> Kernel<T> for Share<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let most = |len: &dyn Fn((Planes, Planes)) -> usize| {
            self.pieces.iter().map(|piece| len(self.planes(piece))).max().unwrap_or(0)
        };
        let (pixels_len, gradients_len) = (
            most(&|(planes, _)| planes.len::<T, V>()),
            most(&|(_, outputs)| outputs.len::<T, V>()),
        );
        let gated_len = most(&|(_, outputs)| outputs.gated_len(self.g.out_width));
        let (g, activation_output) = (self.g, self.activation_output);
        let (depth, columns, kernel_w) = (g.in_channels, g.out_channels, g.kernel_w);
        let at_once = filters_at_once::<T, V>();
        // A register of sums for each element of the gradient, in the order in which they are made.
        let mut sums = Scratch::<T>::take(self.weight.len() * V::LANES)?;
        let mut pixels = Scratch::<T>::take(pixels_len)?;
        let mut gradients = Scratch::<T>::take(gradients_len)?;
        let mut gated =
            Scratch::<T>::take(if activation_output.is_some() { gated_len } else { 0 })?;
        dry_run::scratch_complete()?;
        sums.fill(T::ZERO);
        self.bias.fill(T::ZERO);
        for piece in self.pieces {
            let (planes, outputs) = self.planes(piece);
            let x = &self.x[piece.image * g.height * g.width * depth..];
            planes.fill::<T, V>(x, None, &mut [], (g.height, g.width), &mut pixels);
            let part = piece.image * g.out_height * g.out_width * columns..;
            let (grad_output, activation_output) = (
                &self.grad_output[part.clone()],
                activation_output.map(|activation_output| &activation_output[part]),
            );
            outputs.fill::<T, V>(
                grad_output,
                activation_output,
                &mut gated,
                (g.out_height, g.out_width),
                &mut gradients,
            );
            let size = (piece.rows.len(), outputs.registers::<T, V>(g.out_width));
            let gradient = |filter: usize| {
                let planes = &gradients[filter * outputs.plane..];
                Operand { planes, row: outputs.row, register: outputs.register::<T, V>() }
            };
            for (filter, bias) in self.bias.iter_mut().enumerate() {
                *bias += gradient(filter).sum::<V>(size);
            }
            let mut rest = &mut *sums;
            for (row, channel) in
                (0..g.kernel_h).flat_map(|row| (0..depth).map(move |channel| (row, channel)))
            {
                for tap in (0..kernel_w).step_by(MAX_TAPS) {
                    for filter in (0..columns).step_by(at_once) {
                        let count_of =
                            (MAX_TAPS.min(kernel_w - tap), at_once.min(columns - filter));
                        let (here, after) = rest.split_at_mut(count_of.0 * count_of.1 * V::LANES);
                        rest = after;
                        let gap = g.window.dilation.1 * planes.column;
                        let first = channel * planes.plane
                            + row * g.window.dilation.0 * planes.row
                            + tap * gap;
                        WeightGradient {
                            x: Operand {
                                planes: &pixels[first..],
                                row: g.window.stride.0 * planes.row,
                                register: planes.register::<T, V>(),
                            },
                            gap,
                            gradient: gradient(filter),
                            plane: outputs.plane,
                            size,
                            count: count_of,
                            sums: here,
                        }
                        .add::<V>();
                    }
                }
            }
        }
        let mut registers = sums.chunks_exact(V::LANES);
        for (row, channel) in
            (0..g.kernel_h).flat_map(|row| (0..depth).map(move |channel| (row, channel)))
        {
            for tap in (0..kernel_w).step_by(MAX_TAPS) {
                for filter in (0..columns).step_by(at_once) {
                    for tap in tap..kernel_w.min(tap + MAX_TAPS) {
                        for filter in filter..columns.min(filter + at_once) {
                            let register = registers.next().unwrap_or_default();
                            let at = ((row * kernel_w + tap) * depth + channel) * columns + filter;
                            self.weight[at] =
                                register.iter().fold(T::ZERO, |sum, &value| sum + value);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
