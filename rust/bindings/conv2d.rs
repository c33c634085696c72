//! Two-dimensional convolution.

use numpy::PyUntypedArrayMethods;
use pyo3::prelude::*;

use super::arrays::{
    Float, by_dtype, compute, expect_shape, input, is, optional_input, optional_slice, output,
    shape, slice, slice_mut,
};
use super::errors::{named, to_python};
use super::geometry::{Pair, Sides, window};
use crate::kernels::conv2d::{self, Method, Pass, PreparedWeight, Weight};
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::{KernelError, reduce};

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

fn choose<T: Float>(
    name: Option<&str>,
    pass: Pass,
    geometry: &Conv2dGeometry,
) -> Result<&'static dyn Method<T>, KernelError> {
    name.map_or_else(
        || Ok(conv2d::choose::<T>(pass, geometry)),
        |name| conv2d::by_name::<T>(name, pass, geometry),
    )
}

/// Checks the shape of an array of the output's shape.
fn expect_output(name: &str, shape: &[usize], g: &Conv2dGeometry) -> PyResult<()> {
    expect_shape(name, shape, &[g.batch, g.out_height, g.out_width, g.out_channels])
}

#[pyfunction]
fn conv2d_forward(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
    bias: Option<&Bound<'_, PyAny>>,
    out: &Bound<'_, PyAny>,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    relu: bool,
    max_pool: bool,
    algorithm: Option<&str>,
) -> PyResult<()> {
    by_dtype!(
        out,
        forward(
            py,
            x,
            weight,
            bias,
            out,
            (stride, padding, dilation, groups),
            (relu, max_pool),
            algorithm
        )
    )
}

type Sliding = (Pair, Sides, Pair, usize);

fn geometry(
    input: &[usize],
    weight: &[usize],
    (stride, padding, dilation, groups): Sliding,
) -> PyResult<Conv2dGeometry> {
    Conv2dGeometry::new(
        shape("x", input)?,
        shape("weight", weight)?,
        window(stride, padding, dilation),
        groups,
    )
    .map_err(to_python)
}

fn forward<T: Preparable>(
    py: Python<'_>,
    x: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
    bias: Option<&Bound<'_, PyAny>>,
    out: &Bound<'_, PyAny>,
    sliding: Sliding,
    (relu, max_pool): (bool, bool),
    algorithm: Option<&str>,
) -> PyResult<()> {
    let (x, bias) = (input::<T>("x", x)?, optional_input::<T>("bias", bias)?);
    let mut out = output::<T>("out", out)?;
    let bias = optional_slice("bias", bias.as_ref())?;
    let expect_out = |shape: &[usize], g: &Conv2dGeometry| match max_pool {
        false => expect_output("out", shape, g),
        true => expect_shape(
            "out",
            shape,
            &[g.batch, g.out_height / 2, g.out_width / 2, g.out_channels],
        ),
    };
    let run = if max_pool { conv2d::forward_max_pool } else { conv2d::forward };
    if let Ok(prepared) = weight.cast::<PreparedConv2dWeight>() {
        let prepared = T::unwrap(&prepared.get().0)
            .ok_or_else(|| named("DTypeError", format!("weight: not prepared for {}", T::NAME)))?;
        let made = prepared.geometry();
        let weight_shape = [made.kernel_h, made.kernel_w, made.group_in(), made.out_channels];
        let geometry = geometry(x.shape(), &weight_shape, sliding)?;
        expect_out(out.shape(), &geometry)?;
        let (x, out) = (slice("x", &x)?, slice_mut("out", &mut out)?);
        return compute(py, || run(&geometry, x, Weight::Prepared(prepared), bias, relu, out));
    }
    let weight = input::<T>("weight", weight)?;
    let geometry = geometry(x.shape(), weight.shape(), sliding)?;
    expect_out(out.shape(), &geometry)?;
    let algorithm = choose::<T>(algorithm, Pass::Forward, &geometry).map_err(to_python)?;
    let (x, weight, out) =
        (slice("x", &x)?, slice("weight", &weight)?, slice_mut("out", &mut out)?);
    compute(py, || run(&geometry, x, Weight::Plain(weight, algorithm), bias, relu, out))
}

#[pyfunction]
fn conv2d_backward_input(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    by_dtype!(
        out,
        backward_input(
            py,
            grad_output,
            weight,
            out,
            (stride, padding, dilation, groups),
            accumulate,
            activation_output,
            algorithm
        )
    )
}

fn backward_input<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    weight: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    sliding: Sliding,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    let (grad_output, weight) =
        (input::<T>("grad_output", grad_output)?, input::<T>("weight", weight)?);
    let activation_output = optional_input::<T>("activation_output", activation_output)?;
    let mut out = output::<T>("out", out)?;
    let geometry = geometry(out.shape(), weight.shape(), sliding)?;
    expect_output("grad_output", grad_output.shape(), &geometry)?;
    let algorithm = choose::<T>(algorithm, Pass::BackwardInput, &geometry).map_err(to_python)?;
    let activation_output = optional_slice("activation_output", activation_output.as_ref())?;
    let (grad_output, weight, out) = (
        slice("grad_output", &grad_output)?,
        slice("weight", &weight)?,
        slice_mut("out", &mut out)?,
    );
    compute(py, || {
        conv2d::backward_input(
            &geometry,
            grad_output,
            activation_output,
            weight,
            accumulate,
            algorithm,
            out,
        )
    })
}

#[pyfunction]
fn conv2d_backward_weight(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    bias_out: Option<&Bound<'_, PyAny>>,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    by_dtype!(
        out,
        backward_weight(
            py,
            grad_output,
            x,
            (out, bias_out),
            (stride, padding, dilation, groups),
            accumulate,
            activation_output,
            algorithm
        )
    )
}

