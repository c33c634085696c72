//! The transforms of input, filter and output, for tiles of 4, 6 and 8: interpolation at 0, ∞ and
//! pairs ±p.
//!
//! The points are ±1 for tiles of 4; ±2/3, ±3/2 for tiles of 6; and ±1, ±2, ±1/2 for tiles of 8.
//! For tiles of 6 these points give a third of the error of the usual ±1, ±2 at the same cost
//! (Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd convolution"). The
//! two points of a pair share their even and odd parts.

use super::{Frequencies, Get, Transform};
use crate::kernels::Element;
use crate::kernels::simd::Vector;

/// Largest number of pairs of points.
const MAX_PAIRS: usize = 3;

/// Constants of the transforms of a tile, in double precision.
struct Points {
    /// The points p.
    point: [f64; MAX_PAIRS],
    /// Coefficients of `Π (x² - p_j²)`, ordered by the power of x².
    all: [f64; MAX_PAIRS + 1],
    /// Coefficients of `Π_{j ≠ i} (x² - p_j²)`.
    others: [[f64; MAX_PAIRS]; MAX_PAIRS],
    /// `1 / Π -p_j²`
    at_zero: f64,
    /// `1 / (2 p_i² Π_{j ≠ i} (p_i² - p_j²))`
    at_point: [f64; MAX_PAIRS],
}

impl Points {
    const fn new(pairs: usize, point: [f64; MAX_PAIRS]) -> Self {
        let mut points =
            Self { point, all: [0.0; 4], others: [[0.0; 3]; 3], at_zero: 1.0, at_point: [0.0; 3] };
        let mut skip = 0;
        // The product over all pairs except `skip`, or over all pairs if `skip` is past the last.
        while skip <= pairs {
            let mut product = [0.0; 4];
            product[0] = 1.0;
            let mut value = 1.0;
            let mut j = 0;
            while j < pairs {
                if j != skip {
                    let square = point[j] * point[j];
                    let mut next = [0.0; 4];
                    let mut k = 0;
                    while k < 4 {
                        next[k] = -square * product[k] + if k > 0 { product[k - 1] } else { 0.0 };
                        k += 1;
                    }
                    product = next;
                    value *=
                        if skip < pairs { point[skip] * point[skip] - square } else { -square };
                }
                j += 1;
            }
            if skip < pairs {
                points.others[skip] = [product[0], product[1], product[2]];
                points.at_point[skip] = 1.0 / (2.0 * point[skip] * point[skip] * value);
            } else {
                points.all = product;
                points.at_zero = 1.0 / value;
            }
            skip += 1;
        }
        points
    }

    /// The points of a tile of `size`.
    const fn of(size: usize) -> &'static Self {
        const FOUR: Points = Points::new(1, [1.0, 0.0, 0.0]);
        const SIX: Points = Points::new(2, [2.0 / 3.0, 1.5, 0.0]);
        const EIGHT: Points = Points::new(3, [1.0, 2.0, 0.5]);
        match size {
            4 => &FOUR,
            6 => &SIX,
            8 => &EIGHT,
            _ => panic!("no transform for this size"),
        }
    }
}

#[inline(always)]
fn number<T: Element, V: Vector<T>>(value: f64) -> V {
    V::splat(T::from_f64(value))
}

/// Row 0 (`offset` 0) or the last row (`offset` 1) of `Bᵀ d`.
#[inline(always)]
fn end<T: Element, V: Vector<T>, const N: usize>(d: &[V; N], offset: usize) -> V {
    let (points, pairs) = (const { Points::of(N) }, (N - 2) / 2);
    let mut sum = d[2 * pairs + offset];
    for k in 0..pairs {
        sum = number::<T, V>(points.all[k]).mul_add(d[2 * k + offset], sum);
    }
    sum
}

