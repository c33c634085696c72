//! NEON: 32 registers of 128 bits, on every 64-bit Arm.

use std::arch::aarch64::*;

use super::Kernel;
use super::vector::Vector;

macro_rules! neon {
    ($name:ident, $float:ty, $lanes:literal, $register:ty, $call:ident, $dup:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $fms:ident, $max:ident,
     $cgt:ident, $cle:ident, $ceq:ident, $bsl:ident, $load:ident, $store:ident, $store_interleaved:ident, $three:ident) => {
        /// A 128-bit register.
        #[derive(Clone, Copy)]
        pub struct $name($register);

        // SAFETY of every block below: NEON is part of every 64-bit Arm; memory accesses are the
        // caller's promise, kept to the first `count` lanes where partial.
        #[allow(clippy::undocumented_unsafe_blocks, unused_unsafe)]
        impl Vector<$float> for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = 12;

            #[inline(always)]
            fn call<K: Kernel<$float>>(kernel: K) -> K::Output {
                $call(kernel)
            }
            #[inline(always)]
            fn zero() -> Self {
                Self::splat(0.0)
            }
            #[inline(always)]
            fn splat(value: $float) -> Self {
                Self(unsafe { $dup(value) })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(unsafe { $mul(self.0, other.0) })
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(unsafe { $div(self.0, other.0) })
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $fma(addend.0, self.0, factor.0) })
            }
            #[inline(always)]
            fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
                Self(unsafe { $fms(addend.0, self.0, factor.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(unsafe { $bsl($cgt(self.0, other.0), self.0, other.0) })
            }
            #[inline(always)]
            fn first(self, count: usize, rest: Self) -> Self {
                let (mut lanes, mut own) = ([0.0; $lanes], [0.0; $lanes]);
                unsafe {
                    $store(lanes.as_mut_ptr(), rest.0);
                    $store(own.as_mut_ptr(), self.0);
                }
                lanes[..count].copy_from_slice(&own[..count]);
                Self(unsafe { $load(lanes.as_ptr()) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // FMAX gives NaN if either is NaN.
                Self(unsafe { $max(Self::zero().0, self.0) })
            }
            #[inline(always)]
            fn where_positive(self, activation_output: Self) -> Self {
                Self(unsafe {
                    $bsl($cgt(activation_output.0, Self::zero().0), self.0, Self::zero().0)
                })
            }
            #[inline(always)]
            fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
                unsafe {
                    // `a` where it is NaN or b <= a.
                    let (number, below) = ($ceq(a.0.0, a.0.0), $cle(b.0.0, a.0.0));
                    let take = |a, b| Self($bsl(number, $bsl(below, a, b), a));
                    (take(a.0.0, b.0.0), take(a.1.0, b.1.0))
                }
            }
            #[inline(always)]
            unsafe fn load(source: *const $float) -> Self {
                Self(unsafe { $load(source) })
            }
            #[inline(always)]
            unsafe fn load_partial(source: *const $float, count: usize) -> Self {
                let mut lanes = [0.0; $lanes];
                for (i, lane) in lanes.iter_mut().enumerate().take(count) {
                    *lane = unsafe { source.add(i).read() };
                }
                Self(unsafe { $load(lanes.as_ptr()) })
            }
            #[inline(always)]
            unsafe fn store(self, target: *mut $float) {
                unsafe { $store(target, self.0) }
            }
            #[inline(always)]
            unsafe fn store_partial(self, target: *mut $float, count: usize) {
                let mut lanes = [0.0; $lanes];
                unsafe { $store(lanes.as_mut_ptr(), self.0) }
                for (i, &lane) in lanes.iter().enumerate().take(count) {
                    unsafe { target.add(i).write(lane) }
                }
            }
            #[inline(always)]
            unsafe fn stream(self, target: *mut $float) {
                unsafe { $store(target, self.0) }
            }
            #[inline(always)]
            fn interleave(a: Self, b: Self, c: Self) -> [Self; 3] {
                let mut woven = [0.0; 3 * $lanes];
                unsafe {
                    $store_interleaved(woven.as_mut_ptr(), $three(a.0, b.0, c.0));
                    [0, 1, 2].map(|j| Self($load(woven.as_ptr().add(j * $lanes))))
                }
            }
            #[inline(always)]
            fn fence() {}
            #[inline(always)]
            fn prefetch(_source: *const $float) {}
        }

        #[inline(never)]
        fn $call<K: Kernel<$float>>(kernel: K) -> K::Output {
            kernel.run::<$name>()
        }
    };
}

neon!(
    F32x4,
    f32,
    4,
    float32x4_t,
    call_f32,
    vdupq_n_f32,
    vaddq_f32,
    vsubq_f32,
    vmulq_f32,
    vdivq_f32,
    vfmaq_f32,
    vfmsq_f32,
    vmaxq_f32,
    vcgtq_f32,
    vcleq_f32,
    vceqq_f32,
    vbslq_f32,
    vld1q_f32,
    vst1q_f32,
    vst3q_f32,
    float32x4x3_t
);
neon!(
    F64x2,
    f64,
    2,
    float64x2_t,
    call_f64,
    vdupq_n_f64,
    vaddq_f64,
    vsubq_f64,
    vmulq_f64,
    vdivq_f64,
    vfmaq_f64,
    vfmsq_f64,
    vmaxq_f64,
    vcgtq_f64,
    vcleq_f64,
    vceqq_f64,
    vbslq_f64,
    vld1q_f64,
    vst1q_f64,
    vst3q_f64,
    float64x2x3_t
);
