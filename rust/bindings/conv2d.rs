//! Two-dimensional convolution.

use pyo3::prelude::*;

use super::arrays::{Any, Dtype, Float, by_dtype, compute, expect_shape, register, shape, slices};
use super::errors::{named, to_python};
use super::geometry::{Pair, Sides, window};
use crate::kernels::KernelError;
use crate::kernels::conv2d::{self, Method, Pass, PreparedWeight, Weight};
use crate::kernels::geometry::Conv2dGeometry as Geometry;

/// Prepared weights of either dtype.
enum Prepared {
    Single(PreparedWeight<f32>),
    Double(PreparedWeight<f64>),
}

/// What a dtype's prepared weights are wrapped in.
trait Preparable: Float {
    fn wrap(weight: PreparedWeight<Self>) -> Prepared;
    fn unwrap(prepared: &Prepared) -> Option<&PreparedWeight<Self>>;
}

impl Preparable for f32 {
    fn wrap(weight: PreparedWeight<Self>) -> Prepared {
        Prepared::Single(weight)
    }
    fn unwrap(prepared: &Prepared) -> Option<&PreparedWeight<Self>> {
        if let Prepared::Single(weight) = prepared { Some(weight) } else { None }
    }
}

impl Preparable for f64 {
    fn wrap(weight: PreparedWeight<Self>) -> Prepared {
        Prepared::Double(weight)
    }
    fn unwrap(prepared: &Prepared) -> Option<&PreparedWeight<Self>> {
        if let Prepared::Double(weight) = prepared { Some(weight) } else { None }
    }
}

#[pyclass(frozen, module = "cnnrs._core")]
struct PreparedConv2dWeight(Prepared);

#[pymethods]
impl PreparedConv2dWeight {
    #[getter]
    fn algorithm(&self) -> &'static str {
        match &self.0 {
            Prepared::Single(weight) => weight.method().name(),
            Prepared::Double(weight) => weight.method().name(),
        }
    }

    #[getter]
    fn nbytes(&self) -> usize {
        match &self.0 {
            Prepared::Single(weight) => weight.bytes(),
            Prepared::Double(weight) => weight.bytes(),
        }
    }
}

/// Runs a block with `$T` as `f64` if `$double`, else as `f32`.
macro_rules! by_width {
    ($double:expr, $T:ident => $body:expr) => {
        if $double {
            type $T = f64;
            $body
        } else {
            type $T = f32;
            $body
        }
    };
}

/// The checked sizes of a convolution of one sample.
#[pyclass(frozen, module = "cnnrs._core")]
struct Conv2dGeometry(Geometry);

impl Conv2dGeometry {
    /// The sizes for the batch of an array whose samples must have the input's shape.
    fn of_input(&self, name: &str, x: Any<'_, '_>) -> PyResult<Geometry> {
        let [batch, ..] = shape::<4>(name, x)?;
        let g = Geometry { batch, ..self.0 };
        expect_shape(name, x, &[batch, g.height, g.width, g.in_channels])?;
        Ok(g)
    }

    fn expect_weight(&self, name: &str, weight: Any<'_, '_>) -> PyResult<()> {
        let g = &self.0;
        expect_shape(name, weight, &[g.kernel_h, g.kernel_w, g.group_in(), g.out_channels])
    }
}

#[pymethods]
impl Conv2dGeometry {
    #[new]
    fn new(
        input_shape: (usize, usize, usize),
        weight_shape: (usize, usize, usize, usize),
        stride: Pair,
        padding: Sides,
        dilation: Pair,
        groups: usize,
    ) -> PyResult<Self> {
        let (height, width, channels) = input_shape;
        let (kernel_h, kernel_w, depth, filters) = weight_shape;
        let (input, weight) = ([1, height, width, channels], [kernel_h, kernel_w, depth, filters]);
        Geometry::new(input, weight, window(stride, padding, dilation), groups)
            .map(Self)
            .map_err(to_python)
    }

    #[getter]
    fn output_shape(&self) -> (usize, usize, usize) {
        (self.0.out_height, self.0.out_width, self.0.out_channels)
    }

    fn method(&self, pass_: &str, double: bool) -> PyResult<&'static str> {
        by_width!(double, T => {
            let pass = Pass::parse(pass_).map_err(to_python)?;
            Ok(conv2d::choose::<T>(pass, &self.0).name())
        })
    }

    fn fuses_max_pool(&self, double: bool) -> bool {
        by_width!(double, T => conv2d::fuses_max_pool::<T>(&self.0))
    }

    fn scratch(
        &self,
        py: Python<'_>,
        pass_: &str,
        batch: usize,
        prepared: bool,
        max_pool: bool,
        double: bool,
    ) -> PyResult<(Vec<usize>, Vec<usize>, usize)> {
        let g = &self.0;
        let input = [batch, g.height, g.width, g.in_channels];
        let weight = [g.kernel_h, g.kernel_w, g.group_in(), g.out_channels];
        let g = Geometry::new(input, weight, g.window, g.groups).map_err(to_python)?;
        let pass = Pass::parse(pass_).map_err(to_python)?;
        let (taken, kept) = by_width!(double, T => compute(py, || {
            conv2d::scratch::scratch::<T>(pass, &g, prepared, max_pool)
        })?);
        Ok((taken.caller, taken.worker, kept))
    }
}

