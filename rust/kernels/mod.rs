//! The ground floor: kernels on slices, forward and backward, generic over `f32` and `f64`.
//!
//! Images are NHWC; filters `[kernel_h, kernel_w, in_channels / groups, out_channels]`; dense
//! weights `[in, out]`. A `backward` function is next to its `forward`; `accumulate` adds to the
//! output instead of overwriting it. Work is split by the shape of the problem alone, so the bits
//! do not depend on the number of threads.

pub mod activation;
pub mod activation_curves;
pub mod add;
pub mod augment;
pub mod conv2d;
pub mod dry_run;
pub mod element;
pub mod error;
pub mod geometry;
pub mod loss;
pub mod math;
pub mod matmul;
pub mod memory;
pub mod noise;
pub mod normalization;
pub mod optimizer;
pub mod parallel;
pub mod pool2d;
pub mod prelu;
pub mod random;
pub mod reduce;
pub mod resample2d;
pub mod simd;
pub mod softmax;
pub mod special;
pub mod tuning;
pub mod vector_norm;

pub use element::Element;
pub use error::{KernelError, Result};
