//! Sums over the rows of a matrix, the same bits at any thread count, and the test for finite
//! numbers.
//!
//! A matrix is cut into blocks of rows by its shape alone ([`Partition`]). Each block is summed on
//! its own into a *record*; the records are added in double precision, in order. Narrow matrices
//! are read as if several rows were one wide row, so that a register is always full: a record then
//! holds several sums for one column.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Element;
use super::error::{Result, expect_len};
use super::memory::with_scratch;
use super::parallel::{self, ELEMENT_COST};
use super::simd::elementwise::{self, Terms};
use super::simd::{Vector, vectorized};

/// Elements of a block: 64 KB of `f32`, so that a second look at it comes from the cache.
const BLOCK: usize = 16 * 1024;

/// Rows of a block of a matrix with very many columns; records stay small beside the matrix.
const MIN_ROWS: usize = 16;

/// How `groups` matrices of `rows` × `cols`, one after another, are cut into blocks. The cut of one
/// matrix does not depend on `groups`.
#[derive(Debug, Clone, Copy)]
pub struct Partition {
    /// Elements of one matrix.
    group: usize,
    /// Columns of a matrix.
    cols: usize,
    /// Elements of a wide row: a multiple of `cols`.
    width: usize,
    /// Elements of a block: a multiple of `width`.
    block: usize,
    /// Blocks of one matrix.
    blocks: usize,
    groups: usize,
}

impl Partition {
    /// The cut of `groups` matrices of `rows` × `cols`.
    pub fn new(groups: usize, rows: usize, cols: usize) -> Self {
        let (group, cols) = (rows * cols, cols.max(1));
        let repeats = if cols < 64 { (256 / cols / 16).max(1) * 16 } else { 1 };
        let width = cols * repeats.min(rows).max(1);
        let block = width * (BLOCK / width).max(MIN_ROWS);
        Self { group, cols, width, block, blocks: group.div_ceil(block), groups }
    }

    /// Elements of a wide row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Records in all: one for each block of each matrix.
    pub fn records(&self) -> usize {
        self.groups * self.blocks
    }

    /// The range of wide block `block` within its matrix, in elements.
    fn block_range(&self, block: usize) -> Range<usize> {
        block * self.block..((block + 1) * self.block).min(self.group)
    }

    /// How many rows of the matrix entered column `column` (of the wide row) of the record of
    /// `block`.
    pub fn count(&self, block: usize, column: usize) -> usize {
        (self.block_range(block).len() + self.width - 1 - column) / self.width
    }

    /// Calls `f` for every block with its elements' place in all matrices and its record of
    /// `record_len` elements, on all threads.
    ///
    /// # Errors
    /// [`super::KernelError::Interrupted`].
    pub fn for_each_block<T: Element>(
        &self,
        records: &mut [T],
        record_len: usize,
        f: impl Fn(Range<usize>, &mut [T]) + Sync,
    ) -> Result<()> {
        let per_item = (BLOCK / self.group.clamp(1, BLOCK)).max(1); // several small matrices make one item
        let items = records.chunks_mut(record_len * per_item).enumerate();
        parallel::for_each(items, self.groups * self.group * ELEMENT_COST, |(item, records)| {
            for (i, record) in records.chunks_mut(record_len).enumerate() {
                let (group, block) =
                    ((item * per_item + i) / self.blocks, (item * per_item + i) % self.blocks);
                let Range { start, end } = self.block_range(block);
                f(group * self.group + start..group * self.group + end, record);
            }
        })
    }

    /// Adds the sums in `records` column by column: the totals of matrix `group`, in double
    /// precision, into `totals` of `cols` elements. The sums are at `at..at + width` of each
    /// record of `record_len`.
    pub fn total<T: Element>(
        &self,
        group: usize,
        records: &[T],
        record_len: usize,
        at: usize,
        totals: &mut [f64],
    ) {
        totals.fill(0.0);
        let own =
            &records[group * self.blocks * record_len..(group + 1) * self.blocks * record_len];
        for record in own.chunks_exact(record_len) {
            for sums in record[at..at + self.width].chunks_exact(self.cols) {
                for (total, &sum) in totals.iter_mut().zip(sums) {
                    *total += sum.to_f64();
                }
            }
        }
    }
}

/// The value itself; with a second input, only where that is positive.
#[derive(Clone, Copy)]
pub struct Value;
impl<T: Element> Terms<T, 1, 0, 1> for Value {
    #[inline(always)]
    fn terms<V: Vector<T>>(self, value: [V; 1], _: [V; 0]) -> [V; 1] {
        value
    }
}
impl<T: Element> Terms<T, 2, 0, 1> for Value {
    #[inline(always)]
    fn terms<V: Vector<T>>(self, [value, activation_output]: [V; 2], _: [V; 0]) -> [V; 1] {
        [value.where_positive(activation_output)]
    }
}