fn choose<T: Float>(
    name: Option<&str>,
    pass: Pass,
    geometry: &Geometry,
) -> Result<&'static dyn Method<T>, KernelError> {
    name.map_or_else(
        || Ok(conv2d::choose::<T>(pass, geometry)),
        |name| conv2d::by_name::<T>(name, pass, geometry),
    )
}

/// Checks the shape of an array of the output's shape.
fn expect_output(name: &str, array: Any<'_, '_>, g: &Geometry) -> PyResult<()> {
    expect_shape(name, array, &[g.batch, g.out_height, g.out_width, g.out_channels])
}

#[pyfunction]
fn conv2d_forward(
    py: Python<'_>,
    geometry: &Conv2dGeometry,
    x: Any<'_, '_>,
    weight: Any<'_, '_>,
    bias: Option<Any<'_, '_>>,
    out: Any<'_, '_>,
    relu: bool,
    max_pool: bool,
    algorithm: Option<&str>,
) -> PyResult<()> {
    let g = &geometry.of_input("x", x)?;
    if max_pool {
        expect_shape("out", out, &[g.batch, g.out_height / 2, g.out_width / 2, g.out_channels])?;
    } else {
        expect_output("out", out, g)?;
    }
    by_dtype!(out, T => {
        let run = if max_pool { conv2d::forward_max_pool } else { conv2d::forward };
        if let Ok(prepared) = weight.cast::<PreparedConv2dWeight>() {
            let prepared = T::unwrap(&prepared.get().0).ok_or_else(|| {
                named("DTypeError", format!("weight: not prepared for {}", T::NAME))
            })?;
            slices!(T; in x; optional bias; out out;);
            return compute(py, || run(g, x, Weight::Prepared(prepared), bias, relu, out));
        }
        geometry.expect_weight("weight", weight)?;
        let algorithm = choose::<T>(algorithm, Pass::Forward, g).map_err(to_python)?;
        slices!(T; in x, weight; optional bias; out out;);
        compute(py, || run(g, x, Weight::Plain(weight, algorithm), bias, relu, out))
    })
}

#[pyfunction]
fn conv2d_backward_input(
    py: Python<'_>,
    geometry: &Conv2dGeometry,
    grad_output: Any<'_, '_>,
    weight: Any<'_, '_>,
    out: Any<'_, '_>,
    accumulate: bool,
    activation_output: Option<Any<'_, '_>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    let g = &geometry.of_input("out", out)?;
    geometry.expect_weight("weight", weight)?;
    expect_output("grad_output", grad_output, g)?;
    by_dtype!(out, T => {
        let algorithm = choose::<T>(algorithm, Pass::BackwardInput, g).map_err(to_python)?;
        slices!(T; in grad_output, weight; optional activation_output; out out;);
        compute(py, || {
            conv2d::backward_input(
                g,
                grad_output,
                activation_output,
                weight,
                accumulate,
                algorithm,
                out,
            )
        })
    })
}

#[pyfunction]
fn conv2d_backward_weight(
    py: Python<'_>,
    geometry: &Conv2dGeometry,
    grad_output: Any<'_, '_>,
    x: Any<'_, '_>,
    out: Any<'_, '_>,
    bias_out: Option<Any<'_, '_>>,
    accumulate: bool,
    activation_output: Option<Any<'_, '_>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    let g = &geometry.of_input("x", x)?;
    geometry.expect_weight("out", out)?;
    expect_output("grad_output", grad_output, g)?;
    by_dtype!(out, T => {
        let algorithm = choose::<T>(algorithm, Pass::BackwardWeight, g).map_err(to_python)?;
        slices!(
            T;
            in grad_output, x;
            optional activation_output;
            out out;
            optional_out bias_out;
        );
        compute(py, || {
            conv2d::backward_weight(
                g,
                grad_output,
                activation_output,
                x,
                accumulate,
                algorithm,
                (out, bias_out),
            )
        })
    })
}

#[pyfunction]
fn prepare_conv2d_weight(
    py: Python<'_>,
    geometry: &Conv2dGeometry,
    weight: Any<'_, '_>,
    algorithm: Option<&str>,
) -> PyResult<PreparedConv2dWeight> {
    geometry.expect_weight("weight", weight)?;
    let g = &geometry.0;
    by_dtype!(weight, T => {
        let algorithm = choose::<T>(algorithm, Pass::Forward, g).map_err(to_python)?;
        slices!(T; in weight;);
        let made = compute(py, || PreparedWeight::<T>::new(weight, g, algorithm))?;
        Ok(PreparedConv2dWeight(T::wrap(made)))
    })
}

register!(
    conv2d_forward,
    conv2d_backward_input,
    conv2d_backward_weight,
    prepare_conv2d_weight;
    class Conv2dGeometry, PreparedConv2dWeight
);
