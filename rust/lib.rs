//! cnnrs: convolutional-network kernels for the CPU, and (feature `python`) their bindings as
//! `cnnrs._core`.
//!
//! [`kernels`] is the ground floor: slices in, slices out, no Python. `bindings` takes NumPy
//! arrays, lets go of the GIL, calls a kernel and maps its error; it does no arithmetic.

pub mod kernels;

#[cfg(feature = "python")]
mod bindings;
