//! Convolution with 1×1 filters, stride 1 and no padding: a matrix product over channels.

use super::direct::Direct;
use super::method::{Filters, Method, Pass};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::{Conv2dGeometry, Padding};
use crate::kernels::matmul::{MatmulShape, matmul};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;

/// 1×1 filters as one matrix product.
pub struct Pointwise;

/// The product of `pixels × k` and `k × n`; the second factor may be transposed.
fn shape(g: &Conv2dGeometry, k: usize, n: usize, transpose_b: bool) -> MatmulShape {
    MatmulShape { m: g.batch * g.height * g.width, n, k, transpose_a: false, transpose_b }
}

impl<T: Element> Method<T> for Pointwise {
    fn name(&self) -> &'static str {
        "pointwise"
    }

    fn supports(&self, pass: Pass, g: &Conv2dGeometry) -> bool {
        (g.kernel_h, g.kernel_w, g.groups) == (1, 1, 1)
            && g.window.stride == (1, 1)
            && g.window.padding == Padding::default()
            && pass != Pass::BackwardWeight
    }

    fn pays(&self, _pass: Pass, _g: &Conv2dGeometry) -> bool {
        true
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        matmul(x, filters.unpacked(), y, shape(g, g.in_channels, g.out_channels, false), epilogue)
    }

    /// With an activation output, [`Direct`] masks the gradient band by band.
    fn backward_input(
        &self,
        g: &Conv2dGeometry,
        grad_output: &[T],
        activation_output: Option<&[T]>,
        weight: &[T],
        accumulate: bool,
        grad_input: &mut [T],
    ) -> Result<()> {
        if activation_output.is_some() {
            return Direct.backward_input(
                g,
                grad_output,
                activation_output,
                weight,
                accumulate,
                grad_input,
            );
        }
        let epilogue = Epilogue { accumulate, ..Epilogue::OVERWRITE };
        let shape = shape(g, g.out_channels, g.in_channels, true);
        matmul(grad_output, weight, grad_input, shape, &epilogue)
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
        Direct.backward_weight(g, grad_output, activation_output, x, accumulate, grad_weight)
    }
}
