//! Two-dimensional convolution (cross-correlation, as the field says it), forward and backward.
//!
//! `y[n, oy, ox, o] = Σ_{ky, kx, c} x[n, oy S - P + ky D, ox S - P + kx D, c] weight[ky, kx, c, o]
//! + bias[o]`
//!
//! - [`direct`]: implicit matrix product over bands of rows; any stride, padding, dilation and
//!   groups; forward and gradient of the input.
//! - [`direct_weight`]: the gradient of the weights in the same manner.
//! - [`depthwise`]: every channel with one filter of its own.
//! - [`few_channels`]: few target channels, registers of pixels or of images.
//! - [`winograd`]: fewer multiplications for 3×3 and 5×5 filters of stride 1, at some cost in
//!   rounding error; [`winograd_stride2`]: the same for 3×3 filters of stride 2.
//! - 1×1 filters of stride 1 without padding are a [`super::matmul`] over channels.
//!
//! [`Algorithm`] says which of them takes what. In prediction the algorithm follows from the
//! geometry of one sample alone, so that a sample has the same bits in any batch.

mod algorithm;
mod correlation;
pub mod depthwise;
pub mod direct;
pub mod direct_weight;
pub mod few_channels;
pub mod scratch;
pub mod winograd;
pub mod winograd_stride2;

pub use self::algorithm::{Algorithm, Pass, set_winograd, winograd_enabled};
use self::correlation::Correlation;
use self::few_channels::Borders;
use super::Element;
use super::error::{KernelError, Result, expect_len, shape_error};
use super::geometry::{Conv2dGeometry, Padding, Pool2dGeometry};
use super::matmul::{MatmulShape, matmul};
use super::memory::{AlignedBuffer, with_scratch};
use super::pool2d::max;
use super::reduce;
use super::simd::matmul::micro_kernel::Epilogue;

/// Weights transformed or packed once, for repeated use with the geometry they were prepared for.
pub struct PreparedWeight<T: Element> {
    algorithm: Algorithm,
    /// The geometry they were made for, with a batch of one.
    geometry: Conv2dGeometry,
    data: AlignedBuffer<T>,
}

impl<T: Element> PreparedWeight<T> {
    /// Prepares `weight` for the forward pass of `geometry` with any batch.
    ///
    /// # Errors
    /// A slice of another length; out of memory; interrupted.
    pub fn new(weight: &[T], geometry: &Conv2dGeometry, algorithm: Algorithm) -> Result<Self> {
        expect_len("weight", weight.len(), geometry.weight_len())?;
        let geometry = Conv2dGeometry { batch: 1, ..*geometry };
        let data = match algorithm {
            Algorithm::Pointwise | Algorithm::Depthwise | Algorithm::FewChannels => {
                let mut data = AlignedBuffer::zeroed(weight.len())?;
                data.copy_from_slice(weight);
                data
            }
            Algorithm::Direct => {
                let plan = Correlation::forward(&geometry);
                let mut data = AlignedBuffer::zeroed(plan.packed_len::<T>())?;
                plan.pack(weight, &mut data)?;
                data
            }
            Algorithm::Winograd(outputs) => {
                let plan = winograd::Correlation::forward::<T>(&geometry, outputs);
                let mut data = AlignedBuffer::zeroed(plan.filters_len())?;
                plan.transform_filters(weight, &mut data)?;
                data
            }
            Algorithm::WinogradStrided => {
                let plan = winograd_stride2::Correlation::forward::<T>(&geometry);
                let mut data = AlignedBuffer::zeroed(plan.filters_len())?;
                plan.transform_filters(weight, &mut data)?;
                data
            }
        };
        Ok(Self { algorithm, geometry, data })
    }

    /// The algorithm they were prepared for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The geometry they were prepared for, with a batch of one.
    pub fn geometry(&self) -> &Conv2dGeometry {
        &self.geometry
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.data.len() * size_of::<T>()
    }
}

