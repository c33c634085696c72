//! `cnnrs._core`: NumPy arrays in, the GIL released, a kernel called, its error mapped. No
//! arithmetic.
//!
//! `cnnrs.ops` is the only caller and normalises arrays before: C-contiguous, aligned, native. What
//! is checked here is what safety and clear errors need: dtype, rank, overlap.

#![allow(missing_docs)] // documented in `_core.pyi` and, for users, in `cnnrs.ops`

mod activation;
mod activation_curves;
mod add;
mod arrays;
mod augment;
mod conv2d;
mod errors;
mod geometry;
mod loss;
mod machine;
mod matmul;
mod noise;
mod normalization;
mod optimizer;
mod pool2d;
mod prelu;
mod random;
mod reduce;
mod resample2d;
mod softmax;
mod vector_norm;

use pyo3::prelude::*;

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::kernels::parallel::set_interrupt_check(errors::signal_raised);
    activation::register(module)?;
    activation_curves::register(module)?;
    add::register(module)?;
    augment::register(module)?;
    conv2d::register(module)?;
    geometry::register(module)?;
    loss::register(module)?;
    machine::register(module)?;
    matmul::register(module)?;
    noise::register(module)?;
    normalization::register(module)?;
    optimizer::register(module)?;
    pool2d::register(module)?;
    prelu::register(module)?;
    random::register(module)?;
    reduce::register(module)?;
    resample2d::register(module)?;
    softmax::register(module)?;
    vector_norm::register(module)
}
