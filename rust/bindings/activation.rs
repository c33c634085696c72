//! Element-wise activations.

use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, output, same_memory, slice, slice_mut};
use crate::kernels::activation::{self, Activation, Relu, Sigmoid, Tanh};

fn forward<T: Float, A: Activation<T>>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let in_place = same_memory(x, out);
    let mut out = output::<T>("out", out)?;
    let out = slice_mut("out", &mut out)?;
    if in_place {
        return compute(py, || activation::forward_in_place::<T, A>(out));
    }
    let x = input::<T>("x", x)?;
    let x = slice("x", &x)?;
    compute(py, || activation::forward::<T, A>(x, out))
}

fn backward<T: Float, A: Activation<T>>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    y: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
) -> PyResult<()> {
    let in_place = !accumulate && same_memory(grad_output, out);
    let y = input::<T>("y", y)?;
    let mut out = output::<T>("out", out)?;
    let (y, out) = (slice("y", &y)?, slice_mut("out", &mut out)?);
    if in_place {
        return compute(py, || activation::backward_in_place::<T, A>(out, y));
    }
    let grad_output = input::<T>("grad_output", grad_output)?;
    let grad_output = slice("grad_output", &grad_output)?;
    compute(py, || activation::backward::<T, A>(grad_output, y, accumulate, out))
}

macro_rules! activation {
    ($activation:ident, $forward:ident, $backward:ident) => {
        #[pyfunction]
        fn $forward(py: Python<'_>, x: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
            fn typed<T: Float>(
                py: Python<'_>,
                x: &Bound<'_, PyAny>,
                out: &Bound<'_, PyAny>,
            ) -> PyResult<()> {
                forward::<T, $activation>(py, x, out)
            }
            by_dtype!(out, typed(py, x, out))
        }

        #[pyfunction]
        fn $backward(
            py: Python<'_>,
            grad_output: &Bound<'_, PyAny>,
            y: &Bound<'_, PyAny>,
            out: &Bound<'_, PyAny>,
            accumulate: bool,
        ) -> PyResult<()> {
            fn typed<T: Float>(
                py: Python<'_>,
                grad_output: &Bound<'_, PyAny>,
                y: &Bound<'_, PyAny>,
                out: &Bound<'_, PyAny>,
                accumulate: bool,
            ) -> PyResult<()> {
                backward::<T, $activation>(py, grad_output, y, out, accumulate)
            }
            by_dtype!(out, typed(py, grad_output, y, out, accumulate))
        }
    };
}

activation!(Relu, relu_forward, relu_backward);
activation!(Sigmoid, sigmoid_forward, sigmoid_backward);
activation!(Tanh, tanh_forward, tanh_backward);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(relu_forward, module)?)?;
    module.add_function(wrap_pyfunction!(relu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(sigmoid_forward, module)?)?;
    module.add_function(wrap_pyfunction!(sigmoid_backward, module)?)?;
    module.add_function(wrap_pyfunction!(tanh_forward, module)?)?;
    module.add_function(wrap_pyfunction!(tanh_backward, module)?)
}
