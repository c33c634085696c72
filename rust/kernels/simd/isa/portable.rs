//! Vectors stored as arrays, compiled to the instructions of the baseline CPU.

use super::Kernel;
use super::shuffle::{Index, Shuffle};
use super::vector::Vector;
use crate::kernels::Element;

/// `N` lanes in an array.
#[derive(Clone, Copy)]
pub struct Lanes<T, const N: usize>([T; N]);

impl<T: Copy, const N: usize> Lanes<T, N> {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }
}

impl<T: Element, const N: usize> Vector<T> for Lanes<T, N> {
    const LANES: usize = N;
    const ROWS: usize = 4;

    #[inline(always)]
    fn call<K: Kernel<T>>(kernel: K) -> K::Output {
        call_baseline::<T, K, N>(kernel)
    }
    #[inline(always)]
    fn zero() -> Self {
        Self([T::ZERO; N])
    }
    #[inline(always)]
    fn splat(value: T) -> Self {
        Self([value; N])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self.mul(factor).add(addend)
    }
    #[inline(always)]
    fn neg_mul_add(self, factor: Self, addend: Self) -> Self {
        addend.sub(self.mul(factor))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn first(self, count: usize, rest: Self) -> Self {
        Self(std::array::from_fn(|i| if i < count { self.0[i] } else { rest.0[i] }))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        Self(self.0.map(|a| if a < T::ZERO { T::ZERO } else { a }))
    }
    #[inline(always)]
    fn where_positive(self, activation_output: Self) -> Self {
        self.zip(activation_output, |a, g| if g > T::ZERO { a } else { T::ZERO })
    }
    #[inline(always)]
    fn larger(a: (Self, Self), b: (Self, Self)) -> (Self, Self) {
        let nan = |value: T| value.partial_cmp(&value).is_none();
        let take: [bool; N] =
            std::array::from_fn(|i| (b.0.0[i] > a.0.0[i]) | (nan(b.0.0[i]) & !nan(a.0.0[i])));
        let pick =
            |a: Self, b: Self| Self(std::array::from_fn(|i| if take[i] { b.0[i] } else { a.0[i] }));
        (pick(a.0, b.0), pick(a.1, b.1))
    }
    #[inline(always)]
    unsafe fn load(source: *const T) -> Self {
        // SAFETY: the caller's promise; an array of T has T's alignment.
        Self(unsafe { source.cast::<[T; N]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn load_partial(source: *const T, count: usize) -> Self {
        let lane = |i| {
            if i >= count {
                return T::ZERO;
            }
            // SAFETY: the caller's promise, for the first `count` lanes.
            unsafe { source.add(i).read() }
        };
        Self(std::array::from_fn(lane))
    }
    #[inline(always)]
    unsafe fn store(self, target: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { target.cast::<[T; N]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, target: *mut T, count: usize) {
        for (i, &value) in self.0.iter().enumerate().take(count) {
            // SAFETY: the caller's promise, for the first `count` lanes.
            unsafe { target.add(i).write(value) }
        }
    }
    #[inline(always)]
    unsafe fn stream(self, target: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { self.store(target) }
    }
    #[inline(always)]
    fn fence() {}
    #[inline(always)]
    fn prefetch(_source: *const T) {}
}

impl<T: Element, const N: usize> Shuffle<T> for Lanes<T, N> {}

impl<T: Element, const N: usize> Index<T> for Lanes<T, N> {}

#[inline(never)]
fn call_baseline<T: Element, K: Kernel<T>, const N: usize>(kernel: K) -> K::Output {
    kernel.run::<Lanes<T, N>>()
}
