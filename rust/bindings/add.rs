//! The sum of two arrays.

use pyo3::prelude::*;

use super::arrays::{Float, by_dtype, compute, input, output, same_memory, slice, slice_mut};
use crate::kernels::add;

fn typed<T: Float>(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    relu: bool,
) -> PyResult<()> {
    let (over_a, over_b) = (same_memory(a, out), same_memory(b, out));
    let mut out = output::<T>("out", out)?;
    let out = slice_mut("out", &mut out)?;
    if over_a || over_b {
        let other = if over_a { input::<T>("b", b)? } else { input::<T>("a", a)? };
        let other = slice("b", &other)?;
        return compute(py, || add::add_in_place(other, relu, out));
    }
    let (a, b) = (input::<T>("a", a)?, input::<T>("b", b)?);
    let (a, b) = (slice("a", &a)?, slice("b", &b)?);
    compute(py, || add::add(a, b, relu, out))
}

#[pyfunction]
fn add_forward(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    relu: bool,
) -> PyResult<()> {
    by_dtype!(out, typed(py, a, b, out, relu))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(add_forward, module)?)
}
