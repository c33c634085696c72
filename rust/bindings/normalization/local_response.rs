//! Local response normalisation.

use pyo3::prelude::*;

use crate::bindings::arrays::{Any, by_dtype, compute, register, slices};
use crate::kernels::normalization::local_response::{self, LocalResponse};

/// `(size, alpha, beta, k)`
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
    let constants = constants(parameters);
    by_dtype!(out, T => {
        slices!(T; in x; out out;);
        compute(py, || local_response::forward(&constants, channels, x, out))
    })
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
    let constants = constants(parameters);
    by_dtype!(out, T => {
        slices!(T; in grad_output, x; out out;);
        compute(py, || {
            local_response::backward(&constants, channels, grad_output, x, accumulate, out)
        })
    })
}

register!(local_response_norm_forward, local_response_norm_backward);
