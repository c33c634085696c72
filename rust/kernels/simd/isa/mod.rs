//! Instruction sets: the vector trait, its implementation for each set, and the dispatch at run time.
//!
//! A [`Kernel`] is written once, in plain Rust or on a [`Vector`]; [`dispatch_f32`] and
//! [`dispatch_f64`] run it compiled for the instruction set in use.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod float_state;
pub mod level;
pub mod memory;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
pub mod vector;

use level::{Level, level};
use vector::Vector;

/// A piece of work that is compiled once for each instruction set.
pub trait Kernel<T> {
    /// What it returns.
    type Output;
    /// Does the work with vectors of type `V`; mark it `#[inline(always)]`.
    fn run<V: Vector<T>>(self) -> Self::Output;
}

macro_rules! dispatcher {
    ($doc:literal, $name:ident, $float:ty, $avx512:ty, $avx2:ty, $neon:ty, $portable:ty) => {
        #[doc = $doc]
        pub fn $name<K: Kernel<$float>>(kernel: K) -> K::Output {
            match level() {
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => <$avx512>::call(kernel),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => <$avx2>::call(kernel),
                #[cfg(target_arch = "aarch64")]
                Level::Neon => <$neon>::call(kernel),
                _ => <$portable>::call(kernel),
            }
        }
    };
}

dispatcher!("Runs an `f32` kernel in the instruction set in use.", dispatch_f32, f32, avx512::F32x16, avx2::F32x8, neon::F32x4, portable::Lanes<f32, 4>);
dispatcher!("Runs an `f64` kernel in the instruction set in use.", dispatch_f64, f64, avx512::F64x8, avx2::F64x4, neon::F64x2, portable::Lanes<f64, 2>);

/// `vectorized!(|| body)` runs `body` compiled for the instruction set in use: plain loops become
/// wide.
///
/// The body is written out once for each set and always inlined there; a closure that is called
/// would stay a function of the baseline set.
macro_rules! vectorized {
    (|| $body:expr) => {
        match $crate::kernels::simd::level() {
            $crate::kernels::simd::Level::Avx512 => $crate::kernels::simd::plain_avx512(
                #[inline(always)]
                || $body,
            ),
            $crate::kernels::simd::Level::Avx2 => $crate::kernels::simd::plain_avx2(
                #[inline(always)]
                || $body,
            ),
            _ => $crate::kernels::simd::plain_baseline(|| $body),
        }
    };
}
pub(crate) use vectorized;

/// Runs a closure as the baseline set has it.
#[inline(always)]
pub(crate) fn plain_baseline<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Runs a closure compiled for AVX-512; only after [`level`] said so.
#[inline(always)]
pub(crate) fn plain_avx512<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: called only where `level` found the features.
    return unsafe { avx512::plain(f) };
    #[cfg(not(target_arch = "x86_64"))]
    f()
}

/// Runs a closure compiled for AVX2; only after [`level`] said so.
#[inline(always)]
pub(crate) fn plain_avx2<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: called only where `level` found the features.
    return unsafe { avx2::plain(f) };
    #[cfg(not(target_arch = "x86_64"))]
    f()
}