/// The filters of a forward pass.
#[derive(Clone, Copy)]
pub enum Weight<'a, T: Element> {
    /// As they are, `[kernel_h, kernel_w, in_channels / groups, out_channels]`, and how to use
    /// them.
    Plain(&'a [T], Algorithm),
    /// Prepared before.
    Prepared(&'a PreparedWeight<T>),
}

impl<'a, T: Element> Weight<'a, T> {
    /// The algorithm, if the filters are right for it and for a geometry.
    fn check(self, geometry: &Conv2dGeometry) -> Result<Algorithm> {
        match self {
            Self::Plain(weight, algorithm) => {
                expect_len("weight", weight.len(), geometry.weight_len()).map(|()| algorithm)
            }
            Self::Prepared(prepared)
                if prepared.geometry == (Conv2dGeometry { batch: 1, ..*geometry }) =>
            {
                Ok(prepared.algorithm)
            }
            Self::Prepared(prepared) => Err(KernelError::Shape(format!(
                "weight: prepared for {:?}, used for {geometry:?}",
                prepared.geometry
            ))),
        }
    }

    /// The filters as the algorithms that transform nothing take them.
    fn unpacked(self) -> &'a [T] {
        match self {
            Self::Plain(weight, _) => weight,
            Self::Prepared(prepared) => &prepared.data,
        }
    }
}

/// `y = relu?(x * weight + bias?)`
///
/// # Shapes
/// - `x`: `(n, height, width, in_channels)`
/// - `bias`: `(out_channels)`
/// - `y`: `(n, out_height, out_width, out_channels)`, overwritten
///
/// # Errors
/// A slice of another length, weights prepared for another geometry; out of memory; interrupted.
pub fn forward<T: Element>(
    geometry: &Conv2dGeometry,
    x: &[T],
    weight: Weight<'_, T>,
    bias: Option<&[T]>,
    relu: bool,
    y: &mut [T],
) -> Result<()> {
    expect_len("x", x.len(), geometry.input_len())?;
    expect_len("out", y.len(), geometry.output_len())?;
    if let Some(bias) = bias {
        expect_len("bias", bias.len(), geometry.out_channels)?;
    }
    let finish = Epilogue { accumulate: false, bias, relu };
    let algorithm = weight.check(geometry)?;
    // Of few filters, as many images as go together: the same sums in the same order, and so the
    // same bits.
    let done = match weight {
        Weight::Plain(..) if algorithm == Algorithm::Direct => {
            few_channels::images_together::<T>(geometry, algorithm, false)
        }
        _ => 0,
    };
    let head = Conv2dGeometry { batch: done, ..*geometry };
    let (here, y) = y.split_at_mut(head.output_len());
    if done > 0 {
        few_channels::run(
            &Correlation::forward(&head),
            Borders::Zeros,
            x,
            None,
            weight.unpacked(),
            here,
            &finish,
        )?;
        if done == geometry.batch {
            return Ok(());
        }
    }
    let (geometry, x) =
        (&Conv2dGeometry { batch: geometry.batch - done, ..*geometry }, &x[head.input_len()..]);
    match algorithm {
        Algorithm::Depthwise => {
            let plan = Correlation::forward(geometry);
            depthwise::run(&plan, geometry, x, None, weight.unpacked(), y, &finish)
        }
        Algorithm::FewChannels => {
            let plan = Correlation::forward(geometry);
            few_channels::run(&plan, Borders::RowsLeftOut, x, None, weight.unpacked(), y, &finish)
        }
        Algorithm::Pointwise => {
            let b = weight.unpacked();
            let m = geometry.batch * geometry.height * geometry.width;
            let shape = MatmulShape {
                m,
                n: geometry.out_channels,
                k: geometry.in_channels,
                transpose_a: false,
                transpose_b: false,
            };
            matmul(x, b, y, shape, &finish)
        }
        Algorithm::Direct => {
            let plan = Correlation::forward(geometry);
            match weight {
                Weight::Prepared(prepared) => plan.run(x, None, &prepared.data, y, &finish),
                Weight::Plain(weight, _) => with_scratch(plan.packed_len::<T>(), |packed| {
                    plan.pack(weight, packed)?;
                    plan.run(x, None, packed, y, &finish)
                })?,
            }
        }
        Algorithm::Winograd(outputs) => {
            let plan = winograd::Correlation::forward::<T>(geometry, outputs);
            match weight {
                Weight::Prepared(prepared) => plan.run(x, None, &prepared.data, y, &finish),
                Weight::Plain(weight, _) => plan.run_plain(x, None, weight, y, &finish),
            }
        }
        Algorithm::WinogradStrided => {
            let plan = winograd_stride2::Correlation::forward::<T>(geometry);
            match weight {
                Weight::Prepared(prepared) => plan.run(x, None, &prepared.data, y, &finish),
                Weight::Plain(weight, _) => plan.run_plain(x, None, weight, y, &finish),
            }
        }
    }
}

