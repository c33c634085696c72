//! The sum of two arrays.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, same_memory, slices};
use crate::kernels::add;

#[pyfunction]
fn add_forward(
    py: Python<'_>,
    a: Any<'_, '_>,
    b: Any<'_, '_>,
    out: Any<'_, '_>,
    relu: bool,
) -> PyResult<()> {
    let (over_a, over_b) = (same_memory(a, out), same_memory(b, out));
    by_dtype!(out, T => {
        if over_a {
            slices!(T; in b; out out;);
            return compute(py, || add::add_in_place(b, relu, out));
        }
        if over_b {
            slices!(T; in a; out out;);
            return compute(py, || add::add_in_place(a, relu, out));
        }
        slices!(T; in a, b; out out;);
        compute(py, || add::add(a, b, relu, out))
    })
}

register!(add_forward);
