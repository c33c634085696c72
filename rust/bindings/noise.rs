//! Multiplicative Gaussian noise.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices, unless_in_place};
use crate::kernels::noise;
use crate::kernels::random::Counter;

#[pyfunction]
fn gaussian_noise(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    std: f64,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
    let x = unless_in_place(x, out);
    by_dtype!(out, T => {
        slices!(T; optional x; out out;);
        compute(py, || noise::gaussian(x, std, Counter { seed, stream, step }, out))
    })
}

register!(gaussian_noise);
