//! Matrix product.

use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, input, optional_input, optional_slice, output, shape, slice,
    slice_mut,
};
use super::errors::named;
use crate::kernels::matmul::{MatmulShape, matmul as kernel};
use crate::kernels::simd::matmul::micro_kernel::Epilogue;

#[pyfunction]
fn matmul(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    transpose_a: bool,
    transpose_b: bool,
    bias: Option<&Bound<'_, PyAny>>,
    relu: bool,
    accumulate: bool,
) -> PyResult<()> {
    by_dtype!(out, typed(py, a, b, out, (transpose_a, transpose_b), bias, relu, accumulate))
}

fn typed<T: Float>(
    py: Python<'_>,
    a: &Bound<'_, PyAny>,
    b: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    (transpose_a, transpose_b): (bool, bool),
    bias: Option<&Bound<'_, PyAny>>,
    relu: bool,
    accumulate: bool,
) -> PyResult<()> {
    let (a, b, bias) =
        (input::<T>("a", a)?, input::<T>("b", b)?, optional_input::<T>("bias", bias)?);
    let mut out = output::<T>("out", out)?;
    let stored = |name, array: &[usize], transposed: bool| {
        shape::<2>(name, array).map(|[r, c]| if transposed { (c, r) } else { (r, c) })
    };
    let ((m, k), (k_of_b, n)) =
        (stored("a", a.shape(), transpose_a)?, stored("b", b.shape(), transpose_b)?);
    if k != k_of_b {
        return Err(named(
            "ShapeError",
            format!("a and b: {m}x{k} times {k_of_b}x{n}: the inner sizes {k} and {k_of_b} differ"),
        ));
    }
    let finish = Epilogue { accumulate, bias: optional_slice("bias", bias.as_ref())?, relu };
    let sizes = MatmulShape { m, n, k, transpose_a, transpose_b };
    let (a, b, out) = (slice("a", &a)?, slice("b", &b)?, slice_mut("out", &mut out)?);
    compute(py, || kernel(a, b, out, sizes, &finish))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(matmul, module)?)
}
