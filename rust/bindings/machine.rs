//! Threads and the machine.

use pyo3::prelude::*;

use super::arrays::register;
use super::errors::to_python;
use crate::kernels::{conv2d, parallel, simd};

#[pyfunction]
fn set_num_threads(count: usize) -> PyResult<()> {
    parallel::set_num_threads(count).map_err(to_python)
}

#[pyfunction]
fn get_num_threads() -> usize {
    parallel::num_threads()
}

#[pyfunction]
fn simd_level() -> &'static str {
    simd::level().name()
}

#[pyfunction]
fn cpu_features() -> Vec<&'static str> {
    simd::cpu_features()
}

#[pyfunction]
fn set_winograd(enabled: bool) {
    conv2d::set_winograd(enabled);
}

#[pyfunction]
fn get_winograd() -> bool {
    conv2d::winograd_enabled()
}

register!(set_num_threads, get_num_threads, simd_level, cpu_features, set_winograd, get_winograd);
