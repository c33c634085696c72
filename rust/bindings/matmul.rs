//! Matrix product.

use pyo3::prelude::*;

use super::arrays::{Any, by_dtype, compute, register, shape, slices};
use super::errors::named;
use crate::kernels::matmul::{MatmulShape, matmul as kernel};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;

#[pyfunction]
fn matmul(
    py: Python<'_>,
    a: Any<'_, '_>,
    b: Any<'_, '_>,
    out: Any<'_, '_>,
    transpose_a: bool,
    transpose_b: bool,
    bias: Option<Any<'_, '_>>,
    relu: bool,
    accumulate: bool,
) -> PyResult<()> {
    let stored = |name, array, transposed: bool| {
        shape::<2>(name, array).map(|[r, c]| if transposed { (c, r) } else { (r, c) })
    };
    let ((m, k), (k_of_b, n)) = (stored("a", a, transpose_a)?, stored("b", b, transpose_b)?);
    if k != k_of_b {
        return Err(named(
            "ShapeError",
            format!("a and b: {m}x{k} times {k_of_b}x{n}: the inner sizes {k} and {k_of_b} differ"),
        ));
    }
    let sizes = MatmulShape { m, n, k, transpose_a, transpose_b };
    by_dtype!(out, T => {
        slices!(T; in a, b; optional bias; out out;);
        compute(py, || kernel(a, b, out, sizes, &Epilogue { accumulate, bias, relu }))
    })
}

register!(matmul);
