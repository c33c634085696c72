//! Normalisation: by groups (batch, group, instance), by rows (layer), across channels (local
//! response), and a fixed scale and shift.

use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, input, optional_input, optional_slice, output, same_memory, slice,
    slice_mut,
};
use super::errors::to_python;
use crate::kernels::normalization::groups::{self, Gradient, Groups};
use crate::kernels::normalization::local_response::{self, LocalResponse};
use crate::kernels::normalization::{self, layer};

type Any<'a, 'py> = &'a Bound<'py, PyAny>;

/// Names the inputs and outputs of a kernel as slices, in the order given.
macro_rules! slices {
    ($T:ty; in $($name:ident),*; out $($target:ident),*) => {
        $(let $name = input::<$T>(stringify!($name), $name)?;)*
        $(let mut $target = output::<$T>(stringify!($target), $target)?;)*
        $(let $name = slice(stringify!($name), &$name)?;)*
        $(let $target = slice_mut(stringify!($target), &mut $target)?;)*
    };
}

#[pyfunction]
fn group_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    shape: (usize, usize),
    epsilon: f64,
    relu: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [x, weight, bias]: [Any<'_, '_>; 3],
        [out, mean, variance]: [Any<'_, '_>; 3],
        (samples, groups): (usize, usize),
        epsilon: f64,
        relu: bool,
    ) -> PyResult<()> {
        let in_place = same_memory(x, out);
        slices!(T; in weight, bias; out out, mean, variance);
        let g = Groups::new(out.len(), samples, weight.len(), groups).map_err(to_python)?;
        if in_place {
            return compute(py, || {
                groups::forward(&g, None, weight, bias, out, mean, variance, epsilon, relu)
            });
        }
        slices!(T; in x; out);
        compute(py, || {
            groups::forward(&g, Some(x), weight, bias, out, mean, variance, epsilon, relu)
        })
    }
    by_dtype!(out, typed(py, [x, weight, bias], [out, mean, variance], shape, epsilon, relu))
}

#[pyfunction]
fn group_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Option<Any<'_, '_>>,
    grad_weight: Any<'_, '_>,
    grad_bias: Any<'_, '_>,
    shape: (usize, usize),
    epsilon: f64,
    relu: bool,
    accumulate: (bool, bool),
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        grad_output: Any<'_, '_>,
        [x, mean, variance, weight, bias]: [Any<'_, '_>; 5],
        out: Option<Any<'_, '_>>,
        [grad_weight, grad_bias]: [Any<'_, '_>; 2],
        (samples, groups): (usize, usize),
        (epsilon, relu): (f64, bool),
        accumulate: (bool, bool),
    ) -> PyResult<()> {
        slices!(T; in x, mean, variance, weight, bias; out grad_weight, grad_bias);
        let g = Groups::new(x.len(), samples, weight.len(), groups).map_err(to_python)?;
        let mut run = |gradient: Gradient<'_, T>| {
            compute(py, || {
                groups::backward(
                    &g,
                    gradient,
                    x,
                    mean,
                    variance,
                    weight,
                    bias,
                    epsilon,
                    relu,
                    grad_weight,
                    grad_bias,
                    accumulate.1,
                )
            })
        };
        match out {
            Some(out) if !accumulate.0 && same_memory(grad_output, out) => {
                slices!(T; in ; out out);
                run(Gradient::InPlace(out))
            }
            Some(out) => {
                slices!(T; in grad_output; out out);
                run(Gradient::Onward { grad_output, grad_input: out, accumulate: accumulate.0 })
            }
            None => {
                slices!(T; in grad_output; out);
                run(Gradient::Stop(grad_output))
            }
        }
    }
    let inputs = [x, mean, variance, weight, bias];
    by_dtype!(
        grad_weight,
        typed(
            py,
            grad_output,
            inputs,
            out,
            [grad_weight, grad_bias],
            shape,
            (epsilon, relu),
            accumulate
        )
    )
}

#[pyfunction]
fn layer_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Any<'_, '_>,
    out: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    epsilon: f64,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [x, weight, bias]: [Any<'_, '_>; 3],
        [out, mean, variance]: [Any<'_, '_>; 3],
        epsilon: f64,
    ) -> PyResult<()> {
        slices!(T; in x, weight, bias; out out, mean, variance);
        compute(py, || layer::forward(x, weight, bias, out, mean, variance, epsilon))
    }
    by_dtype!(out, typed(py, [x, weight, bias], [out, mean, variance], epsilon))
}

