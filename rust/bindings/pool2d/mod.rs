//! Two-dimensional pooling.

mod average;
mod global;
mod lp;
mod max;
mod unpool;

use pyo3::prelude::*;

use super::arrays::{Any, register, shape};
use super::errors::to_python;
use super::geometry::{Pair, Sides, padding as sides};
use crate::kernels::geometry::Pool2dGeometry;

/// Kernel size, stride and padding.
type Window = (Pair, Pair, Sides);

fn geometry(
    (input_name, input): (&str, Any<'_, '_>),
    (output_name, output): (&str, Any<'_, '_>),
    (kernel, stride, padding): Window,
) -> PyResult<Pool2dGeometry> {
    Pool2dGeometry::new(
        shape(input_name, input)?,
        shape(output_name, output)?,
        kernel,
        stride,
        sides(padding),
    )
    .map_err(to_python)
}

register!(; mod max, average, lp, global, unpool);