/// Elements that [`forward_max_pool`] computes before it pools them, about.
const WHOLE_LEN: usize = 1 << 20;

/// The largest of each 2 × 2 pixels of [`forward`]'s result, which itself is not kept; a last odd
/// row or column is left out.
///
/// # Shapes
/// - as [`forward`], but `y`: `(n, out_height / 2, out_width / 2, out_channels)`, at least one
///   pixel
///
/// # Errors
/// As [`forward`].
pub fn forward_max_pool<T: Element>(
    geometry: &Conv2dGeometry,
    x: &[T],
    weight: Weight<'_, T>,
    bias: Option<&[T]>,
    relu: bool,
    y: &mut [T],
) -> Result<()> {
    let g = geometry;
    let (height, width) = (g.out_height / 2, g.out_width / 2);
    let image = height * width * g.out_channels;
    if image == 0 {
        return Err(shape_error!(
            "x: convolved to {} x {} pixels, too few for a window of 2 x 2",
            g.out_height,
            g.out_width
        ));
    }
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.batch * image)?;
    if let Some(bias) = bias {
        expect_len("bias", bias.len(), g.out_channels)?;
    }
    // Few filters: many images at a time, and nothing else is written.
    let algorithm = weight.check(g)?;
    let borders = match (algorithm, weight) {
        (Algorithm::FewChannels, _) => Some(Borders::RowsLeftOut),
        (Algorithm::Direct, Weight::Plain(..)) => Some(Borders::Zeros),
        _ => None,
    };
    let done =
        if borders.is_some() { few_channels::images_together::<T>(g, algorithm, true) } else { 0 };
    if let Some(borders) = borders.filter(|_| done > 0) {
        let head = Conv2dGeometry { batch: done, ..*g };
        let finish = Epilogue { accumulate: false, bias, relu };
        few_channels::run_pooled(
            &Correlation::forward(&head),
            borders,
            x,
            weight.unpacked(),
            &mut y[..done * image],
            &finish,
        )?;
    }
    // The rest some images at a time, so that what is not kept takes little memory.
    let per_image = g.out_height * g.out_width * g.out_channels;
    let some = (WHOLE_LEN / per_image).clamp(1, g.batch.max(1));
    let inputs = x[done * (g.input_len() / g.batch.max(1))..]
        .chunks((some * g.input_len() / g.batch.max(1)).max(1));
    for (x, y) in inputs.zip(y[done * image..].chunks_mut(some * image)) {
        let part = Conv2dGeometry { batch: y.len() / image, ..*g };
        with_scratch(part.output_len(), |whole: &mut [T]| {
            forward(&part, x, weight, bias, relu, whole)?;
            let shape = |height, width| [part.batch, height, width, g.out_channels];
            let pool = Pool2dGeometry::new(
                shape(g.out_height, g.out_width),
                shape(height, width),
                (2, 2),
                (2, 2),
                Padding::default(),
            )?;
            with_scratch(y.len(), |places: &mut [i32]| max::forward(&pool, whole, y, places))?
        })??;
    }
    Ok(())
}

/// Whether [`forward_max_pool`] of a batch of many images writes the pooled result alone, where
/// weights are not prepared.
pub fn fuses_max_pool<T: Element>(geometry: &Conv2dGeometry) -> bool {
    let many = Conv2dGeometry { batch: 64, ..*geometry };
    few_channels::images_together::<T>(&many, Algorithm::choose_for_prediction::<T>(geometry), true)
        > 0
}

