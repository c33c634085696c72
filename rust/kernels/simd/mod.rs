//! SIMD: which instruction set this machine has, and how a kernel is compiled for each.
//!
//! A [`Kernel`] is written once, in plain Rust or on a [`Vector`]; [`dispatch_f32`] and
//! [`dispatch_f64`] run it compiled for the widest set found at run time. A kernel of plain loops
//! gains from this too: inside, the compiler may use all of that set.
//! `CNNRS_SIMD=portable|avx2|avx512|neon` chooses another, if the machine has it.
//!
//! Everything that a kernel's `run` calls on its hot path must be `#[inline(always)]`: only then is
//! it compiled for the set.

#![allow(unsafe_code)]

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod depthwise;
pub mod depthwise_weight;
pub mod exponentials;
pub mod float_state;
pub mod gemm;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod pack;
pub mod planar;
mod portable;
pub mod rows;
mod vector;
pub mod weave;
pub mod window_gradient;
pub mod windows;
pub mod winograd;

pub use vector::Vector;

/// A piece of work that is compiled once for each instruction set.
pub trait Kernel<T> {
    /// What it returns.
    type Output;
    /// Does the work with vectors of type `V`; mark it `#[inline(always)]`.
    fn run<V: Vector<T>>(self) -> Self::Output;
}

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What the baseline CPU of the platform has.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, VL, DQ and BW.
    Avx512,
    /// Advanced SIMD of 64-bit Arm.
    Neon,
}

impl Level {
    /// Its name, as `CNNRS_SIMD` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    fn available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}

/// The instruction set in use: the widest available, or the one that `CNNRS_SIMD` names if it is
/// available. Fixed at first use.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let all = [Level::Avx512, Level::Avx2, Level::Neon, Level::Portable];
        let asked = std::env::var("CNNRS_SIMD").unwrap_or_default();
        let named = all.into_iter().find(|level| level.name() == asked && level.available());
        named.or_else(|| all.into_iter().find(|level| level.available())).unwrap_or(Level::Portable)
    })
}

/// The SIMD features found on this CPU, whether used or not.
pub fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("sse2", true),
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
        ("avx512dq", is_x86_feature_detected!("avx512dq")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let found = [("neon", true)];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let found: [(&'static str, bool); 0] = [];
    found.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
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

/// Reads `count` elements, a whole register or less.
///
/// # Safety
/// They must be readable.
#[inline(always)]
unsafe fn load_some<T, V: Vector<T>>(from: *const T, count: usize) -> V {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { V::load(from) } else { V::load_partial(from, count) } }
}

/// Writes `count` elements, a whole register or less.
///
/// # Safety
/// They must be writable.
#[inline(always)]
unsafe fn store_some<T, V: Vector<T>>(value: V, to: *mut T, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { if count == V::LANES { value.store(to) } else { value.store_partial(to, count) } }
}
