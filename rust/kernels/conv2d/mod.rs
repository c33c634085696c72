//! Two-dimensional convolution (a cross-correlation, by the field's convention), forward and
//! backward.
//!
//! ```text
//! y[n, oy, ox, o] = bias[o] + Σ_{ky, kx, c} x[n, oy S - P + ky D, ox S - P + kx D, c]
//!                                           weight[ky, kx, c, o]
//! ```
//!
//! There are several ways to compute it, each a [`Method`] in its own module:
//!
//! - [`Pointwise`]: 1×1 filters as one matrix product over channels.
//! - [`Depthwise`]: one filter for each channel.
//! - [`FewChannels`]: few target channels, with registers of pixels or of images.
//! - [`Winograd`], [`WinogradStride2`]: fewer multiplications for 3×3 and 5×5 filters, at some cost
//!   in rounding error.
//! - [`Direct`]: implicit matrix product; any stride, padding, dilation and groups.
//!
//! [`choose()`] selects the method. This module checks the arguments and calls it.

mod choose;
mod depthwise;
mod direct;
mod few_channels;
mod mask;
mod method;
mod partials;
mod pointwise;
pub mod scratch;
mod sweeps;
mod winograd;

pub use self::choose::{by_name, choose, methods};
pub use self::depthwise::Depthwise;
pub use self::direct::Direct;
pub use self::few_channels::FewChannels;
pub use self::method::{Filters, MaxPooled, Method, Pass};
pub use self::pointwise::Pointwise;
pub use self::winograd::{Outputs, Winograd, WinogradStride2, set_winograd, winograd_enabled};
use super::Element;
use super::error::{KernelError, Result, expect_len, shape_error};
use super::geometry::{Conv2dGeometry, Padding, Pool2dGeometry};
use super::memory::{AlignedBuffer, with_scratch};
use super::pool2d::max;
use super::simd::matmul::micro_kernel::Epilogue;

/// Filters packed or transformed once, for repeated use with one geometry and any batch.
pub struct PreparedWeight<T: Element> {
    method: &'static dyn Method<T>,
    /// The geometry, with a batch of one.
    geometry: Conv2dGeometry,
    filters: AlignedBuffer<T>,
}

impl<T: Element> PreparedWeight<T> {
    /// Prepares `weight` for the forward pass of `geometry` by `method`.
    ///
    /// # Errors
    /// A slice of the wrong length; out of memory; interrupted.
    pub fn new(
        weight: &[T],
        geometry: &Conv2dGeometry,
        method: &'static dyn Method<T>,
    ) -> Result<Self> {
        expect_len("weight", weight.len(), geometry.weight_len())?;
        let geometry = Conv2dGeometry { batch: 1, ..*geometry };
        Ok(Self { method, geometry, filters: method.prepare(&geometry, weight)? })
    }

    /// The method that the filters were prepared for.
    pub fn method(&self) -> &'static dyn Method<T> {
        self.method
    }

    /// The geometry that the filters were prepared for, with a batch of one.
    pub fn geometry(&self) -> &Conv2dGeometry {
        &self.geometry
    }

    /// Size in bytes.
    pub fn bytes(&self) -> usize {
        self.filters.len() * size_of::<T>()
    }
}

/// The weights of a forward pass.
#[derive(Clone, Copy)]
pub enum Weight<'a, T: Element> {
    /// `[kernel_h, kernel_w, in_channels / groups, out_channels]`, and the method to use.
    Plain(&'a [T], &'static dyn Method<T>),
    /// Prepared filters.
    Prepared(&'a PreparedWeight<T>),
}

impl<'a, T: Element> Weight<'a, T> {
    /// Checks that the weights fit a geometry, and returns the method and its filters.
    fn check(self, geometry: &Conv2dGeometry) -> Result<(&'static dyn Method<T>, Filters<'a, T>)> {
        match self {
            Self::Plain(weight, method) => {
                expect_len("weight", weight.len(), geometry.weight_len())?;
                Ok((method, Filters::Plain(weight)))
            }
            Self::Prepared(prepared)
                if prepared.geometry == (Conv2dGeometry { batch: 1, ..*geometry }) =>
            {
                Ok((prepared.method, Filters::Prepared(&prepared.filters)))
            }
            Self::Prepared(prepared) => Err(KernelError::Shape(format!(
                "weight: prepared for {:?}, used for {geometry:?}",
                prepared.geometry
            ))),
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
/// A slice of the wrong length, weights prepared for another geometry; out of memory; interrupted.
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
    expect_optional_len("bias", bias, geometry.out_channels)?;
    let (method, filters) = weight.check(geometry)?;
    method.forward(geometry, x, filters, &Epilogue { accumulate: false, bias, relu }, y)
}

/// Most elements, about, that [`forward_max_pool`] stores before it pools them.
const UNPOOLED_LEN: usize = 1 << 20;

/// The largest value of each 2×2 window of the result of [`forward`]. A last odd row or column is
/// left out.
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
    let image = (g.out_height / 2) * (g.out_width / 2) * g.out_channels;
    if image == 0 {
        return Err(shape_error!(
            "x: convolved to {} x {} pixels, too few for a window of 2 x 2",
            g.out_height,
            g.out_width
        ));
    }
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.batch * image)?;
    expect_optional_len("bias", bias, g.out_channels)?;
    let (method, filters) = weight.check(g)?;
    let epilogue = Epilogue { accumulate: false, bias, relu };
    let prepared = matches!(filters, Filters::Prepared(_));
    let fused = method.max_pooled().map_or(0, |fused| fused.images(g, prepared));
    let first = Conv2dGeometry { batch: fused, ..*g };
    let (y, y_rest) = y.split_at_mut(fused * image);
    if let Some(method) = method.max_pooled().filter(|_| fused > 0) {
        method.forward(&first, x, filters, &epilogue, y)?;
    }
    // The other images some at a time, to store few unpooled pixels.
    let one = Conv2dGeometry { batch: 1, ..*g };
    let some = (UNPOOLED_LEN / one.output_len()).clamp(1, g.batch.max(1));
    let inputs = x[first.input_len()..].chunks(some * one.input_len());
    for (x, y) in inputs.zip(y_rest.chunks_mut(some * image)) {
        let part = Conv2dGeometry { batch: y.len() / image, ..*g };
        with_scratch(part.output_len(), |unpooled: &mut [T]| {
            method.forward(&part, x, filters, &epilogue, unpooled)?;
            max_pool(&part, unpooled, y)
        })??;
    }
    Ok(())
}

