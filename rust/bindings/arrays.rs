//! Arrays as slices: checks dtype, rank and overlap. Kernels check the sizes.

use numpy::{
    BorrowError, Element as NumpyElement, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use super::errors::{named, to_python};
use crate::kernels::{Element, Result as KernelResult, parallel};

/// A type of elements that crosses the seam.
pub trait Dtype: NumpyElement {
    /// NumPy's name.
    const NAME: &'static str;
}

macro_rules! dtypes {
    ($($element:ty = $name:literal),*) => {
        $(impl Dtype for $element {
            const NAME: &'static str = $name;
        })*
    };
}
dtypes!(
    f32 = "float32",
    f64 = "float64",
    i32 = "int32",
    i64 = "int64",
    u8 = "uint8",
    bool = "bool"
);

/// A float of the kernels that crosses the seam.
pub trait Float: Element + Dtype {}
impl Float for f32 {}
impl Float for f64 {}

/// Runs a block with `$T` as `f32` or `f64`, as the dtype of `$array` asks.
macro_rules! by_dtype {
    ($array:expr, $T:ident => $body:expr) => {
        if $crate::bindings::arrays::is::<f64>($array) {
            type $T = f64;
            $body
        } else {
            type $T = f32;
            $body
        }
    };
}
pub(super) use by_dtype;

/// Replaces arrays by slices of their elements, each named as its argument.
///
/// `in` are read, `optional` are read and may be `None`, `out` are written, `optional_out` are
/// written and may be `None`.
macro_rules! slices {
    (
        $T:ty;
        $(in $($read:ident),+;)?
        $(optional $($maybe_read:ident),+;)?
        $(out $($written:ident),+;)?
        $(optional_out $($maybe_written:ident),+;)?
    ) => {
        $($(let $read = $crate::bindings::arrays::input::<$T>(stringify!($read), $read)?;)+)?
        $($(
            let $maybe_read = $maybe_read
                .map(|array| $crate::bindings::arrays::input::<$T>(stringify!($maybe_read), array))
                .transpose()?;
        )+)?
        $($(let mut $written = $crate::bindings::arrays::output::<$T>(stringify!($written), $written)?;)+)?
        $($(
            let mut $maybe_written = $maybe_written
                .map(|array| $crate::bindings::arrays::output::<$T>(stringify!($maybe_written), array))
                .transpose()?;
        )+)?
        $($(let $read = $crate::bindings::arrays::slice(stringify!($read), &$read)?;)+)?
        $($(
            let $maybe_read = $maybe_read
                .as_ref()
                .map(|array| $crate::bindings::arrays::slice(stringify!($maybe_read), array))
                .transpose()?;
        )+)?
        $($(
            let $written =
                $crate::bindings::arrays::slice_mut(stringify!($written), &mut $written)?;
        )+)?
        $($(
            let $maybe_written = $maybe_written
                .as_mut()
                .map(|array| $crate::bindings::arrays::slice_mut(stringify!($maybe_written), array))
                .transpose()?;
        )+)?
    };
}
pub(super) use slices;

/// Defines `register`, which adds functions, classes and sub-modules to the Python module.
macro_rules! register {
    ($($function:ident),* $(,)? $(; class $($class:ident),+)? $(; mod $($room:ident),+)?) => {
        pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $($(module.add_class::<$class>()?;)+)?
            $(module.add_function(wrap_pyfunction!($function, module)?)?;)*
            $($($room::register(module)?;)+)?
            Ok(())
        }
    };
}
pub(super) use register;

/// An argument that should be an array.
pub type Any<'a, 'py> = &'a Bound<'py, PyAny>;

/// Whether `array` is a NumPy array of this dtype.
pub fn is<T: NumpyElement>(array: Any<'_, '_>) -> bool {
    array.cast::<PyArrayDyn<T>>().is_ok()
}

fn typed<'a, 'py, T: Dtype>(
    name: &str,
    array: Any<'a, 'py>,
) -> PyResult<&'a Bound<'py, PyArrayDyn<T>>> {
    array.cast::<PyArrayDyn<T>>().map_err(|_| {
        let came = array
            .cast::<PyUntypedArray>()
            .map_or_else(|_| array.get_type().to_string(), |array| array.dtype().to_string());
        named("DTypeError", format!("{name}: expected {}, got {came}", T::NAME))
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
pub fn input<'py, T: Dtype>(
    name: &str,
    array: Any<'_, 'py>,
) -> PyResult<PyReadonlyArrayDyn<'py, T>> {
    typed::<T>(name, array)?.try_readonly().map_err(|error| borrow_error(name, &error))
}

/// An array that is written.
pub fn output<'py, T: Dtype>(
    name: &str,
    array: Any<'_, 'py>,
) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    typed::<T>(name, array)?.try_readwrite().map_err(|error| borrow_error(name, &error))
}

/// Whether two arrays begin at the same address and have the same shape: the one case in which an
/// element-wise output may be an input.
pub fn same_memory(a: Any<'_, '_>, b: Any<'_, '_>) -> bool {
    let start = |array: Any<'_, '_>| {
        if let Ok(array) = array.cast::<PyArrayDyn<f32>>() {
            Some(array.data().addr())
        } else {
            array.cast::<PyArrayDyn<f64>>().ok().map(|array| array.data().addr())
        }
    };
    a.is(b) || (start(a).is_some() && start(a) == start(b) && shapes_equal(a, b))
}

fn shapes_equal(a: Any<'_, '_>, b: Any<'_, '_>) -> bool {
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

/// `array`, or nothing if it is the very memory of `out`: an element-wise kernel then works in
/// place.
pub fn unless_in_place<'a, 'py>(array: Any<'a, 'py>, out: Any<'_, 'py>) -> Option<Any<'a, 'py>> {
    if same_memory(array, out) { None } else { Some(array) }
}

/// The shape of an array of any dtype.
pub fn dimensions<'a>(name: &str, array: Any<'a, '_>) -> PyResult<&'a [usize]> {
    array.cast::<PyUntypedArray>().map(|array| array.shape()).map_err(|_| {
        named("DTypeError", format!("{name}: expected an array, got {}", array.get_type()))
    })
}

/// The shape of an array that must have `RANK` axes.
pub fn shape<const RANK: usize>(name: &str, array: Any<'_, '_>) -> PyResult<[usize; RANK]> {
    let shape = dimensions(name, array)?;
    shape.try_into().map_err(|_| {
        named(
            "ShapeError",
            format!("{name}: expected {RANK} axes, got {} in the shape {shape:?}", shape.len()),
        )
    })
}

/// The size of the last axis.
pub fn columns(name: &str, array: Any<'_, '_>) -> PyResult<usize> {
    Ok(dimensions(name, array)?.last().copied().unwrap_or(0))
}

/// Checks the shape of an array.
pub fn expect_shape(name: &str, array: Any<'_, '_>, expected: &[usize]) -> PyResult<()> {
    let came = dimensions(name, array)?;
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
