//! Counter-based random numbers, and dropout.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, slices, unless_in_place};
use crate::kernels::random::{self, Counter};

#[pyfunction]
fn dropout(
    py: Python<'_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    rate: f64,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
    let counter = Counter { seed, stream, step };
    let x = unless_in_place(x, out);
    by_dtype!(out, T => {
        slices!(T; optional x; out out;);
        compute(py, || match x {
            Some(x) => random::dropout(x, rate, counter, out),
            None => random::dropout_in_place(out, rate, counter),
        })
    })
}

#[pyfunction]
fn random_uniform(
    py: Python<'_>,
    out: Any<'_, '_>,
    seed: u64,
    stream: u32,
    step: u64,
) -> PyResult<()> {
    by_dtype!(out, T => {
        slices!(T; out out;);
        compute(py, || random::uniform(Counter { seed, stream, step }, out))
    })
}

register!(dropout, random_uniform);
