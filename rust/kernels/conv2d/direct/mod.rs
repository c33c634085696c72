//! Direct convolution as an implicit matrix product; supports every geometry.
//!
//! The filters of a sweep are packed into panels as wide as two registers. [`bands`] multiplies
//! them with the rows of the image in place, without unrolling the image into a matrix (im2col).
//! [`weight_gradient`] computes the gradient of the weights in the same manner.
//!
//! With few filters, groups of images are computed by [`few_channels`], with the same bits.

mod bands;
mod weight_gradient;

use super::few_channels::{self, Borders};
use super::method::{Filters, MaxPooled, Method, Pass};
use super::sweeps::{Sweep, Sweeps};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{AlignedBuffer, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, lanes, panel_width, register_block};
use crate::kernels::simd::matmul::pack::{pack_rows, pack_transposed};
use crate::kernels::simd::{Kernel, Shuffle};
use crate::kernels::tuning::SUM_STEPS;

/// Implicit matrix product over bands of rows.
pub struct Direct;

impl<T: Element> Method<T> for Direct {
    fn name(&self) -> &'static str {
        "direct"
    }

    fn supports(&self, _pass: Pass, _g: &Conv2dGeometry) -> bool {
        true
    }

    fn pays(&self, _pass: Pass, _g: &Conv2dGeometry) -> bool {
        true
    }

    fn prepare(&self, g: &Conv2dGeometry, weight: &[T]) -> Result<AlignedBuffer<T>> {
        let sweeps = Sweeps::forward(g);
        let mut packed = AlignedBuffer::zeroed(packed_len::<T>(&sweeps))?;
        pack(&sweeps, weight, &mut packed)?;
        Ok(packed)
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        match filters {
            Filters::Plain(weight) => forward_plain(g, x, weight, epilogue, y),
            Filters::Prepared(packed) => {
                bands::run(&Sweeps::forward(g), x, None, packed, y, epilogue)
            }
        }
    }

    fn max_pooled(&self) -> Option<&dyn MaxPooled<T>> {
        Some(self)
    }

    fn backward_input(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        accumulate: bool,
        grad_input: &mut [T],
    ) -> Result<()> {
        let epilogue = Epilogue { accumulate, ..Epilogue::OVERWRITE };
        let sweeps = Sweeps::backward_input(g);
        pack_and_run(&sweeps, grad_output, activation_output, weight, grad_input, &epilogue)
    }

    fn backward_weight(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        grad_weight: &mut [T],
    ) -> Result<()> {
        weight_gradient::run(g, grad_output, activation_output, x, accumulate, grad_weight)
    }
}

impl<T: Element> MaxPooled<T> for Direct {
    fn images(&self, g: &Conv2dGeometry, prepared: bool) -> usize {
        if prepared { 0 } else { images_of_few_channels::<T>(g, true) }
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        few_channels::run_pooled(g, Borders::Zeros, x, filters.unpacked(), y, epilogue)
    }
}

/// Number of images, from the first on, that [`few_channels`] computes faster. They have the same
/// bits: a sum of one chunk is added in the same order there.
fn images_of_few_channels<T: Element>(g: &Conv2dGeometry, pooled: bool) -> usize {
    let one_chunk = g.kernel_h * g.kernel_w * g.in_channels <= SUM_STEPS;
    let few_filters = g.out_channels <= lanes::<T>();
    if few_filters && one_chunk && few_channels::supports(Pass::Forward, g) {
        few_channels::images_together::<T>(g, pooled)
    } else {
        0
    }
}

/// The forward pass with filters that are not packed: [`images_of_few_channels`] first, then the
/// other images.
fn forward_plain<T: Element>(
    g: &Conv2dGeometry,
    x: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    y: &mut [T],
) -> Result<()> {
    let count = images_of_few_channels::<T>(g, false);
    let first = Conv2dGeometry { batch: count, ..*g };
    let rest = Conv2dGeometry { batch: g.batch - count, ..*g };
    let (y, y_rest) = y.split_at_mut(first.output_len());
    if count > 0 {
        let sweeps = Sweeps::forward(&first);
        few_channels::run(&sweeps, Borders::Zeros, x, None, weight, y, epilogue)?;
        if count == g.batch {
            return Ok(());
        }
    }
    let x = &x[first.input_len()..];
    pack_and_run(&Sweeps::forward(&rest), x, None, weight, y_rest, epilogue)
}

/// Packs the filters into scratch, and runs the sweeps.
fn pack_and_run<T: Element>(
    sweeps: &Sweeps,
    source: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    with_scratch(packed_len::<T>(sweeps), |packed| {
        pack(sweeps, weight, packed)?;
        bands::run(sweeps, source, activation_output, packed, target, epilogue)
    })?
}

/// Steps of the sums of all sweeps together.
fn steps(sweeps: &Sweeps) -> usize {
    sweeps.taps().count() * sweeps.depth
}

/// Elements of the packed filters, for the instruction set in use.
fn packed_len<T: Element>(sweeps: &Sweeps) -> usize {
    let (width, _) = register_block::<T>();
    steps(sweeps) * sweeps.groups * sweeps.columns.div_ceil(width) * width
}

/// Packs the filters: for each sweep, group and panel of columns, one row for each step of the sum
/// (tap by tap, channel by channel).
fn pack<T: Element>(sweeps: &Sweeps, weight: &[T], packed: &mut [T]) -> Result<()> {
    let (width, _) = register_block::<T>();
    let panels = sweeps.columns.div_ceil(width);
    let mut jobs = Vec::new();
    let mut rest = packed;
    for sweep in sweeps.iter() {
        let len = sweep.taps.len() * sweeps.depth * width;
        let (here, after) = rest.split_at_mut(len * sweeps.groups * panels);
        rest = after;
        jobs.extend(
            here.chunks_mut(len.max(1))
                .enumerate()
                .map(|(i, panel)| (sweep, i / panels, i % panels * width, panel)),
        );
    }
    let cost = steps(sweeps) * sweeps.groups * sweeps.columns * parallel::ELEMENT_COST;
    parallel::for_each(jobs.into_iter(), cost, |(sweep, group, first, panel)| {
        T::dispatch(Pack { sweeps, sweep, weight, group, first, panel });
    })
}

/// Packs one panel of filters: the columns of a group from `first` on.
struct Pack<'a, T> {
    sweeps: &'a Sweeps,
    sweep: &'a Sweep,
    weight: &'a [T],
    group: usize,
    first: usize,
    panel: &'a mut [T],
}

impl<T: Element> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Shuffle<T>>(self) {
        let Sweeps { depth, columns, groups, turned, .. } = *self.sweeps;
        let width = panel_width::<T, V>();
        let wide = width.min(columns - self.first);
        for (tap, rows) in self.sweep.taps.iter().zip(self.panel.chunks_exact_mut(depth * width)) {
            if turned {
                // weight[tap, column, group * depth + step], a row for each column
                let row = groups * depth;
                let start = (tap.filter * columns + self.first) * row + self.group * depth;
                let weight = &self.weight[start..];
                pack_transposed::<T, V>(weight, row, wide, rows, width, depth);
            } else {
                let row = groups * columns;
                let start = tap.filter * depth * row + self.group * columns + self.first;
                pack_rows::<T, V>(&self.weight[start..], row, wide, rows, depth);
            }
        }
    }
}
