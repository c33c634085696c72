//! Element-wise maps and column sums over the rows of a matrix, one register at a time.
//!
//! In addition to the matrices, a pass may read *tables*: rows of `width` values that are used for
//! every row. The computation of a pass is written once, on a [`Vector`]; this module has the
//! loops, loads and stores. They use explicit vector operations, so that their speed does not
//! depend on whether the compiler can prove that arrays do not overlap.

use std::marker::PhantomData;

use crate::kernels::Element;
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};
use crate::kernels::tuning::ELEMENTWISE_STREAM_BYTES;

/// Whether an output of `len` elements is written with non-temporal stores, which bypass the
/// caches.
pub fn streams<T>(len: usize) -> bool {
    len.saturating_mul(size_of::<T>()) >= ELEMENTWISE_STREAM_BYTES
}

/// Element-wise function of the inputs and tables.
pub trait Map<T: Element, const INPUTS: usize, const TABLES: usize>: Copy {
    /// Computes the register to write from one register of each input and table. Mark it
    /// `#[inline(always)]`.
    fn map<V: Vector<T>>(self, inputs: [V; INPUTS], tables: [V; TABLES]) -> V;
}

/// Terms of column sums over the inputs and tables.
pub trait Terms<T: Element, const INPUTS: usize, const TABLES: usize, const SUMS: usize>:
    Copy
{
    /// Computes a term for each sum from one register of each input and table. Mark it
    /// `#[inline(always)]`.
    fn terms<V: Vector<T>>(self, inputs: [V; INPUTS], tables: [V; TABLES]) -> [V; SUMS];
}

/// `out = map(inputs, tables)`, row by row. An input that is `None` is read from `out`.
///
/// With `stream`, the output is written with non-temporal stores, which bypass the caches, if its
/// alignment allows it. This is faster if the output is larger than the caches.
///
/// # Panics
/// When an input is shorter than `out`, or a table shorter than a row.
pub fn map<T: Element, M: Map<T, INPUTS, TABLES>, const INPUTS: usize, const TABLES: usize>(
    map: M,
    inputs: [Option<&[T]>; INPUTS],
    tables: [&[T]; TABLES],
    width: usize,
    stream: bool,
    out: &mut [T],
) {
    assert!(
        inputs.iter().flatten().all(|input| input.len() >= out.len())
            && tables.iter().all(|table| table.len() >= width)
            && width > 0
    );
    let (len, out) = (out.len(), out.as_mut_ptr());
    let inputs = inputs.map(|input| input.map_or(out.cast_const(), <[T]>::as_ptr));
    let aligned = out.addr().is_multiple_of(64) && (width * size_of::<T>()).is_multiple_of(64);
    T::dispatch(MapRows {
        map,
        inputs,
        tables: tables.map(<[T]>::as_ptr),
        width,
        stream: stream && aligned,
        out,
        len,
        element: PhantomData,
    });
}

/// Loads a register of each array, from element `at` on. Uses plain loops: a closure passed to
/// `map` would not be compiled for the instruction set, and an iterator that is not inlined would
/// pass every register through memory.
///
/// # Safety
/// `count` elements from `at` on must be readable in each.
#[inline(always)]
unsafe fn load_all<T: Element, V: Vector<T>, const N: usize>(
    arrays: &[*const T; N],
    at: usize,
    count: usize,
) -> [V; N] {
    let mut registers = [V::zero(); N];
    let mut i = 0;
    while i < N {
        // SAFETY: the caller's promise.
        registers[i] = unsafe { load_some(arrays[i].add(at), count) };
        i += 1;
    }
    registers
}

struct MapRows<T, M, const INPUTS: usize, const TABLES: usize> {
    map: M,
    inputs: [*const T; INPUTS],
    tables: [*const T; TABLES],
    width: usize,
    stream: bool,
    out: *mut T,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Element, M: Map<T, INPUTS, TABLES>, const INPUTS: usize, const TABLES: usize> Kernel<T>
    for MapRows<T, M, INPUTS, TABLES>
{
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        if self.stream {
            self.rows::<V, true>();
            V::fence();
        } else {
            self.rows::<V, false>();
        }
    }
}

