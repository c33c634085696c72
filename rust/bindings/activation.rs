//! Element-wise activations.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices, unless_in_place};
use crate::kernels::activation::{self, Relu, Sigmoid, Tanh};

macro_rules! activation {
    ($activation:ident, $forward:ident, $backward:ident) => {
        #[pyfunction]
        fn $forward(py: Python<'_>, x: Any<'_, '_>, out: Any<'_, '_>) -> PyResult<()> {
            let x = unless_in_place(x, out);
            by_dtype!(out, T => {
                slices!(T; optional x; out out;);
                compute(py, || match x {
                    Some(x) => activation::forward::<T, $activation>(x, out),
                    None => activation::forward_in_place::<T, $activation>(out),
                })
            })
        }

        #[pyfunction]
        fn $backward(
            py: Python<'_>,
            grad_output: Any<'_, '_>,
            y: Any<'_, '_>,
            out: Any<'_, '_>,
            accumulate: bool,
        ) -> PyResult<()> {
            let grad_output =
                if accumulate { Some(grad_output) } else { unless_in_place(grad_output, out) };
            by_dtype!(out, T => {
                slices!(T; in y; optional grad_output; out out;);
                compute(py, || match grad_output {
                    Some(grad_output) => activation::backward::<T, $activation>(
                        grad_output,
                        y,
                        accumulate,
                        out,
                    ),
                    None => activation::backward_in_place::<T, $activation>(out, y),
                })
            })
        }
    };
}

activation!(Relu, relu_forward, relu_backward);
activation!(Sigmoid, sigmoid_forward, sigmoid_backward);
activation!(Tanh, tanh_forward, tanh_backward);

register!(
    relu_forward,
    relu_backward,
    sigmoid_forward,
    sigmoid_backward,
    tanh_forward,
    tanh_backward,
);