#[pyfunction]
fn layer_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    mean: Any<'_, '_>,
    variance: Any<'_, '_>,
    weight: Any<'_, '_>,
    out: Any<'_, '_>,
    grad_weight: Any<'_, '_>,
    grad_bias: Any<'_, '_>,
    epsilon: f64,
    accumulate: (bool, bool),
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [grad_output, x, mean, variance, weight]: [Any<'_, '_>; 5],
        [out, grad_weight, grad_bias]: [Any<'_, '_>; 3],
        epsilon: f64,
        add: (bool, bool),
    ) -> PyResult<()> {
        slices!(T; in grad_output, x, mean, variance, weight; out out, grad_weight, grad_bias);
        compute(py, || {
            layer::backward(
                grad_output,
                x,
                mean,
                variance,
                weight,
                epsilon,
                out,
                grad_weight,
                grad_bias,
                add.0,
                add.1,
            )
        })
    }
    let inputs = [grad_output, x, mean, variance, weight];
    by_dtype!(out, typed(py, inputs, [out, grad_weight, grad_bias], epsilon, accumulate))
}

type Constants = (usize, f64, f64, f64);

fn constants((size, alpha, beta, k): Constants) -> LocalResponse {
    LocalResponse { size, alpha, beta, k }
}

#[pyfunction]
fn local_response_norm_forward(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    channels: usize,
    parameters: Constants,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        x: Any<'_, '_>,
        out: Any<'_, '_>,
        channels: usize,
        parameters: Constants,
    ) -> PyResult<()> {
        slices!(T; in x; out out);
        compute(py, || local_response::forward(&constants(parameters), channels, x, out))
    }
    by_dtype!(out, typed(py, x, out, channels, parameters))
}

#[pyfunction]
fn local_response_norm_backward(
    py: Python<'_>,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    channels: usize,
    parameters: Constants,
    accumulate: bool,
) -> PyResult<()> {
    fn typed<T: Float>(
        py: Python<'_>,
        [grad_output, x, out]: [Any<'_, '_>; 3],
        channels: usize,
        parameters: Constants,
        accumulate: bool,
    ) -> PyResult<()> {
        slices!(T; in grad_output, x; out out);
        compute(py, || {
            local_response::backward(
                &constants(parameters),
                channels,
                grad_output,
                x,
                accumulate,
                out,
            )
        })
    }
    by_dtype!(out, typed(py, [grad_output, x, out], channels, parameters, accumulate))
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
    fn typed<T: Float>(
        py: Python<'_>,
        [x, scale, shift, out]: [Any<'_, '_>; 4],
        relu: bool,
    ) -> PyResult<()> {
        let in_place = same_memory(x, out);
        slices!(T; in scale, shift; out out);
        if in_place {
            return compute(py, || {
                normalization::scale_shift_forward(None, scale, shift, out, relu)
            });
        }
        slices!(T; in x; out);
        compute(py, || normalization::scale_shift_forward(Some(x), scale, shift, out, relu))
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
        [grad_output, scale, out]: [Any<'_, '_>; 3],
        relu_output: Option<Any<'_, '_>>,
        accumulate: bool,
    ) -> PyResult<()> {
        let activation_output = optional_input::<T>("activation_output", relu_output)?;
        let activation_output = optional_slice("activation_output", activation_output.as_ref())?;
        let in_place = !accumulate && same_memory(grad_output, out);
        slices!(T; in scale; out out);
        if in_place {
            return compute(py, || {
                normalization::scale_shift_backward(None, scale, activation_output, false, out)
            });
        }
        slices!(T; in grad_output; out);
        compute(py, || {
            normalization::scale_shift_backward(
                Some(grad_output),
                scale,
                activation_output,
                accumulate,
                out,
            )
        })
    }
    by_dtype!(out, typed(py, [grad_output, scale, out], relu_output, accumulate))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(group_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(group_norm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(layer_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(layer_norm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(local_response_norm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(local_response_norm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(scale_shift_forward, module)?)?;
    module.add_function(wrap_pyfunction!(scale_shift_backward, module)?)
}