fn backward_weight<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    x: &Bound<'_, PyAny>,
    (out, bias_out): (&Bound<'_, PyAny>, Option<&Bound<'_, PyAny>>),
    sliding: Sliding,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
    algorithm: Option<&str>,
) -> PyResult<()> {
    let (grad_output, x) = (input::<T>("grad_output", grad_output)?, input::<T>("x", x)?);
    let activation_output = optional_input::<T>("activation_output", activation_output)?;
    let mut out = output::<T>("out", out)?;
    let mut bias_out = bias_out.map(|bias_out| output::<T>("bias_out", bias_out)).transpose()?;
    let geometry = geometry(x.shape(), out.shape(), sliding)?;
    expect_output("grad_output", grad_output.shape(), &geometry)?;
    let algorithm = choose::<T>(algorithm, Pass::BackwardWeight, &geometry).map_err(to_python)?;
    let activation_output = optional_slice("activation_output", activation_output.as_ref())?;
    let (grad_output, x, out) =
        (slice("grad_output", &grad_output)?, slice("x", &x)?, slice_mut("out", &mut out)?);
    let bias_out = bias_out.as_mut().map(|bias_out| slice_mut("bias_out", bias_out)).transpose()?;
    compute(py, || {
        conv2d::backward_weight(
            &geometry,
            grad_output,
            activation_output,
            x,
            accumulate,
            algorithm,
            (out, bias_out),
        )
    })
}

#[pyfunction]
fn conv2d_backward_bias(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    by_dtype!(out, backward_bias(py, grad_output, out, accumulate, activation_output))
}

fn backward_bias<T: Float>(
    py: Python<'_>,
    grad_output: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
    accumulate: bool,
    activation_output: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let grad_output = input::<T>("grad_output", grad_output)?;
    let activation_output = optional_input::<T>("activation_output", activation_output)?;
    let mut out = output::<T>("out", out)?;
    let columns = grad_output.shape().last().copied().unwrap_or(0);
    expect_shape("out", out.shape(), &[columns])?;
    let rows = grad_output.shape().iter().rev().skip(1).product();
    let activation_output = optional_slice("activation_output", activation_output.as_ref())?;
    let (grad_output, out) = (slice("grad_output", &grad_output)?, slice_mut("out", &mut out)?);
    compute(py, || reduce::sum_rows(grad_output, rows, out, accumulate, activation_output))
}

#[pyfunction]
fn conv2d_algorithm(
    direction: &str,
    input_shape: [usize; 4],
    weight_shape: [usize; 4],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
) -> PyResult<&'static str> {
    let geometry = geometry(&input_shape, &weight_shape, (stride, padding, dilation, groups))?;
    let pass = Pass::parse(direction).map_err(to_python)?;
    Ok(conv2d::choose::<f32>(pass, &geometry).name())
}

#[pyfunction]
fn conv2d_pools(
    input_shape: [usize; 4],
    weight_shape: [usize; 4],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    double: bool,
) -> PyResult<bool> {
    let geometry = geometry(&input_shape, &weight_shape, (stride, padding, dilation, groups))?;
    Ok(if double {
        conv2d::fuses_max_pool::<f64>(&geometry)
    } else {
        conv2d::fuses_max_pool::<f32>(&geometry)
    })
}

#[pyfunction]
fn conv2d_scratch(
    py: Python<'_>,
    direction: &str,
    input_shape: [usize; 4],
    weight_shape: [usize; 4],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    prepared: bool,
    max_pool: bool,
    double: bool,
) -> PyResult<(Vec<usize>, Vec<usize>, usize)> {
    let geometry = geometry(&input_shape, &weight_shape, (stride, padding, dilation, groups))?;
    let pass = Pass::parse(direction).map_err(to_python)?;
    let (taken, kept) = if double {
        compute(py, || conv2d::scratch::scratch::<f64>(pass, &geometry, prepared, max_pool))?
    } else {
        compute(py, || conv2d::scratch::scratch::<f32>(pass, &geometry, prepared, max_pool))?
    };
    Ok((taken.caller, taken.worker, kept))
}

#[pyfunction]
fn prepare_conv2d_weight(
    py: Python<'_>,
    weight: &Bound<'_, PyAny>,
    input_shape: [usize; 4],
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: usize,
    algorithm: Option<&str>,
) -> PyResult<PreparedConv2dWeight> {
    let sliding = (stride, padding, dilation, groups);
    let made = if is::<f64>(weight) {
        prepare::<f64>(py, weight, input_shape, sliding, algorithm)?
    } else {
        prepare::<f32>(py, weight, input_shape, sliding, algorithm)?
    };
    Ok(PreparedConv2dWeight(made))
}

fn prepare<T: Preparable>(
    py: Python<'_>,
    weight: &Bound<'_, PyAny>,
    input_shape: [usize; 4],
    sliding: Sliding,
    algorithm: Option<&str>,
) -> PyResult<Prepared> {
    let weight = input::<T>("weight", weight)?;
    let geometry = geometry(&input_shape, weight.shape(), sliding)?;
    let algorithm = choose::<T>(algorithm, Pass::Forward, &geometry).map_err(to_python)?;
    let weight = slice("weight", &weight)?;
    compute(py, || PreparedWeight::new(weight, &geometry, algorithm)).map(T::wrap)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PreparedConv2dWeight>()?;
    module.add_function(wrap_pyfunction!(conv2d_forward, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_backward_input, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_backward_weight, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_backward_bias, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_algorithm, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_pools, module)?)?;
    module.add_function(wrap_pyfunction!(conv2d_scratch, module)?)?;
    module.add_function(wrap_pyfunction!(prepare_conv2d_weight, module)?)
}
