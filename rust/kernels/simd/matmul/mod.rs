//! SIMD parts of the matrix product: packing of panels and the micro-kernel.

pub mod micro_kernel;
pub mod pack;
