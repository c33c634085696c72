//! The gradient of the correlation by its weights: each tap and filter a register of products,
//! summed over rows.

// Plain indices: the compiler unrolls such loops whole in its first pass, so that values stay in
// registers; iterators it does not.
#![allow(clippy::needless_range_loop)]

use crate::kernels::Element;
use crate::kernels::simd::{Kernel, Vector};

/// Most taps of a filter's row, and filters, whose products are summed at a time.
pub const MAX_TAPS: usize = 5;

/// Filters whose products are summed at a time.
pub fn filters_at_once<T: Element, V: Vector<T>>() -> usize {
    if V::ROWS >= 14 { 3 } else { 2 }
}

/// Planes, and the elements from one of their rows and registers to the next.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    /// From the first register that is read on.
    pub planes: &'a [T],
    /// From one row to the next.
    pub row: usize,
    /// From one register of a row to the next.
    pub register: usize,
}

impl<T: Element> Operand<'_, T> {
    /// The sum of all elements of so many rows and registers.
    ///
    /// # Panics
    /// When they lie outside the planes.
    #[inline(always)]
    pub fn sum<V: Vector<T>>(&self, size: (usize, usize)) -> T {
        if size.0 == 0 || size.1 == 0 {
            return T::ZERO;
        }
        assert!(self.holds::<V>(size, 0), "elements outside their slice");
        // Several sums: each addition waits for the one before.
        let mut sums = [V::zero(); 4];
        for y in 0..size.0 {
            for r in 0..size.1 {
                // SAFETY: within the planes, by the assertion.
                let value =
                    unsafe { V::load(self.planes.as_ptr().add(y * self.row + r * self.register)) };
                sums[r % 4] = sums[r % 4].add(value);
            }
        }
        sums[0].add(sums[1]).add(sums[2].add(sums[3])).fold(
            #[inline(always)]
            |a, b| a + b,
        )
    }

    /// Whether so many rows and registers, and the same so many elements further on, lie within the
    /// planes.
    #[inline(always)]
    fn holds<V: Vector<T>>(&self, (rows, registers): (usize, usize), further: usize) -> bool {
        (rows - 1) * self.row + (registers - 1) * self.register + further + V::LANES
            <= self.planes.len()
    }
}

/// `sums[tap][filter] += Σ x[pixel + tap] gradient[pixel]`, lane by lane: for the registers of some
/// rows, taps that are `gap` elements apart, and filters whose planes are `plane` elements apart.
pub struct WeightGradient<'a, T> {
    /// The input, from the first tap on.
    pub x: Operand<'a, T>,
    /// Elements from one tap to the next.
    pub gap: usize,
    /// The gradient, zero past the last pixel of a row up to a whole register.
    pub gradient: Operand<'a, T>,
    /// Elements from one filter to the next.
    pub plane: usize,
    /// Rows, and registers of each.
    pub size: (usize, usize),
    /// Taps and filters.
    pub count: (usize, usize),
    /// A register of sums for each filter of each tap.
    pub sums: &'a mut [T],
}

impl<T: Element> WeightGradient<'_, T> {
    /// Adds the products.
    ///
    /// # Panics
    /// When registers lie outside their planes, sums outside their slice, or there are too many.
    #[inline(always)]
    pub fn add<V: Vector<T>>(self) {
        let (size, (taps, filters)) = (self.size, self.count);
        if size.0 == 0 || size.1 == 0 {
            return;
        }
        assert!(self.x.holds::<V>(size, (taps - 1) * self.gap), "input outside its slice");
        assert!(
            self.gradient.holds::<V>(size, (filters - 1) * self.plane),
            "gradient outside its slice"
        );
        assert!(taps * filters * V::LANES <= self.sums.len());
        macro_rules! by_count {
            ($($taps:literal)*) => {
                match (taps, filters) {
                    $(($taps, 1) => V::call(Sized::<T, $taps, 1>(self)),
                    ($taps, 2) => V::call(Sized::<T, $taps, 2>(self)),
                    ($taps, 3) => V::call(Sized::<T, $taps, 3>(self)),)*
                    _ => unreachable!("more products than registers"),
                }
            };
        }
        by_count!(1 2 3 4 5);
    }
}

/// The gradients of a number of taps and filters that the compiler knows.
struct Sized<'a, T, const TAPS: usize, const FILTERS: usize>(WeightGradient<'a, T>);

impl<T: Element, const TAPS: usize, const FILTERS: usize> Kernel<T>
    for Sized<'_, T, TAPS, FILTERS>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let WeightGradient {
            x, gap, gradient, plane, size: (rows, registers), sums: target, ..
        } = self.0;
        let mut sums = [[V::zero(); FILTERS]; TAPS];
        // SAFETY: `add` saw that whole registers of every row, tap and filter lie within their
        // slices, and so do the sums.
        unsafe {
            for y in 0..rows {
                let (mut from, mut gradient_from) = (
                    x.planes.as_ptr().add(y * x.row),
                    gradient.planes.as_ptr().add(y * gradient.row),
                );
                for _ in 0..registers {
                    let mut factors = [V::zero(); FILTERS];
                    for f in 0..FILTERS {
                        factors[f] = V::load(gradient_from.add(f * plane));
                    }
                    for t in 0..TAPS {
                        let pixels = V::load(from.add(t * gap));
                        for f in 0..FILTERS {
                            sums[t][f] = pixels.mul_add(factors[f], sums[t][f]);
                        }
                    }
                    (from, gradient_from) = (
                        from.wrapping_add(x.register),
                        gradient_from.wrapping_add(gradient.register),
                    );
                }
            }
            for t in 0..TAPS {
                for f in 0..FILTERS {
                    let at = target.as_mut_ptr().add((t * FILTERS + f) * V::LANES);
                    V::load(at).add(sums[t][f]).store(at);
                }
            }
        }
    }
}
