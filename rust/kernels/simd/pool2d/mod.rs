//! SIMD parts of pooling: the forward and the backward pass.

pub mod backward;
pub mod forward;
