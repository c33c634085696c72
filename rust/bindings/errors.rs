//! Kernel errors as the Python classes of the same kind, and Ctrl-C.

use std::cell::RefCell;

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::kernels::KernelError;

thread_local! {
    /// What a signal handler raised while this thread was inside a kernel.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Runs pending signal handlers; true when one raised. Called by kernels between items, on the
/// calling thread.
pub fn signal_raised() -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => false,
        Err(error) => {
            RAISED.with_borrow_mut(|raised| *raised = Some(error));
            true
        }
    })
}

/// The Python exception for a kernel's error.
pub fn to_python(error: KernelError) -> PyErr {
    match error {
        KernelError::Shape(text) => named("ShapeError", text),
        KernelError::Argument(text) => named("ArgumentError", text),
        KernelError::Memory { .. } => PyMemoryError::new_err(error.to_string()),
        KernelError::Interrupted => {
            RAISED.with_borrow_mut(Option::take).unwrap_or_else(|| PyKeyboardInterrupt::new_err(()))
        }
    }
}

/// An exception of the class `cnnrs.errors.<class>`.
pub fn named(class: &str, text: String) -> PyErr {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Python::attach(|py| {
        let module = MODULE.get_or_try_init(py, || py.import("cnnrs.errors").map(Bound::unbind));
        let class =
            module.and_then(|module| Ok(module.bind(py).getattr(class)?.cast_into::<PyType>()?));
        class.map_or_else(|error| error, |class| PyErr::from_type(class, text))
    })
}
