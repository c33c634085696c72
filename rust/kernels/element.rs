//! The trait of the two element types, `f32` and `f64`.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

use super::memory::Plain;
use super::simd::{Kernel, dispatch_f32, dispatch_f64};

/// A float that the kernels compute on: `f32` (fast) or `f64` (the truth).
pub trait Element:
    Plain
    + Default
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Whether kernels are compiled for wide instruction sets, or for the baseline alone.
    const WIDE: bool;

    /// The nearest value.
    fn from_f64(value: f64) -> Self;
    /// The value, exactly.
    fn to_f64(self) -> f64;
    /// `e` to this power; see [`super::math`].
    fn exp(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The error function; see [`super::special`].
    fn erf(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// This to a power.
    fn powf(self, exponent: Self) -> Self;
    /// Whether this is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Runs a kernel, for `f32` in the widest instruction set of this machine; see [`super::simd`].
    fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output;

    /// The larger one; NaN if either is NaN (unlike `f32::max`); the first of equals.
    #[inline(always)]
    fn max_propagating(self, other: Self) -> Self {
        // A comparison with NaN is false: `self` NaN stays, `other` NaN is not below itself and is
        // taken.
        if other > self || other.partial_cmp(&other).is_none() { other } else { self }
    }
}

macro_rules! element {
    ($float:ident, $wide:literal, $exp:path, $tanh:path, $erf:path, $dispatch:path) => {
        impl Element for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NEG_INFINITY: Self = $float::NEG_INFINITY;
            const WIDE: bool = $wide;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $float
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                $tanh(self)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                $float::ln(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $float::abs(self)
            }
            #[inline(always)]
            fn powf(self, exponent: Self) -> Self {
                $float::powf(self, exponent)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }
            #[inline(always)]
            fn dispatch<K: Kernel<Self>>(kernel: K) -> K::Output {
                $dispatch(kernel)
            }
        }
    };
}

element!(
    f32,
    true,
    super::math::exp_f32,
    super::math::tanh_f32,
    super::special::erf_f32,
    dispatch_f32
);
element!(f64, false, f64::exp, f64::tanh, super::special::erf_f64, dispatch_f64);