/// `out[c] (+)= Σ_r matrix[r][c]`; with an `activation_output`, only those whose
/// `activation_output[r][c] > 0`: the gradient of a bias, through a fused ReLU.
///
/// # Shapes
/// - `matrix`, `activation_output`: `[rows, out.len()]`.
/// - `out`: the columns; overwritten, or accumulated with `accumulate`.
///
/// # Errors
/// [`super::KernelError::Shape`] when the lengths do not fit; `Memory`, `Interrupted`.
pub fn sum_rows<T: Element>(
    matrix: &[T],
    rows: usize,
    out: &mut [T],
    accumulate: bool,
    activation_output: Option<&[T]>,
) -> Result<()> {
    let cols = out.len();
    expect_len("matrix", matrix.len(), rows.saturating_mul(cols))?;
    if let Some(activation_output) = activation_output {
        expect_len("activation_output", activation_output.len(), matrix.len())?;
    }
    let partition = Partition::new(1, rows, cols);
    let width = partition.width();
    with_scratch(partition.records() * width, |records: &mut [T]| {
        partition.for_each_block(records, width, |range, sums| {
            sums.fill(T::ZERO);
            match activation_output {
                None => elementwise::add_columns(Value, [&matrix[range]], [], width, [sums]),
                Some(activation_output) => elementwise::add_columns(
                    Value,
                    [&matrix[range.clone()], &activation_output[range]],
                    [],
                    width,
                    [sums],
                ),
            }
        })?;
        with_scratch(cols, |totals: &mut [f64]| {
            partition.total(0, records, width, 0, totals);
            finish(totals, out, accumulate);
        })
    })?
}

/// `out (+)= totals`
pub fn finish<T: Element>(totals: &[f64], out: &mut [T], accumulate: bool) {
    for (out, &total) in out.iter_mut().zip(totals) {
        let total = T::from_f64(total);
        *out = if accumulate { *out + total } else { total };
    }
}

/// Whether no element is infinite or NaN.
///
/// # Errors
/// [`super::KernelError::Interrupted`].
pub fn all_finite<T: Element>(x: &[T]) -> Result<bool> {
    let found = AtomicBool::new(false);
    parallel::for_each(x.chunks(BLOCK), x.len() * ELEMENT_COST / 2, |x| {
        if !found.load(Ordering::Relaxed) {
            let count = vectorized!(T, || x.iter().map(|x| u32::from(!x.is_finite())).sum::<u32>());
            if count > 0 {
                found.store(true, Ordering::Relaxed);
            }
        }
    })?;
    Ok(!found.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_sums_by_hand() {
        let matrix = [1.0f32, 2.0, 3.0, 10.0, 20.0, 30.0];
        let mut out = [100.0; 3];
        sum_rows(&matrix, 2, &mut out, false, None).unwrap();
        assert_eq!(out, [11.0, 22.0, 33.0]);
        sum_rows(&matrix, 2, &mut out, true, Some(&[1.0, 0.0, -1.0, 0.0, 0.5, f32::NAN])).unwrap();
        assert_eq!(out, [12.0, 42.0, 33.0]);
        sum_rows(&[], 0, &mut out, false, None).unwrap();
        assert_eq!(out, [0.0; 3]);
        sum_rows::<f32>(&[], 5, &mut [], false, None).unwrap();
        assert!(sum_rows(&matrix, 3, &mut out, false, None).is_err());
        assert!(sum_rows(&matrix, 2, &mut out, false, Some(&[1.0])).is_err());
    }

    #[test]
    fn integers_are_summed_exactly_at_any_shape() {
        for (rows, cols) in [
            (1, 1),
            (70_001, 1),
            (9001, 3),
            (1000, 15),
            (333, 63),
            (700, 64),
            (300, 65),
            (5, 20_000),
            (40, 2049),
        ] {
            let matrix: Vec<f32> = (0..rows * cols).map(|i| (i * 7 % 23) as f32 - 11.0).collect();
            let activation_output: Vec<f32> =
                (0..rows * cols).map(|i| (i % 3) as f32 - 1.0).collect();
            let expected = |gated: bool, c: usize| -> f64 {
                (0..rows)
                    .map(|r| r * cols + c)
                    .filter(|&i| !gated || activation_output[i] > 0.0)
                    .map(|i| f64::from(matrix[i]))
                    .sum()
            };
            for gated in [false, true] {
                let mut out = vec![0.5f32; cols];
                sum_rows(&matrix, rows, &mut out, true, gated.then_some(&activation_output[..]))
                    .unwrap();
                for (c, &sum) in out.iter().enumerate() {
                    assert_eq!(
                        f64::from(sum),
                        expected(gated, c) + 0.5,
                        "{rows}x{cols} column {c} gated {gated}"
                    );
                }
            }
        }
    }

    #[test]
    fn long_sums_stay_accurate() {
        let rows = 1 << 18;
        let matrix: Vec<f32> =
            (0..rows * 4).map(|i| 1.0 + (i as f32 * 0.618_034).fract()).collect();
        let mut out = [0.0f32; 4];
        sum_rows(&matrix, rows, &mut out, false, None).unwrap();
        for (c, &sum) in out.iter().enumerate() {
            let exact: f64 = matrix.iter().skip(c).step_by(4).map(|&x| f64::from(x)).sum();
            assert!((f64::from(sum) / exact - 1.0).abs() < 2e-7, "{sum} {exact}");
        }
    }

    #[test]
    fn counts_add_up() {
        for (rows, cols) in [(70_001, 1), (1000, 15), (300, 65), (3, 7)] {
            let partition = Partition::new(1, rows, cols);
            for c in 0..cols {
                let wide = (c..partition.width()).step_by(cols);
                let count: usize = (0..partition.records())
                    .map(|b| wide.clone().map(|w| partition.count(b, w)).sum::<usize>())
                    .sum();
                assert_eq!(count, rows);
            }
        }
    }

    #[test]
    fn finite() {
        let mut x = vec![1.0f32; 3 * BLOCK + 5];
        assert_eq!(all_finite(&x), Ok(true));
        assert_eq!(all_finite::<f64>(&[]), Ok(true));
        for (at, value) in
            [(0, f32::NAN), (BLOCK, f32::INFINITY), (3 * BLOCK + 4, f32::NEG_INFINITY)]
        {
            x[at] = value;
            assert_eq!(all_finite(&x), Ok(false));
            x[at] = f32::MAX;
        }
    }
}
