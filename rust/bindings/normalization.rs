//! Normalisation: batch normalisation and a fixed scale and shift.

use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, optional_input, optional_slice, output, slice, slice_mut};
use crate::kernels::normalization;

type Any<'a, 'py> = &'a Bound<'py, PyAny>;

#[pyfunction]
fn batch_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    epsilon: f64,
    relu: bool,
) -> PyResult<()> {
    fn typed<T: Float>(py: Python<'_>, inputs: [Any<'_, '_>; 3], outputs: [Any<'_, '_>; 3], epsilon: f64, relu: bool) -> PyResult<()> {
        let [x, weight, bias] = inputs;
        let [y, mean, variance] = outputs;
        let (x, weight, bias) = (input::<T>("x", x)?, input::<T>("weight", weight)?, input::<T>("bias", bias)?);
        let (mut y, mut mean, mut variance) = (output::<T>("out", y)?, output::<T>("mean", mean)?, output::<T>("variance", variance)?);
        let (x, weight, bias) = (slice("x", &x)?, slice("weight", &weight)?, slice("bias", &bias)?);
        let (y, mean, variance) = (slice_mut("out", &mut y)?, slice_mut("mean", &mut mean)?, slice_mut("variance", &mut variance)?);
        compute(py, || normalization::batch_norm_forward(x, weight, bias, y, mean, variance, epsilon, relu))
    }
    by_dtype!(out, typed(py, [x, weight, bias], [out, mean, variance], epsilon, relu))
}

#[pyfunction]
fn batch_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    weight: Any<'_, '_>,
    out: Option<Any<'_, '_>>,
    grad_weight: Any<'_, '_>,
    grad_bias: Any<'_, '_>,
    epsilon: f64,
    relu_output: Option<Any<'_, '_>>,
    accumulate: (bool, bool),
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        inputs: [Any<'_, '_>; 5],
        relu_output: Option<Any<'_, '_>>,
        out: Option<Any<'_, '_>>,
        parameters: [Any<'_, '_>; 2],
        epsilon: f64,
        accumulate: (bool, bool),
    ) -> PyResult<()> {
        let [grad, x, mean, variance, weight] = inputs;
        let (grad, x, weight) = (input::<T>("grad_output", grad)?, input::<T>("x", x)?, input::<T>("weight", weight)?);
        let (mean, variance, gate) =
            (input::<T>("mean", mean)?, input::<T>("variance", variance)?, optional_input::<T>("activation_output", relu_output)?);
        let mut grad_x = out.map(|out| output::<T>("out", out)).transpose()?;
        let (mut grad_weight, mut grad_bias) = (output::<T>("grad_weight", parameters[0])?, output::<T>("grad_bias", parameters[1])?);
        let (grad, x, weight) = (slice("grad_output", &grad)?, slice("x", &x)?, slice("weight", &weight)?);
        let (mean, variance) = (slice("mean", &mean)?, slice("variance", &variance)?);
        let gate = optional_slice("activation_output", gate.as_ref())?;
        let grad_x = grad_x.as_mut().map(|out| slice_mut("out", out)).transpose()?;
        let (grad_weight, grad_bias) = (slice_mut("grad_weight", &mut grad_weight)?, slice_mut("grad_bias", &mut grad_bias)?);
        compute(py, || {
            normalization::batch_norm_backward(
                grad,
                x,
                mean,
                variance,
                weight,
                epsilon,
                gate,
                grad_x,
                grad_weight,
                grad_bias,
                accumulate.0,
                accumulate.1,
            )
        })
    }
    let inputs = [grad_output, x, mean, variance, weight];
    by_dtype!(grad_weight, typed(py, inputs, relu_output, out, [grad_weight, grad_bias], epsilon, accumulate))
}

#[pyfunction]
fn scale_shift_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    scale: Any<'_, '_>,
    shift: Any<'_, '_>,
    out: Any<'_, '_>,
    relu: bool,
) -> PyResult<()> {
    fn typed<T: Float>(py: Python<'_>, [x, scale, shift, out]: [Any<'_, '_>; 4], relu: bool) -> PyResult<()> {
        let (x, scale, shift) = (input::<T>("x", x)?, input::<T>("scale", scale)?, input::<T>("shift", shift)?);
        let mut out = output::<T>("out", out)?;
        let (x, scale, shift) = (slice("x", &x)?, slice("scale", &scale)?, slice("shift", &shift)?);
        let out = slice_mut("out", &mut out)?;
        compute(py, || normalization::scale_shift_forward(x, scale, shift, out, relu))
    }
    by_dtype!(out, typed(py, [x, scale, shift, out], relu))
}

#[pyfunction]
fn scale_shift_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    scale: Any<'_, '_>,
    out: Any<'_, '_>,
    relu_output: Option<Any<'_, '_>>,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [grad, scale, out]: [Any<'_, '_>; 3],
        relu_output: Option<Any<'_, '_>>,
        accumulate: bool,
    ) -> PyResult<()> {
        let (grad, scale) = (input::<T>("grad_output", grad)?, input::<T>("scale", scale)?);
        let gate = optional_input::<T>("activation_output", relu_output)?;
        let mut out = output::<T>("out", out)?;
        let (grad, scale, out) = (slice("grad_output", &grad)?, slice("scale", &scale)?, slice_mut("out", &mut out)?);
        let gate = optional_slice("activation_output", gate.as_ref())?;
        compute(py, || normalization::scale_shift_backward(grad, scale, gate, accumulate, out))
    }
    by_dtype!(out, typed(py, [grad_output, scale, out], relu_output, accumulate))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(batch_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(batch_norm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(scale_shift_forward, module)?)?;
    module.add_function(wrap_pyfunction!(scale_shift_backward, module)?)
}