impl<T: Element, M: Map<T, INPUTS, TABLES>, const INPUTS: usize, const TABLES: usize>
    MapRows<T, M, INPUTS, TABLES>
{
    #[inline(always)]
    fn rows<V: Vector<T>, const STREAM: bool>(&self) {
        for start in (0..self.len).step_by(self.width) {
            let columns = self.width.min(self.len - start);
            let whole = columns - columns % V::LANES;
            for column in (0..whole).step_by(V::LANES) {
                // SAFETY: `map` checked that inputs and out have `start + columns` elements and
                // tables `columns`; `column + LANES` does not exceed `columns`. An input that is
                // `out` is read before the same elements are written. STREAM is set only if `out`
                // is aligned.
                unsafe {
                    let inputs = load_all::<T, V, INPUTS>(&self.inputs, start + column, V::LANES);
                    let value = self
                        .map
                        .map(inputs, load_all::<T, V, TABLES>(&self.tables, column, V::LANES));
                    let to = self.out.add(start + column);
                    if STREAM { value.stream(to) } else { value.store(to) }
                }
            }
            if whole < columns {
                // SAFETY: as above, for the last few columns.
                unsafe {
                    let inputs =
                        load_all::<T, V, INPUTS>(&self.inputs, start + whole, columns - whole);
                    let tables = load_all::<T, V, TABLES>(&self.tables, whole, columns - whole);
                    store_some(
                        self.map.map(inputs, tables),
                        self.out.add(start + whole),
                        columns - whole,
                    );
                }
            }
        }
    }
}

/// `sums[s][column] += Σ over rows of terms(inputs, tables)[s]`, four rows at a time.
///
/// # Panics
/// When the inputs differ in length, or a table or sum is shorter than a row.
pub fn add_columns<
    T: Element,
    F: Terms<T, INPUTS, TABLES, SUMS>,
    const INPUTS: usize,
    const TABLES: usize,
    const SUMS: usize,
>(
    terms: F,
    inputs: [&[T]; INPUTS],
    tables: [&[T]; TABLES],
    width: usize,
    sums: [&mut [T]; SUMS],
) {
    let len = inputs[0].len();
    assert!(
        inputs.iter().all(|input| input.len() == len)
            && tables.iter().all(|table| table.len() >= width)
            && width > 0
    );
    assert!(sums.iter().all(|sum| sum.len() >= width));
    let (inputs, tables, sums) =
        (inputs.map(<[T]>::as_ptr), tables.map(<[T]>::as_ptr), sums.map(<[T]>::as_mut_ptr));
    T::dispatch(AddColumns { terms, inputs, tables, width, sums, len });
}

struct AddColumns<T, F, const INPUTS: usize, const TABLES: usize, const SUMS: usize> {
    terms: F,
    inputs: [*const T; INPUTS],
    tables: [*const T; TABLES],
    width: usize,
    sums: [*mut T; SUMS],
    len: usize,
}

impl<
    T: Element,
    F: Terms<T, INPUTS, TABLES, SUMS>,
    const INPUTS: usize,
    const TABLES: usize,
    const SUMS: usize,
> Kernel<T> for AddColumns<T, F, INPUTS, TABLES, SUMS>
{
    type Output = ();
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let rows = self.len / self.width;
        for row in (0..rows - rows % 4).step_by(4) {
            self.add::<V, 4>(row * self.width, self.width);
        }
        for row in rows - rows % 4..rows {
            self.add::<V, 1>(row * self.width, self.width);
        }
        self.add::<V, 1>(rows * self.width, self.len % self.width);
    }
}

