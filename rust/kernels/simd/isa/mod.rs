//! Instruction sets: the vector traits, their implementation for each set, and run-time dispatch.
//!
//! A [`Kernel`] is written once, in plain Rust or on a [`Vector`]. For `f32` it is compiled for
//! every instruction set, and [`dispatch_f32`] runs the version for the set in use. For `f64`,
//! which is used for gradient checks and reference results, it is compiled once, for the baseline
//! CPU of the platform. Versions for wider sets would double the size of the library and its build
//! time.

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

/// Lanes of the widest register among all instruction sets.
pub const MAX_LANES: usize = 16;

/// A computation that is compiled once for each instruction set.
pub trait Kernel<T: Element> {
    /// The result of [`Kernel::run`].
    type Output;
    /// Runs the computation with vectors of type `V`. Mark it `#[inline(always)]`. An
    /// implementation should require only the traits of `V` that it needs, in most cases [`Vector`]
    /// alone.
    fn run<V: Shuffle<T> + Index<T>>(self) -> Self::Output;
}

/// Runs an `f32` kernel compiled for the instruction set in use.
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

/// Runs an `f64` kernel compiled for the baseline instruction set.
pub fn dispatch_f64<K: Kernel<f64>>(kernel: K) -> K::Output {
    portable::Lanes::<f64, 2>::call(kernel)
}

/// `vectorized!(T, || body)` runs `body`, a computation on elements of type `T`, compiled for the
/// instruction set in use, so that plain loops are vectorized for it. For `f64` only the baseline
/// version is compiled.
///
/// The macro expands the body once for each set and always inlines it there. A closure that is
/// called and not inlined would be compiled for the baseline set.
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

/// Runs a closure compiled for the baseline set.
#[inline(always)]
pub(crate) fn plain_baseline<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Runs a closure compiled for AVX-512. Call it only if [`level`] returned this set.
#[inline(always)]
pub(crate) fn plain_avx512<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: called only if `level` detected the features.
    return unsafe { avx512::plain(f) };
    #[cfg(not(target_arch = "x86_64"))]
    f()
}

/// Runs a closure compiled for AVX2. Call it only if [`level`] returned this set.
#[inline(always)]
pub(crate) fn plain_avx2<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: called only if `level` detected the features.
    return unsafe { avx2::plain(f) };
    #[cfg(not(target_arch = "x86_64"))]
    f()
}