/// The gradient of the input: `grad_input (+)= grad_output` correlated with the turned filters.
///
/// # Shapes
/// - `grad_output`, and `activation_output` where given (the output of a fused ReLU: the gradient counts where it is
///   positive): as the output
/// - `grad_input`: as the input, overwritten or accumulated
///
/// # Errors
/// A slice of another length; out of memory; interrupted.
pub fn backward_input<T: Element>(
    geometry: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    accumulate: bool,
    algorithm: Algorithm,
    grad_input: &mut [T],
) -> Result<()> {
    expect_len("grad_output", grad_output.len(), geometry.output_len())?;
    expect_len("weight", weight.len(), geometry.weight_len())?;
    expect_len("out", grad_input.len(), geometry.input_len())?;
    if let Some(activation_output) = activation_output {
        expect_len("activation_output", activation_output.len(), geometry.output_len())?;
    }
    let finish = Epilogue { accumulate, bias: None, relu: false };
    match algorithm {
        Algorithm::Pointwise if activation_output.is_none() => {
            let m = geometry.batch * geometry.height * geometry.width;
            let shape = MatmulShape {
                m,
                n: geometry.in_channels,
                k: geometry.out_channels,
                transpose_a: false,
                transpose_b: true,
            };
            matmul(grad_output, weight, grad_input, shape, &finish)
        }
        Algorithm::Depthwise => {
            let plan = Correlation::backward_input(geometry);
            depthwise::run(
                &plan,
                geometry,
                grad_output,
                activation_output,
                weight,
                grad_input,
                &finish,
            )
        }
        Algorithm::FewChannels => {
            let plan = Correlation::backward_input(geometry);
            few_channels::run(
                &plan,
                Borders::LeftOut,
                grad_output,
                activation_output,
                weight,
                grad_input,
                &finish,
            )
        }
        Algorithm::Direct | Algorithm::Pointwise => {
            let plan = Correlation::backward_input(geometry);
            with_scratch(plan.packed_len::<T>(), |packed| {
                plan.pack(weight, packed)?;
                plan.run(grad_output, activation_output, packed, grad_input, &finish)
            })?
        }
        Algorithm::Winograd(outputs) => {
            let plan = winograd::Correlation::backward_input::<T>(geometry, outputs);
            plan.run_plain(grad_output, activation_output, weight, grad_input, &finish)
        }
        Algorithm::WinogradStrided => {
            let plan = winograd_stride2::Correlation::backward_input::<T>(geometry);
            plan.run_plain(grad_output, activation_output, weight, grad_input, &finish)
        }
    }
}

/// The gradient of the weights: `grad_weight[ky, kx, c, o] (+)= Σ_{n, oy, ox} x[...] grad_output[n, oy,
/// ox, o]`, and, if asked, of the bias: `grad_bias[o] (+)= Σ_{n, oy, ox} grad_output[n, oy, ox, o]`.
///
/// # Shapes
/// - `grad_output` and `activation_output`: as the output; `x`: as the input
/// - `grad_weight`: as the weights, `grad_bias`: `(out_channels)`; overwritten or accumulated
///
/// # Errors
/// A slice of another length; out of memory; interrupted.
pub fn backward_weight<T: Element>(
    geometry: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    algorithm: Algorithm,
    (grad_weight, grad_bias): (&mut [T], Option<&mut [T]>),
) -> Result<()> {
    expect_len("grad_output", grad_output.len(), geometry.output_len())?;
    expect_len("x", x.len(), geometry.input_len())?;
    expect_len("out", grad_weight.len(), geometry.weight_len())?;
    if let Some(activation_output) = activation_output {
        expect_len("activation_output", activation_output.len(), geometry.output_len())?;
    }
    if let Some(grad_bias) = &grad_bias {
        expect_len("bias_out", grad_bias.len(), geometry.out_channels)?;
    }
    match algorithm {
        Algorithm::Direct | Algorithm::Pointwise => direct_weight::backward_weight(
            geometry,
            grad_output,
            activation_output,
            x,
            accumulate,
            grad_weight,
        ),
        Algorithm::FewChannels => {
            return few_channels::backward_weight(
                geometry,
                grad_output,
                activation_output,
                x,
                accumulate,
                (grad_weight, grad_bias),
            );
        }
        Algorithm::Depthwise => depthwise::backward_weight(
            geometry,
            grad_output,
            activation_output,
            x,
            accumulate,
            grad_weight,
        ),
        Algorithm::Winograd(outputs) => winograd::backward_weight(
            geometry,
            outputs,
            grad_output,
            activation_output,
            x,
            accumulate,
            grad_weight,
        ),
        Algorithm::WinogradStrided => winograd_stride2::backward_weight(
            geometry,
            grad_output,
            activation_output,
            x,
            accumulate,
            grad_weight,
        ),
    }?;
    let rows = geometry.batch * geometry.out_height * geometry.out_width;
    grad_bias.map_or(Ok(()), |grad_bias| {
        reduce::sum_rows(grad_output, rows, grad_bias, accumulate, activation_output)
    })
}

#[cfg(test)]
mod tests;
