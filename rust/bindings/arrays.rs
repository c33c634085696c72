//! Arrays in and out: dtype, rank and overlap are checked here, sizes by the kernels.

use numpy::{
    BorrowError, Element as NumpyElement, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use super::errors::{named, to_python};
use crate::kernels::{Element, Result as KernelResult, parallel};

/// A float of the kernels that NumPy knows too.
pub trait Float: Element + NumpyElement {
    /// NumPy's name.
    const NAME: &'static str;
}
impl Float for f32 {
    const NAME: &'static str = "float32";
}
impl Float for f64 {
    const NAME: &'static str = "float64";
}

/// Calls `$function::<f32>` or `$function::<f64>`, as the dtype of `$array` asks.
macro_rules! by_dtype {
    ($array:expr, $function:ident($($argument:expr),* $(,)?)) => {
        if $crate::bindings::arrays::is::<f64>($array) { $function::<f64>($($argument),*) } else { $function::<f32>($($argument),*) }
    };
}
pub(super) use by_dtype;

/// Whether `array` is a NumPy array of this dtype.
pub fn is<T: NumpyElement>(array: &Bound<'_, PyAny>) -> bool {
    array.cast::<PyArrayDyn<T>>().is_ok()
}

fn typed<'a, 'py, T: NumpyElement>(
    name: &str,
    dtype: &str,
    array: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyArrayDyn<T>>> {
    array.cast::<PyArrayDyn<T>>().map_err(|_| {
        let came = array
            .cast::<PyUntypedArray>()
            .map_or_else(|_| array.get_type().to_string(), |array| array.dtype().to_string());
        named("DTypeError", format!("{name}: expected {dtype}, got {came}"))
    })
}

fn borrow_error(name: &str, error: &BorrowError) -> PyErr {
    match error {
        BorrowError::NotWriteable => {
            named("ArgumentError", format!("{name}: the array is read-only"))
        }
        _ => named(
            "ArgumentError",
            format!("{name}: overlaps another array of this call, or is in use by another thread"),
        ),
    }
}

/// An array that is read.
pub fn input<'py, T: Float>(
    name: &str,
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    input_of(name, T::NAME, array)
}

/// An array that is read, of a dtype that is not one of the kernels' floats.
pub fn input_of<'py, T: NumpyElement>(
    name: &str,
    dtype: &str,
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    typed::<T>(name, dtype, array)?.try_readonly().map_err(|error| borrow_error(name, &error))
}

/// An array that is read, or nothing for `None`.
pub fn optional_input<'py, T: Float>(
    name: &str,
    array: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<PyReadonlyArrayDyn<'py, T>>> {
    array.map(|array| input(name, array)).transpose()
}

/// An array that is written.
pub fn output<'py, T: Float>(
    name: &str,
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    output_of(name, T::NAME, array)
}

/// An array that is written, of a dtype that is not one of the kernels' floats.
pub fn output_of<'py, T: NumpyElement>(
    name: &str,
    dtype: &str,
    array: &Bound<'py, PyAny>,
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    typed::<T>(name, dtype, array)?.try_readwrite().map_err(|error| borrow_error(name, &error))
}

/// Whether two arrays begin at the same address and have the same shape: the one case in which an
/// element-wise output may be an input.
pub fn same_memory(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    let start = |array: &Bound<'_, PyAny>| {
        if let Ok(array) = array.cast::<PyArrayDyn<f32>>() {
            Some(array.data().addr())
        } else {
            array.cast::<PyArrayDyn<f64>>().ok().map(|array| array.data().addr())
        }
    };
    a.is(b) || (start(a).is_some() && start(a) == start(b) && shapes_equal(a, b))
}

fn shapes_equal(a: &Bound<'_, PyAny>, b: &Bound<'_, PyAny>) -> bool {
    matches!((a.cast::<PyUntypedArray>(), b.cast::<PyUntypedArray>()), (Ok(a), Ok(b)) if a.shape() == b.shape())
}

fn not_contiguous(name: &str) -> PyErr {
    named("ArgumentError", format!("{name}: the array must be C-contiguous"))
}

/// The elements of an array that is read.
pub fn slice<'a, T: NumpyElement>(
    name: &str,
    array: &'a PyReadonlyArrayDyn<'_, T>,
) -> PyResult<&'a [T]> {
    if !array.is_c_contiguous() {
        return Err(not_contiguous(name));
    }
    array.as_slice().map_err(|_| not_contiguous(name))
}

/// The elements of an array that is read, or nothing.
pub fn optional_slice<'a, T: NumpyElement>(
    name: &str,
    array: Option<&'a PyReadonlyArrayDyn<'_, T>>,
) -> PyResult<Option<&'a [T]>> {
    array.map(|array| slice(name, array)).transpose()
}

/// The elements of an array that is written.
pub fn slice_mut<'a, T: NumpyElement>(
    name: &str,
    array: &'a mut PyReadwriteArrayDyn<'_, T>,
) -> PyResult<&'a mut [T]> {
    if !array.is_c_contiguous() {
        return Err(not_contiguous(name));
    }
    array.as_slice_mut().map_err(|_| not_contiguous(name))
}

/// The shape of an array that must have `RANK` axes.
pub fn shape<const RANK: usize>(name: &str, shape: &[usize]) -> PyResult<[usize; RANK]> {
    shape.try_into().map_err(|_| {
        named(
            "ShapeError",
            format!("{name}: expected {RANK} axes, got {} in the shape {shape:?}", shape.len()),
        )
    })
}

/// Checks that an array has the shape that the others ask for.
pub fn expect_shape(name: &str, came: &[usize], expected: &[usize]) -> PyResult<()> {
    if came == expected {
        Ok(())
    } else {
        Err(named("ShapeError", format!("{name}: expected the shape {expected:?}, got {came:?}")))
    }
}

/// Runs a kernel without the GIL.
pub fn compute<R: Send>(
    py: Python<'_>,
    kernel: impl FnOnce() -> KernelResult<R> + Send,
) -> PyResult<R> {
    parallel::prepare();
    py.detach(kernel).map_err(to_python)
}
