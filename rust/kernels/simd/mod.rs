//! SIMD: detection of the CPU's instruction set, and kernels compiled for each set.
//!
//! A [`Kernel`] is written once, in plain Rust or on a [`Vector`]; [`dispatch_f32`] runs the
//! version compiled for the widest set found at run time, and [`dispatch_f64`] the version for the
//! baseline CPU. A kernel of plain loops also benefits, since the compiler may use all instructions
//! of the set. `CNNRS_SIMD=portable|avx2|avx512|neon` selects another set, if the CPU supports it.
//!
//! Everything that a kernel's `run` calls on its hot path must be `#[inline(always)]`: otherwise it
//! is not compiled for the set.

#![allow(unsafe_code)]

pub mod augment;
pub mod conv2d;
pub mod elementwise;
pub mod isa;
pub mod matmul;
pub mod pool2d;
pub mod softmax;

pub use isa::level::{Level, cpu_features, level};
use isa::memory::{load_some, store_some};
pub use isa::shuffle::{Index, Shuffle};
pub use isa::vector::Vector;
pub use isa::{Kernel, MAX_LANES, dispatch_f32, dispatch_f64};
pub(crate) use isa::{plain_avx2, plain_avx512, plain_baseline, vectorized};