/// Max-pools the output of a convolution in windows of 2×2.
fn max_pool<T: Element>(g: &Conv2dGeometry, x: &[T], y: &mut [T]) -> Result<()> {
    let shape = |height, width| [g.batch, height, width, g.out_channels];
    let pool = Pool2dGeometry::new(
        shape(g.out_height, g.out_width),
        shape(g.out_height / 2, g.out_width / 2),
        (2, 2),
        (2, 2),
        Padding::default(),
    )?;
    with_scratch(y.len(), |places: &mut [i32]| max::forward(&pool, x, y, places))?
}

/// Whether [`forward_max_pool`] of a large batch stores only the pooled result, with weights that
/// are not prepared.
pub fn fuses_max_pool<T: Element>(geometry: &Conv2dGeometry) -> bool {
    let large = Conv2dGeometry { batch: 64, ..*geometry };
    let method = choose::<T>(Pass::Prediction, geometry);
    method.max_pooled().is_some_and(|fused| fused.images(&large, false) > 0)
}

/// The gradient of the input: `grad_input (+)= grad_output` correlated with the flipped filters.
///
/// # Shapes
/// - `grad_output`: as the output
/// - `activation_output`, the output of a fused ReLU: as the output. If given, only gradients where
///   it is positive are used
/// - `grad_input`: as the input, overwritten or accumulated into
///
/// # Errors
/// A slice of the wrong length; out of memory; interrupted.
pub fn backward_input<T: Element>(
    geometry: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    weight: &[T],
    accumulate: bool,
    method: &dyn Method<T>,
    grad_input: &mut [T],
) -> Result<()> {
    expect_len("grad_output", grad_output.len(), geometry.output_len())?;
    expect_len("weight", weight.len(), geometry.weight_len())?;
    expect_len("out", grad_input.len(), geometry.input_len())?;
    expect_optional_len("activation_output", activation_output, geometry.output_len())?;
    method.backward_input(geometry, grad_output, activation_output, weight, accumulate, grad_input)
}

/// The gradient of the weights, `grad_weight[ky, kx, c, o] (+)= Σ_{n, oy, ox} x[...]
/// grad_output[n, oy, ox, o]`, and, if given, of the bias, `grad_bias[o] (+)= Σ_{n, oy, ox}
/// grad_output[n, oy, ox, o]`.
///
/// # Shapes
/// - `grad_output` and `activation_output`: as in [`backward_input`]; `x`: as the input
/// - `grad_weight`: as the weights, `grad_bias`: `(out_channels)`; overwritten or accumulated into
///
/// # Errors
/// A slice of the wrong length; out of memory; interrupted.
pub fn backward_weight<T: Element>(
    geometry: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    method: &dyn Method<T>,
    (grad_weight, grad_bias): (&mut [T], Option<&mut [T]>),
) -> Result<()> {
    let g = geometry;
    expect_len("grad_output", grad_output.len(), g.output_len())?;
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", grad_weight.len(), g.weight_len())?;
    expect_optional_len("activation_output", activation_output, g.output_len())?;
    expect_optional_len("bias_out", grad_bias.as_deref(), g.out_channels)?;
    match grad_bias {
        None => {
            method.backward_weight(g, grad_output, activation_output, x, accumulate, grad_weight)
        }
        Some(grad_bias) => {
            let grads = (grad_weight, grad_bias);
            method.backward_weight_and_bias(g, grad_output, activation_output, x, accumulate, grads)
        }
    }
}

/// Checks the length of a slice that may be missing.
fn expect_optional_len<T>(name: &str, slice: Option<&[T]>, expected: usize) -> Result<()> {
    slice.map_or(Ok(()), |slice| expect_len(name, slice.len(), expected))
}

#[cfg(test)]
mod tests;
