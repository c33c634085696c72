//! Gradient of the correlation with respect to the weights. Each tap and filter has a register in
//! which products are summed over rows.

// Plain indices: the compiler fully unrolls such loops in its first pass, so that values stay in
// registers. It does not do so for iterators.
#![allow(clippy::needless_range_loop)]

use crate::kernels::Element;
use crate::kernels::simd::{Kernel, Vector};

/// Largest number of taps of a filter's row whose products are summed at a time.
pub const MAX_TAPS: usize = 5;

/// Largest number of filters whose products are summed at a time.
pub fn filters_at_once<T: Element, V: Vector<T>>() -> usize {
    if V::ROWS >= 14 { 3 } else { 2 }
}

/// Planes, and the distances between their rows and registers in elements.
#[derive(Clone, Copy)]
pub struct Operand<'a, T> {
    /// The planes, from the first register that is read.
    pub planes: &'a [T],
    /// Elements from one row to the next.
    pub row: usize,
    /// Elements from one register of a row to the next.
    pub register: usize,
}

impl<T: Element> Operand<'_, T> {
    /// The sum of all elements of `size.0` rows with `size.1` registers each.
    ///
    /// # Panics
    /// When the elements are outside the planes.
    #[inline(always)]
    pub fn sum<V: Vector<T>>(&self, size: (usize, usize)) -> T {
        if size.0 == 0 || size.1 == 0 {
            return T::ZERO;
        }
        assert!(self.holds::<V>(size, 0), "elements outside their slice");
        // Several sums, since each addition has to wait for the preceding one to the same sum.
        let mut sums = [V::zero(); 4];
        for y in 0..size.0 {
            for r in 0..size.1 {
                // SAFETY: by the assertion, the register is within the planes.
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

    /// Whether `rows` rows of `registers` registers are within the planes, and are still if they
    /// are moved by `further` elements.
    #[inline(always)]
    fn holds<V: Vector<T>>(&self, (rows, registers): (usize, usize), further: usize) -> bool {
        (rows - 1) * self.row + (registers - 1) * self.register + further + V::LANES
            <= self.planes.len()
    }
}

/// `sums[tap][filter] += Σ x[pixel + tap] gradient[pixel]`, lane by lane, over the registers of
/// some rows. Taps are `gap` elements apart, and the planes of two filters `plane` elements.
pub struct WeightGradient<'a, T> {
    /// The input, starting at the first tap.
    pub x: Operand<'a, T>,
    /// Elements from one tap to the next.
    pub gap: usize,
    /// The gradient. After the last pixel of a row, it must be zero up to the end of the register.
    pub gradient: Operand<'a, T>,
    /// Elements from one filter to the next.
    pub plane: usize,
    /// Number of rows, and of registers in each row.
    pub size: (usize, usize),
    /// Number of taps and of filters.
    pub count: (usize, usize),
    /// A register of sums for each filter of each tap.
    pub sums: &'a mut [T],
}

impl<T: Element> WeightGradient<'_, T> {
    /// Adds the products.
    ///
    /// # Panics
    /// When registers are outside their planes, when sums are outside their slice, or when there
    /// are too many taps or filters.
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

/// [`WeightGradient`] with the number of taps and filters known at compile time.
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
        // SAFETY: `add` checked that whole registers of every row, tap and filter are within their
        // slices, and that the sums are within theirs.
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
