//! The interface of a convolution method, and the passes of a convolution.

use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result};
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::AlignedBuffer;
use crate::kernels::reduce;
use crate::kernels::simd::matmul::micro_kernel::Epilogue;

/// A pass of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The output, in training.
    Forward,
    /// The gradient of the input.
    BackwardInput,
    /// The gradient of the weights.
    BackwardWeight,
    /// The output, in prediction: the filters are prepared once and used many times.
    Prediction,
}

impl Pass {
    /// Returns the pass of a name: `forward`, `backward_input`, `backward_weight` or `prediction`.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "forward" => Ok(Self::Forward),
            "backward_input" => Ok(Self::BackwardInput),
            "backward_weight" => Ok(Self::BackwardWeight),
            "prediction" => Ok(Self::Prediction),
            _ => Err(KernelError::Argument(format!(
                "direction: expected \"forward\", \"backward_input\", \"backward_weight\" or \
                 \"prediction\", got {name:?}"
            ))),
        }
    }
}

/// The filters of a forward pass.
#[derive(Clone, Copy)]
pub enum Filters<'a, T> {
    /// `[kernel_h, kernel_w, in_channels / groups, out_channels]`
    Plain(&'a [T]),
    /// The result of [`Method::prepare`].
    Prepared(&'a [T]),
}

impl<'a, T> Filters<'a, T> {
    /// The filters of a method that prepares nothing: both forms are the same.
    pub fn unpacked(self) -> &'a [T] {
        match self {
            Self::Plain(filters) | Self::Prepared(filters) => filters,
        }
    }
}

/// A way to compute a convolution.
///
/// The callers in [`super`] check all lengths and call a method only for a pass and a geometry
/// that it supports. The methods and their order are listed in [`super::methods`].
///
/// A method must give the same bits at any number of threads, and in the forward pass the same
/// bits for a sample alone and in a batch.
pub trait Method<T: Element>: Sync {
    /// Name of the method in `cnnrs.ops`.
    fn name(&self) -> &'static str;

    /// Whether the method can compute this pass of this geometry.
    fn supports(&self, pass: Pass, g: &Conv2dGeometry) -> bool;

    /// Whether the method is faster than the methods after it in the list, where it is supported.
    /// Depends on the geometry of one sample: the batch of `g` is 1.
    fn pays(&self, pass: Pass, g: &Conv2dGeometry) -> bool;

    /// Packs or transforms the filters for the forward pass of a geometry with any batch. By
    /// default a copy.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn prepare(&self, _g: &Conv2dGeometry, weight: &[T]) -> Result<AlignedBuffer<T>> {
        let mut filters = AlignedBuffer::zeroed(weight.len())?;
        filters.copy_from_slice(weight);
        Ok(filters)
    }

    /// `y = epilogue(x * filters)`; see [`super::forward`].
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()>;

    /// The forward pass with a fused 2×2 max-pooling, if the method has one.
    fn max_pooled(&self) -> Option<&dyn MaxPooled<T>> {
        None
    }

    /// The gradient of the input; see [`super::backward_input`].
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn backward_input(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        accumulate: bool,
        grad_input: &mut [T],
    ) -> Result<()>;

    /// The gradient of the weights; see [`super::backward_weight`].
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn backward_weight(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        grad_weight: &mut [T],
    ) -> Result<()>;

    /// The gradients of the weights and of the bias. By default two passes over `grad_output`.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn backward_weight_and_bias(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        x: &[T],
        accumulate: bool,
        (grad_weight, grad_bias): (&mut [T], &mut [T]),
    ) -> Result<()> {
        self.backward_weight(g, grad_output, activation_output, x, accumulate, grad_weight)?;
        let rows = g.batch * g.out_height * g.out_width;
        reduce::sum_rows(grad_output, rows, grad_bias, accumulate, activation_output)
    }
}

/// A forward pass that max-pools its output in windows of 2×2 and stores only the pooled output.
/// A last odd row or column is left out.
pub trait MaxPooled<T: Element> {
    /// Number of images, from the first on, for which this is faster than two passes.
    fn images(&self, g: &Conv2dGeometry, prepared: bool) -> usize;

    /// `y = max_pool(epilogue(x * filters))` for a batch of [`Self::images`].
    ///
    /// # Errors
    /// Out of memory; interrupted.
    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()>;
}