/// Rows `1 + 2 i` and `2 + 2 i` of `Bᵀ d`.
#[inline(always)]
fn pair<T: Element, V: Vector<T>, const N: usize>(d: &[V; N], i: usize) -> (V, V) {
    let (points, pairs) = (const { Points::of(N) }, (N - 2) / 2);
    let (mut even, mut odd) = (d[2 * pairs], d[2 * pairs - 1]);
    for k in 0..pairs - 1 {
        let factor = number::<T, V>(points.others[i][k]);
        even = factor.mul_add(d[2 * k + 2], even);
        odd = factor.mul_add(d[2 * k + 1], odd);
    }
    if points.point[i] == 1.0 {
        return (even.add(odd), even.sub(odd));
    }
    let point = number::<T, V>(points.point[i]);
    (point.mul_add(odd, even), point.neg_mul_add(odd, even))
}

/// Column `j` of a patch. Everything is inlined, so rows that the transform does not use are not
/// loaded.
#[inline(always)]
unsafe fn column<V: Copy, G: Get<V>, const N: usize>(get: G, j: usize, zero: V) -> [V; N] {
    let mut column = [zero; N];
    for i in 0..N {
        // SAFETY: the caller's promise.
        column[i] = unsafe { get.get(i, j) };
    }
    column
}

/// `Bᵀ d B`: input tiles of `N × N`.
pub struct Input;

impl Input {
    /// Transforms row `row` of `Bᵀ d` along its columns and writes it.
    ///
    /// # Safety
    /// As [`Transform::apply`].
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>, const N: usize>(
        row: usize,
        values: &[V; N],
        put: Frequencies<T>,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            put.put(row * N, end::<T, V, N>(values, 0));
            for i in 0..(N - 2) / 2 {
                let (plus, minus) = pair::<T, V, N>(values, i);
                put.put(row * N + 1 + 2 * i, plus);
                put.put(row * N + 2 + 2 * i, minus);
            }
            put.put(row * N + N - 1, end::<T, V, N>(values, 1));
        }
    }
}

impl<T: Element, const N: usize> Transform<T, N> for Input {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // Works row by row (two rows at a time for a pair of points) and reads the tile again for
        // each, so that the values in use fit the registers. SAFETY: the caller's promise.
        unsafe {
            let (mut values, mut other) = ([V::zero(); N], [V::zero(); N]);
            for j in 0..N {
                values[j] = end::<T, V, N>(&column(get, j, V::zero()), 0);
            }
            Self::emit::<T, V, N>(0, &values, put);
            for i in 0..(N - 2) / 2 {
                for j in 0..N {
                    (values[j], other[j]) = pair::<T, V, N>(&column(get, j, V::zero()), i);
                }
                Self::emit::<T, V, N>(1 + 2 * i, &values, put);
                Self::emit::<T, V, N>(2 + 2 * i, &other, put);
            }
            for j in 0..N {
                values[j] = end::<T, V, N>(&column(get, j, V::zero()), 1);
            }
            Self::emit::<T, V, N>(N - 1, &values, put);
        }
    }
}

/// Rows `1 + 2 i` and `2 + 2 i` of `G g`.
#[inline(always)]
fn filter_pair<T: Element, V: Vector<T>, const N: usize, const R: usize>(
    g: &[V; R],
    i: usize,
) -> (V, V) {
    let points = const { Points::of(N) };
    let mut power = points.at_point[i];
    let (mut even, mut odd) = (number::<T, V>(power).mul(g[0]), V::zero());
    for k in 1..R {
        power *= points.point[i];
        let factor = number::<T, V>(power);
        if k % 2 == 0 {
            even = factor.mul_add(g[k], even);
        } else if k == 1 {
            odd = factor.mul(g[k]);
        } else {
            odd = factor.mul_add(g[k], odd);
        }
    }
    (even.add(odd), even.sub(odd))
}

/// `G g Gᵀ`: filters of `R × R`, or gradients in the place of filters, for tiles of `N × N`.
pub struct Filter<const N: usize>;

