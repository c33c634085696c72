//! SIMD parts of depthwise convolution: the correlation and the weight gradient.

pub mod correlate;
pub mod weight_gradient;
