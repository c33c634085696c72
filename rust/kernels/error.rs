//! The one error type of the kernels. The bindings turn each variant into the Python class of the
//! same kind.

use std::fmt;

/// Why a kernel could not do its work. No user input reaches a panic: it ends here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelError {
    /// Sizes that do not fit together; the text names the argument, what was expected and what
    /// came.
    Shape(String),
    /// A value outside its range, or a name that is not known.
    Argument(String),
    /// The allocator refused this many bytes.
    Memory {
        /// The size of the refused allocation, in bytes.
        bytes: usize,
    },
    /// The user interrupted the call (Ctrl-C); the output is incomplete.
    Interrupted,
}

/// What every kernel returns.
pub type Result<T> = std::result::Result<T, KernelError>;

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(text) | Self::Argument(text) => f.write_str(text),
            Self::Memory { bytes } => write!(f, "could not allocate {bytes} bytes"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for KernelError {}

/// A [`KernelError::Shape`] from a format string: `Err(shape_error!("..."))?` reads as one line.
macro_rules! shape_error {
    ($($arg:tt)*) => { $crate::kernels::error::KernelError::Shape(format!($($arg)*)) };
}
pub(crate) use shape_error;

/// Checks that a slice has the length that its shape asks for.
///
/// # Errors
/// [`KernelError::Shape`] naming the argument.
pub fn expect_len(name: &str, len: usize, expected: usize) -> Result<()> {
    if len == expected {
        Ok(())
    } else {
        Err(shape_error!("{name}: expected {expected} elements, got {len}"))
    }
}