impl<const N: usize> Filter<N> {
    /// Transforms row `row` of `G g` along its columns and writes it.
    ///
    /// # Safety
    /// As [`Transform::apply`].
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>, const R: usize>(
        row: usize,
        values: &[V; R],
        put: Frequencies<T>,
    ) {
        let at_zero = number::<T, V>(const { Points::of(N) }.at_zero);
        // SAFETY: the caller's promise.
        unsafe {
            put.put(row * N, at_zero.mul(values[0]));
            for i in 0..(N - 2) / 2 {
                let (plus, minus) = filter_pair::<T, V, N, R>(values, i);
                put.put(row * N + 1 + 2 * i, plus);
                put.put(row * N + 2 + 2 * i, minus);
            }
            put.put(row * N + N - 1, values[R - 1]);
        }
    }
}

impl<T: Element, const N: usize, const R: usize> Transform<T, R> for Filter<N> {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // Works row by row, as the transform of the input.
        let at_zero = number::<T, V>(const { Points::of(N) }.at_zero);
        // SAFETY: the caller's promise.
        unsafe {
            let (mut values, mut other) = ([V::zero(); R], [V::zero(); R]);
            for j in 0..R {
                values[j] = at_zero.mul(get.get(0, j));
            }
            Self::emit::<T, V, R>(0, &values, put);
            for i in 0..(N - 2) / 2 {
                for j in 0..R {
                    (values[j], other[j]) =
                        filter_pair::<T, V, N, R>(&column(get, j, V::zero()), i);
                }
                Self::emit::<T, V, R>(1 + 2 * i, &values, put);
                Self::emit::<T, V, R>(2 + 2 * i, &other, put);
            }
            for j in 0..R {
                values[j] = get.get(R - 1, j);
            }
            Self::emit::<T, V, R>(N - 1, &values, put);
        }
    }
}

/// `Aᵀ m`
#[inline(always)]
fn output_row<T: Element, V: Vector<T>, const N: usize, const M: usize>(m: &[V; N]) -> [V; M] {
    let (points, pairs) = (const { Points::of(N) }, (N - 2) / 2);
    let (mut sums, mut differences) = ([V::zero(); MAX_PAIRS], [V::zero(); MAX_PAIRS]);
    let mut out = [V::zero(); M];
    out[0] = m[0];
    for i in 0..pairs {
        (sums[i], differences[i]) =
            (m[1 + 2 * i].add(m[2 + 2 * i]), m[1 + 2 * i].sub(m[2 + 2 * i]));
        out[0] = out[0].add(sums[i]);
    }
    let mut powers = [1.0; MAX_PAIRS];
    for j in 1..M {
        let parts = if j % 2 == 0 { &sums } else { &differences };
        for i in 0..pairs {
            powers[i] *= points.point[i];
            let factor = number::<T, V>(powers[i]);
            out[j] = if i == 0 && points.point[0] == 1.0 {
                parts[0]
            } else if i == 0 {
                factor.mul(parts[0])
            } else {
                factor.mul_add(parts[i], out[j])
            };
        }
    }
    out[M - 1] = out[M - 1].add(m[N - 1]);
    out
}

/// `Aᵀ m A`: transforms the `N × N` frequencies that `get` reads back to `M × M` outputs.
///
/// # Safety
/// The registers that `get` reads must be readable.
#[inline(always)]
pub(super) unsafe fn output<T: Element, V: Vector<T>, G: Get<V>, const N: usize, const M: usize>(
    get: G,
) -> [[V; M]; M] {
    let mut columns = [[V::zero(); M]; N];
    for j in 0..N {
        // SAFETY: the caller's promise.
        columns[j] = output_row::<T, V, N, M>(&unsafe { column(get, j, V::zero()) });
    }
    let mut outputs = [[V::zero(); M]; M];
    for i in 0..M {
        let mut values = [V::zero(); N];
        for j in 0..N {
            values[j] = columns[j][i];
        }
        outputs[i] = output_row::<T, V, N, M>(&values);
    }
    outputs
}
