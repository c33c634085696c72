//! The transforms for stride 2: of tiles of the input and of gradients, of filters, and back to
//! outputs and taps.

use super::{EVEN, FILTER_SIDE, OUTPUTS, PIXELS, SIDE};
use crate::kernels::Element;
use crate::kernels::simd::Vector;
use crate::kernels::simd::conv2d::winograd::{Frequencies, Get, Transform};

#[inline(always)]
fn number<T: Element, V: Vector<T>>(value: f64) -> V {
    V::splat(T::from_f64(value))
}

/// Frequency 0 of five pixels.
#[inline(always)]
fn at_zero<T: Element, V: Vector<T>>(e: [V; EVEN]) -> V {
    number::<T, V>(4.0).mul_add(e[0], number::<T, V>(-5.0).mul_add(e[2], e[4]))
}

/// Frequencies 1 and 2 of five pixels: the points ±1.
#[inline(always)]
fn at_one<T: Element, V: Vector<T>>(e: [V; EVEN]) -> (V, V) {
    let four = number::<T, V>(4.0);
    let (even, odd) = (four.neg_mul_add(e[2], e[4]), four.neg_mul_add(e[1], e[3]));
    (even.add(odd), even.sub(odd))
}

/// Frequencies 3 and 4 of five pixels: the points ±2.
#[inline(always)]
fn at_two<T: Element, V: Vector<T>>(e: [V; EVEN]) -> (V, V) {
    let two = number::<T, V>(2.0);
    let (even, odd) = (e[4].sub(e[2]), e[3].sub(e[1]));
    (two.mul_add(odd, even), two.neg_mul_add(odd, even))
}

/// Values at a pair of points ±`point` of the polynomial whose coefficients are two taps, or four
/// gradients in the place of taps, times `factor`.
#[inline(always)]
fn at_pair<T: Element, V: Vector<T>, const TAPS: usize>(
    g: &[V; TAPS],
    point: f64,
    factor: f64,
) -> (V, V) {
    let (mut even, mut odd) =
        (number::<T, V>(factor).mul(g[0]), number::<T, V>(factor * point).mul(g[1]));
    if TAPS > 2 {
        even = number::<T, V>(factor * point * point).mul_add(g[2], even);
        odd = number::<T, V>(factor * point * point * point).mul_add(g[3], odd);
    }
    (even.add(odd), even.sub(odd))
}

/// Values of two taps, or of four gradients, at the five points, with the divisors of the
/// interpolation applied.
#[inline(always)]
fn at_points<T: Element, V: Vector<T>, const TAPS: usize>(g: [V; TAPS]) -> [V; EVEN] {
    let ((a, b), (c, d)) =
        (at_pair::<T, V, TAPS>(&g, 1.0, -1.0 / 6.0), at_pair::<T, V, TAPS>(&g, 2.0, 1.0 / 24.0));
    [number::<T, V>(0.25).mul(g[0]), a, b, c, d]
}

/// The four outputs of the even part.
#[inline(always)]
pub(super) fn outputs_of<T: Element, V: Vector<T>>(m: [V; EVEN]) -> [V; OUTPUTS] {
    let (sum_one, sum_two) = (m[1].add(m[2]), m[3].add(m[4]));
    let (difference_one, difference_two) = (m[1].sub(m[2]), m[3].sub(m[4]));
    [
        m[0].add(sum_one.add(sum_two)),
        number::<T, V>(2.0).mul_add(difference_two, difference_one),
        number::<T, V>(4.0).mul_add(sum_two, sum_one),
        number::<T, V>(8.0).mul_add(difference_two, difference_one),
    ]
}

/// Five registers of an array, `step` apart.
#[inline(always)]
pub(super) fn five<V: Copy, const LEN: usize>(values: &[V; LEN], step: usize) -> [V; EVEN] {
    [values[0], values[step], values[2 * step], values[3 * step], values[4 * step]]
}

/// Five registers of column `j` of a patch, `step` rows apart.
///
/// # Safety
/// The registers must be readable.
#[inline(always)]
pub(super) unsafe fn column_of<V, G: Get<V>>(get: G, j: usize, step: usize) -> [V; EVEN] {
    // SAFETY: the caller's promise.
    unsafe {
        [
            get.get(0, j),
            get.get(step, j),
            get.get(2 * step, j),
            get.get(3 * step, j),
            get.get(4 * step, j),
        ]
    }
}

