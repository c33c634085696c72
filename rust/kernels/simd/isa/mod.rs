//! Instruction sets: the vector traits, their implementation for each set, and the dispatch at run
//! time.
//!
//! A [`Kernel`] is written once, in plain Rust or on a [`Vector`]. For `f32` it is compiled for
//! every instruction set, and [`dispatch_f32`] runs the one in use. For `f64`, which serves gradient
//! checks and references, it is compiled once, for the baseline CPU of the platform: copies for
//! wider sets would double the size of the library and the time it takes to build.

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
pub mod shuffle;
pub mod vector;

use level::{Level, level};
use shuffle::{Index, Shuffle};
use vector::Vector;

use crate::kernels::Element;

/// Lanes of the widest register of any instruction set.
pub const MAX_LANES: usize = 16;

/// A piece of work that is compiled once for each instruction set.
pub trait Kernel<T: Element> {
    /// What it returns.
    type Output;
    /// Does the work with vectors of type `V`; mark it `#[inline(always)]`. An implementation asks
    /// for no more of `V` than it needs, mostly [`Vector`] alone.
    fn run<V: Shuffle<T> + Index<T>>(self) -> Self::Output;
}

/// Runs an `f32` kernel in the instruction set in use.
pub fn dispatch_f32<K: Kernel<f32>>(kernel: K) -> K::Output {
    match level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => avx512::F32x16::call(kernel),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => avx2::F32x8::call(kernel),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::F32x4::call(kernel),
        _ => portable::Lanes::<f32, 4>::call(kernel),
    }
}

/// Runs an `f64` kernel, in the baseline instruction set.
pub fn dispatch_f64<K: Kernel<f64>>(kernel: K) -> K::Output {
    portable::Lanes::<f64, 2>::call(kernel)
}

/// `vectorized!(T, || body)` runs `body`, a computation on elements of type `T`, compiled for the
/// instruction set in use: plain loops become wide. For `f64` only the baseline copy is compiled.
///
/// The body is written out once for each set and always inlined there; a closure that is called
/// would stay a function of the baseline set.
macro_rules! vectorized {
    ($element:ty, || $body:expr) => {
        if !<$element as $crate::kernels::Element>::WIDE {
            $crate::kernels::simd::plain_baseline(|| $body)
        } else {
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
