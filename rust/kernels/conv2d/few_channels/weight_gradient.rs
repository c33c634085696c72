//! The gradients of the weights and of the bias from planes.
//!
//! The planes of the input, shifted by each tap, are multiplied with the planes of the output's
//! gradient. The output is cut into pieces of some rows, the pieces into shares; each share adds
//! its pieces, in order, into a partial gradient.

use std::ops::Range;

use super::planes::{Lanes, Planes};
use super::{Piece, group_of_images};
use crate::kernels::Element;
use crate::kernels::conv2d::partials::{part, sum_partials};
use crate::kernels::conv2d::sweeps::Sweeps;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{Scratch, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::conv2d::few_channels::{
    MAX_TAPS, Operand, WeightGradient, filters_at_once,
};
use crate::kernels::simd::{Kernel, MAX_LANES, Shuffle, Vector};

/// Most shares.
const SHARES: usize = 8;

/// Most registers of a piece, unless one row has more. Their products are summed before the sum is
/// added to the partial gradient: bounds the rounding error.
const PIECE_REGISTERS: usize = 256;

/// The gradient of the weights and, if given, of the bias; see
/// [`crate::kernels::conv2d::backward_weight`].
pub(super) fn run<T: Element>(
    g: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    (grad_weight, grad_bias): (&mut [T], Option<&mut [T]>),
) -> Result<()> {
    let sweeps = &Sweeps::forward(g);
    let pieces = pieces::<T>(g);
    let (len, columns, shares) = (g.weight_len(), g.out_channels, SHARES.min(pieces.len()).max(1));
    with_scratch((len + columns) * shares, |partials: &mut [T]| {
        let (weights, biases) = partials.split_at_mut(len * shares);
        let partials = weights.chunks_mut(len).zip(biases.chunks_mut(columns)).enumerate();
        parallel::try_for_each(partials, g.multiply_adds(), |(share, (weight, bias))| {
            let pieces = &pieces[part(pieces.len(), share, shares)];
            T::dispatch(Share {
                g,
                sweeps,
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

/// Cuts the rows of all output images into pieces of [`PIECE_REGISTERS`]: groups of images first,
/// then the other images one by one.
fn pieces<T: Element>(g: &Conv2dGeometry) -> Vec<Piece> {
    let rows = (g.width * g.in_channels, g.out_width * g.out_channels);
    let group = group_of_images::<T>(g.batch, rows, g.kernel_h);
    let done = group.map_or(0, |count| g.batch / count * count);
    let cut = |lanes: Lanes, image, registers: usize| {
        let rows = (PIECE_REGISTERS / registers).clamp(1, g.out_height);
        (0..g.out_height).step_by(rows).map(move |row| Piece {
            lanes,
            image,
            rows: row..g.out_height.min(row + rows),
        })
    };
    let together = group.into_iter().flat_map(|count| {
        (0..done)
            .step_by(count)
            .flat_map(move |image| cut(Lanes::Images(count), image, g.out_width))
    });
    let alone = (done..g.batch)
        .flat_map(|image| cut(Lanes::Pixels, image, g.out_width.div_ceil(MAX_LANES)));
    together.chain(alone).collect()
}

/// A share of the pieces, summed into one partial gradient.
struct Share<'a, T> {
    g: &'a Conv2dGeometry,
    sweeps: &'a Sweeps,
    grad_output: &'a [T],
    activation_output: Option<&'a [T]>,
    x: &'a [T],
    pieces: &'a [Piece],
    weight: &'a mut [T],
    bias: &'a mut [T],
}

impl<T: Element> Kernel<T> for Share<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Shuffle<T>>(mut self) -> Result<()> {
        let g = self.g;
        // One register of sums for each element of the gradient, in the order of `blocks`.
        let mut sums = Scratch::<T>::take(self.weight.len() * V::LANES)?;
        let mut pixels = Scratch::<T>::take(self.largest(|input, _| Planes::len::<T, V>(&input)))?;
        let mut gradients =
            Scratch::<T>::take(self.largest(|_, output| Planes::len::<T, V>(&output)))?;
        let masked_len = self.largest(|_, output| output.masked_len(g.out_width));
        let mut masked = Scratch::<T>::take(self.activation_output.map_or(0, |_| masked_len))?;
        dry_run::scratch_complete()?;
        sums.fill(T::ZERO);
        self.bias.fill(T::ZERO);
        for piece in self.pieces {
            let (input, output) = self.planes(piece);
            let x = &self.x[piece.image * g.height * g.width * g.in_channels..];
            input.fill::<T, V>(x, None, &mut [], (g.height, g.width), &mut pixels);
            let part = piece.image * g.out_height * g.out_width * g.out_channels..;
            output.fill::<T, V>(
                &self.grad_output[part.clone()],
                self.activation_output.map(|activation_output| &activation_output[part]),
                &mut masked,
                (g.out_height, g.out_width),
                &mut gradients,
            );
            self.add::<V>(piece.rows.len(), (&input, &pixels), (&output, &gradients), &mut sums);
        }
        self.reduce::<V>(&sums);
        Ok(())
    }
}

impl<T: Element> Share<'_, T> {
    /// The planes of the input and of the output's gradient for a piece.
    fn planes(&self, piece: &Piece) -> (Planes, Planes) {
        let (Piece { lanes, rows, .. }, g) = (piece, self.g);
        let (top, size) = (rows.start as isize, (rows.len(), g.out_width));
        (
            Planes::new(self.sweeps, *lanes, rows.start, rows.len()),
            Planes::of(*lanes, (top, 0), size, g.out_channels),
        )
    }

    /// The largest length of the planes of all pieces.
    fn largest(&self, len: impl Fn(Planes, Planes) -> usize) -> usize {
        let len = |piece| {
            let (input, output) = self.planes(piece);
            len(input, output)
        };
        self.pieces.iter().map(len).max().unwrap_or(0)
    }

    /// Adds the products of a piece of `rows` rows to `sums`, and the gradients to the bias.
    #[inline(always)]
    fn add<V: Vector<T>>(
        &mut self,
        rows: usize,
        (input, pixels): (&Planes, &[T]),
        (output, gradients): (&Planes, &[T]),
        sums: &mut [T],
    ) {
        let g = self.g;
        let size = (rows, output.registers::<T, V>(g.out_width));
        let gradient = |filter: usize| Operand {
            planes: &gradients[filter * output.plane..],
            row: output.row,
            register: output.register::<T, V>(),
        };
        for (filter, bias) in self.bias.iter_mut().enumerate() {
            *bias += gradient(filter).sum::<V>(size);
        }
        let gap = g.window.dilation.1 * input.column;
        let mut rest = sums;
        for Block { row, channel, taps, filters } in blocks(g, filters_at_once::<T, V>()) {
            let (sums, after) = rest.split_at_mut(taps.len() * filters.len() * V::LANES);
            rest = after;
            let first =
                channel * input.plane + row * g.window.dilation.0 * input.row + taps.start * gap;
            WeightGradient {
                x: Operand {
                    planes: &pixels[first..],
                    row: g.window.stride.0 * input.row,
                    register: input.register::<T, V>(),
                },
                gap,
                gradient: gradient(filters.start),
                plane: output.plane,
                size,
                count: (taps.len(), filters.len()),
                sums,
            }
            .add::<V>();
        }
    }

    /// Adds the lanes of each register of `sums`, and stores the result in the partial gradient.
    #[inline(always)]
    fn reduce<V: Vector<T>>(&mut self, sums: &[T]) {
        let g = self.g;
        let mut registers = sums.chunks_exact(V::LANES);
        for Block { row, channel, taps, filters } in blocks(g, filters_at_once::<T, V>()) {
            for tap in taps {
                let start = ((row * g.kernel_w + tap) * g.in_channels + channel) * g.out_channels;
                for filter in filters.clone() {
                    let register = registers.next().unwrap_or_default();
                    self.weight[start + filter] =
                        register.iter().fold(T::ZERO, |sum, &value| sum + value);
                }
            }
        }
    }
}

/// Elements of the gradient that are summed together: some taps of a filter row by some filters.
struct Block {
    row: usize,
    channel: usize,
    taps: Range<usize>,
    filters: Range<usize>,
}

/// The blocks of a gradient, `filters_at_once` filters at a time.
fn blocks(g: &Conv2dGeometry, filters_at_once: usize) -> impl Iterator<Item = Block> {
    let (depth, kernel_w, columns) = (g.in_channels, g.kernel_w, g.out_channels);
    (0..g.kernel_h * depth).flat_map(move |i| {
        (0..kernel_w).step_by(MAX_TAPS).flat_map(move |tap| {
            (0..columns).step_by(filters_at_once).map(move |filter| Block {
                row: i / depth,
                channel: i % depth,
                taps: tap..kernel_w.min(tap + MAX_TAPS),
                filters: filter..columns.min(filter + filters_at_once),
            })
        })
    })
}