/// Transforms a patch of `$size` columns row by row. Rows of the even part are `$step` apart, and
/// so are rows of the odd part. Row `$odd` is the first one of the odd part.
macro_rules! by_rows {
    ($get:ident, $put:ident, $size:expr, $step:expr, $odd:expr) => {{
        let (mut values, mut other) = ([V::zero(); $size], [V::zero(); $size]);
        // SAFETY: the caller's promise.
        unsafe {
            for j in 0..$size {
                values[j] = at_zero::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(0, &values, $put);
            for j in 0..$size {
                (values[j], other[j]) = at_one::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(1, &values, $put);
            Self::emit::<T, V>(2, &other, $put);
            for j in 0..$size {
                (values[j], other[j]) = at_two::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(3, &values, $put);
            Self::emit::<T, V>(4, &other, $put);
            for o in 0..OUTPUTS {
                for j in 0..$size {
                    values[j] = $get.get($odd + o * $step, j);
                }
                Self::emit::<T, V>(EVEN + o, &values, $put);
            }
        }
    }};
}

/// Writes a row of frequencies: five of the even part and four of the odd part.
///
/// # Safety
/// The registers of this row must be writable.
#[inline(always)]
unsafe fn put_row<T: Element, V: Vector<T>>(
    row: usize,
    even: [V; EVEN],
    odd: [V; OUTPUTS],
    put: Frequencies<T>,
) {
    let (zero, one, two) = (at_zero::<T, V>(even), at_one::<T, V>(even), at_two::<T, V>(even));
    // SAFETY: the caller's promise.
    unsafe {
        put.put(row * SIDE, zero);
        put.put(row * SIDE + 1, one.0);
        put.put(row * SIDE + 2, one.1);
        put.put(row * SIDE + 3, two.0);
        put.put(row * SIDE + 4, two.1);
        for o in 0..OUTPUTS {
            put.put(row * SIDE + EVEN + o, odd[o]);
        }
    }
}

/// Transform of a tile of the input, 9 × 9.
pub struct Image;

impl Image {
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>>(row: usize, v: &[V; PIXELS], put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe { put_row::<T, V>(row, five(v, 2), [v[1], v[3], v[5], v[7]], put) };
    }
}

impl<T: Element> Transform<T, PIXELS> for Image {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        by_rows!(get, put, PIXELS, 2, 1);
    }
}

/// Transform of a tile of the gradient of the output, 5 × 5, for the gradient of the input. `SHIFT`
/// is 1 if an even pixel comes first, else 0.
pub struct Gradient<const SHIFT: usize>;

impl<const SHIFT: usize> Gradient<SHIFT> {
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>>(row: usize, v: &[V; EVEN], put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            put_row::<T, V>(row, *v, [v[SHIFT], v[SHIFT + 1], v[SHIFT + 2], v[SHIFT + 3]], put)
        };
    }
}

impl<T: Element, const SHIFT: usize> Transform<T, EVEN> for Gradient<SHIFT> {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        by_rows!(get, put, EVEN, 1, SHIFT);
    }
}

/// Transform of a filter, from 3 × 3 to 6 × 6.
pub struct Taps;

impl<T: Element> Transform<T, 3> for Taps {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut columns = [[V::zero(); EVEN]; 3];
            for j in 0..3 {
                columns[j] = at_points::<T, V, 2>([get.get(0, j), get.get(2, j)]);
            }
            for i in 0..FILTER_SIDE {
                let mut row = [V::zero(); 3];
                for j in 0..3 {
                    row[j] = if i < EVEN { columns[j][i] } else { get.get(1, j) };
                }
                let even = at_points::<T, V, 2>([row[0], row[2]]);
                for j in 0..EVEN {
                    put.put(i * FILTER_SIDE + j, even[j]);
                }
                put.put(i * FILTER_SIDE + EVEN, row[1]);
            }
        }
    }
}

/// Transform of a tile of the gradient of the output, 4 × 4, in the place of a filter: for the
/// gradient of the weights.
pub struct Factors;

impl<T: Element> Transform<T, OUTPUTS> for Factors {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut columns = [[V::zero(); EVEN]; OUTPUTS];
            for j in 0..OUTPUTS {
                columns[j] = at_points::<T, V, 4>([
                    get.get(0, j),
                    get.get(1, j),
                    get.get(2, j),
                    get.get(3, j),
                ]);
            }
            for i in 0..SIDE {
                let mut row = [V::zero(); OUTPUTS];
                for j in 0..OUTPUTS {
                    row[j] = if i < EVEN { columns[j][i] } else { get.get(i - EVEN, j) };
                }
                let even = at_points::<T, V, 4>(row);
                for j in 0..EVEN {
                    put.put(i * SIDE + j, even[j]);
                }
                for j in 0..OUTPUTS {
                    put.put(i * SIDE + EVEN + j, row[j]);
                }
            }
        }
    }
}

/// The two taps of the even part, from the frequencies.
#[inline(always)]
fn ends<T: Element, V: Vector<T>>(m: [V; EVEN]) -> [V; 2] {
    let outputs = outputs_of::<T, V>(m);
    [outputs[0], outputs[1]]
}

/// Transforms 6 × 6 sums back to 3 × 3 taps.
///
/// # Safety
/// The registers that `get` reads must be readable.
#[inline(always)]
pub(super) unsafe fn taps_of<T: Element, V: Vector<T>, G: Get<V>>(get: G) -> [[V; 3]; 3] {
    let mut rows = [[V::zero(); FILTER_SIDE]; 3];
    for j in 0..FILTER_SIDE {
        // SAFETY: the caller's promise.
        unsafe {
            let values = ends::<T, V>(column_of(get, j, 1));
            (rows[0][j], rows[1][j], rows[2][j]) = (values[0], get.get(EVEN, j), values[1]);
        }
    }
    let mut taps = [[V::zero(); 3]; 3];
    for i in 0..3 {
        let values = ends::<T, V>(five(&rows[i], 1));
        taps[i] = [values[0], rows[i][EVEN], values[1]];
    }
    taps
}