impl<
    T: Element,
    F: Terms<T, INPUTS, TABLES, SUMS>,
    const INPUTS: usize,
    const TABLES: usize,
    const SUMS: usize,
> AddColumns<T, F, INPUTS, TABLES, SUMS>
{
    /// Adds `ROWS` rows from element `start` on.
    #[inline(always)]
    fn add<V: Vector<T>, const ROWS: usize>(&self, start: usize, columns: usize) {
        let whole = columns - columns % V::LANES;
        for column in (0..whole).step_by(V::LANES) {
            self.add_register::<V, ROWS>(start, column, V::LANES);
        }
        if whole < columns {
            self.add_register::<V, ROWS>(start, whole, columns - whole);
        }
    }

    #[inline(always)]
    fn add_register<V: Vector<T>, const ROWS: usize>(
        &self,
        start: usize,
        column: usize,
        count: usize,
    ) {
        // SAFETY: `add_columns` checked the lengths: inputs have ROWS rows from `start` on (the
        // last may end after `columns`), and tables and sums have `column + count`
        // elements.
        unsafe {
            let tables = load_all::<T, V, TABLES>(&self.tables, column, count);
            let at = start + column;
            let mut total =
                self.terms.terms(load_all::<T, V, INPUTS>(&self.inputs, at, count), tables);
            if ROWS == 4 {
                let b = self
                    .terms
                    .terms(load_all::<T, V, INPUTS>(&self.inputs, at + self.width, count), tables);
                let c = self.terms.terms(
                    load_all::<T, V, INPUTS>(&self.inputs, at + 2 * self.width, count),
                    tables,
                );
                let d = self.terms.terms(
                    load_all::<T, V, INPUTS>(&self.inputs, at + 3 * self.width, count),
                    tables,
                );
                let mut s = 0;
                while s < SUMS {
                    total[s] = total[s].add(b[s]).add(c[s].add(d[s]));
                    s += 1;
                }
            }
            let mut s = 0;
            while s < SUMS {
                let sum = self.sums[s].add(column);
                store_some(load_some::<T, V>(sum, count).add(total[s]), sum, count);
                s += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Affine;
    impl Map<f32, 2, 1> for Affine {
        #[inline(always)]
        fn map<V: Vector<f32>>(self, [x, y]: [V; 2], [table]: [V; 1]) -> V {
            x.mul(table).add(y)
        }
    }
    impl Terms<f32, 1, 1, 2> for Affine {
        #[inline(always)]
        fn terms<V: Vector<f32>>(self, [x]: [V; 1], [table]: [V; 1]) -> [V; 2] {
            [x, x.sub(table)]
        }
    }

    #[test]
    fn every_width_and_a_short_last_row() {
        for (rows, width, short) in
            [(0, 5, 3), (1, 1, 0), (3, 16, 7), (5, 33, 0), (9, 64, 1), (4, 7, 6)]
        {
            let len = rows * width + short;
            let x: Vec<f32> = (0..len).map(|i| (i % 13) as f32).collect();
            let table: Vec<f32> = (0..width).map(|i| i as f32).collect();
            for stream in [false, true] {
                let mut out = vec![3.0; len + 1];
                map(Affine, [Some(&x), None], [&table], width, stream, &mut out[..len]);
                assert!(
                    (0..len).all(|i| out[i] == x[i] * table[i % width] + 3.0) && out[len] == 3.0
                );
            }
            let (mut sums, mut distances) = (vec![1.0; width], vec![2.0; width]);
            add_columns(Affine, [&x], [&table], width, [&mut sums, &mut distances]);
            for c in 0..width {
                let column: Vec<f32> = x.iter().skip(c).step_by(width).copied().collect();
                assert_eq!(sums[c], 1.0 + column.iter().sum::<f32>());
                assert_eq!(distances[c], 2.0 + column.iter().map(|x| x - table[c]).sum::<f32>());
            }
        }
    }
}
