//! SIMD parts of the convolution methods, one folder a method.

pub mod depthwise;
pub mod few_channels;
pub mod winograd;
