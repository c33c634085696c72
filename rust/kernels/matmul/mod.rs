//! Matrix product `C (+)= A B`, either operand transposed, with bias and ReLU fused.
//!
//! `C` is cut into tiles of whole rows by groups of columns. For a tile, chunks of [`SUM_STEPS`]
//! steps of the sum are taken in turn: `B` is packed into panels as wide as two registers, `A` into
//! rows that do not collide in the cache, both in this thread's scratch, and the micro-kernel
//! ([`super::simd::matmul::micro_kernel`]) runs over them. One row or a few (a prediction of one
//! sample) read `B` in place. Each element of `C` is summed in the same order whatever the number
//! of rows.

use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::{Result, expect_len};
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{
    Epilogue, Hints, ROW_PADDING, Segments, multiply_with, panel_width,
};
use crate::kernels::simd::matmul::pack::{pack_rows, pack_transposed};
use crate::kernels::simd::{Kernel, Shuffle};
use crate::kernels::tuning::{ITEMS, MATMUL_PREFETCH_STEPS, MATMUL_STREAM_BYTES, SUM_STEPS};

/// Rows of `A` packed at a time: with a chunk of steps, a third of a second-level cache of 512 KB.
const ROW_BLOCK: usize = 126;

/// Columns of `C` that one item computes, at most.
const COLUMN_GROUP: usize = 256;

/// Rows of an item up to which reading `B` takes longer than the arithmetic.
const SKINNY_ROWS: usize = 64;

/// Rows of `A` whose distance is a multiple of this map to few sets of the first-level cache: they
/// are packed.
const COLLIDING_BYTES: usize = 2 << 10;

/// Bytes of an `A` that is read in place even if it is read transposed or in chunks: it stays in
/// the second-level cache.
const IN_PLACE_BYTES: usize = 256 << 10;

/// The sizes of `C[m, n] = A[m, k] B[k, n]` and how the operands are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatmulShape {
    /// Rows of `A` and `C`.
    pub m: usize,
    /// Columns of `B` and `C`.
    pub n: usize,
    /// Columns of `A`, rows of `B`.
    pub k: usize,
    /// `a` holds `[k, m]`.
    pub transpose_a: bool,
    /// `b` holds `[n, k]`.
    pub transpose_b: bool,
}

/// `C = A B`, or as `finish` says: `C += A B`, `C = relu(A B + bias)`.
///
/// # Shapes
/// - `a`: `[m, k]`, or `[k, m]` with `transpose_a`
/// - `b`: `[k, n]`, or `[n, k]` with `transpose_b`
/// - `c`: `[m, n]`, overwritten or accumulated
///
/// # Errors
/// [`super::KernelError::Shape`] when a slice has another length; out of memory; interrupted.
pub fn matmul<T: Element>(
    a: &[T],
    b: &[T],
    c: &mut [T],
    shape: MatmulShape,
    finish: &Epilogue<'_, T>,
) -> Result<()> {
    let MatmulShape { m, n, k, .. } = shape;
    expect_len("a", a.len(), m * k)?;
    expect_len("b", b.len(), k * n)?;
    expect_len("c", c.len(), m * n)?;
    if let Some(bias) = finish.bias {
        expect_len("bias", bias.len(), n)?;
    }
    if m == 0 || n == 0 {
        return Ok(());
    }
    // Where there are items enough, wide ones: each packs its part of `A` anew.
    let enough = n.div_ceil(COLUMN_GROUP) * m.div_ceil(ROW_BLOCK) >= ITEMS;
    let columns = if enough {
        COLUMN_GROUP
    } else {
        n.div_ceil(ITEMS).next_multiple_of(64).min(COLUMN_GROUP)
    };
    let row_parts = ITEMS.div_ceil(n.div_ceil(columns)).min(m.div_ceil(ROW_BLOCK));
    let rows = m.div_ceil(row_parts);
    let tiles = TileMut::new(c, m, n, n).into_parts(rows, columns);
    parallel::try_for_each(tiles, m * n * k.max(1), |(row, column, tile)| {
        T::dispatch(Item { a, b, shape, finish, row, column, tile })
    })
}

/// One tile of `C`.
struct Item<'a, T> {
    a: &'a [T],
    b: &'a [T],
    shape: MatmulShape,
    finish: &'a Epilogue<'a, T>,
    row: usize,
    column: usize,
    tile: TileMut<'a, T>,
}

/// Steps `start..end` of the sum, taken at once.
#[derive(Clone, Copy)]
struct Steps {
    start: usize,
    end: usize,
}

impl<T: Element> Kernel<T> for Item<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Shuffle<T>>(mut self) -> Result<()> {
        let MatmulShape { m, n, k, transpose_a, transpose_b } = self.shape;
        let width = panel_width::<T, V>();
        let (rows, columns) = (self.tile.rows(), self.tile.cols());
        let panels = columns.div_ceil(width);
        let in_place = rows <= V::ROWS && !transpose_b;
        let chunks = k.div_ceil(SUM_STEPS).max(1);
        let longest = k.div_ceil(chunks);
        let b_len = if in_place { 0 } else { panels * width * longest };
        let a_stride = if transpose_a { m } else { k };
        let small = m * k * size_of::<T>() <= IN_PLACE_BYTES;
        let a_in_place = k > 0
            && (small || chunks == 1 && !transpose_a)
            && !(a_stride * size_of::<T>()).is_multiple_of(COLLIDING_BYTES);
        let a_len = if a_in_place {
            0
        } else {
            ROW_BLOCK.min(rows).max(longest) * (longest.max(ROW_BLOCK) + ROW_PADDING)
        };
        let (mut packed_a, mut packed_b) = (Scratch::<T>::take(a_len)?, Scratch::<T>::take(b_len)?);
        dry_run::scratch_complete()?;
        let (packed_a, packed_b): (&mut [T], &mut [T]) = (&mut packed_a, &mut packed_b);
        // Blocks of about equal height, whole calls of the micro-kernel.
        let block =
            rows.div_ceil(rows.div_ceil(ROW_BLOCK)).next_multiple_of(V::ROWS).min(ROW_BLOCK);
        let stream =
            chunks == 1 && !self.finish.accumulate && m * n * size_of::<T>() >= MATMUL_STREAM_BYTES;
        let chunk_steps =
            |chunk: usize| Steps { start: chunk * k / chunks, end: (chunk + 1) * k / chunks };
        for chunk in 0..chunks {
            let steps = chunk_steps(chunk);
            if !in_place {
                self.pack_b::<V>(packed_b, steps);
            }
            for row in (0..rows).step_by(block) {
                let count = block.min(rows - row);
                let (a, a_start, a_row, a_step): (&[T], usize, usize, usize) = if a_in_place {
                    let first = self.row + row;
                    if transpose_a {
                        (self.a, steps.start * m + first, 1, m)
                    } else {
                        (self.a, first * k + steps.start, k, 1)
                    }
                } else {
                    let (a_row, a_step) = self.pack_a(packed_a, row, count, steps);
                    (packed_a, 0, a_row, a_step)
                };
                for panel in 0..panels {
                    let column = panel * width;
                    let wide = width.min(columns - column);
                    let len = steps.end - steps.start;
                    let (b, b_start, b_step): (&[T], usize, usize) = if in_place {
                        (self.b, steps.start * n + self.column + column, n)
                    } else {
                        (packed_b, panel * width * len, width)
                    };
                    let segments = Segments {
                        a,
                        a_starts: &[a_start],
                        a_row,
                        a_step,
                        transposed: self.shape.transpose_a,
                        b,
                        b_starts: &[b_start],
                        b_step,
                        steps: len,
                    };
                    let last = chunk + 1 == chunks;
                    let first = self.column + column;
                    let finish = Epilogue {
                        accumulate: chunk > 0 || self.finish.accumulate,
                        bias: self
                            .finish
                            .bias
                            .filter(|_| last)
                            .map(|bias| &bias[first..first + wide]),
                        relu: last && self.finish.relu,
                    };
                    let hints = if in_place {
                        self.hint_below(steps, column)
                    } else if rows <= SKINNY_ROWS {
                        if last {
                            Hints::NONE
                        } else {
                            self.hint_next_steps(chunk_steps(chunk + 1), panel, width)
                        }
                    } else if chunks == 1 {
                        if panel == 0 {
                            self.hint_next_rows(row + count, V::LANES)
                        } else {
                            Hints::NONE
                        }
                    } else if row + count < rows {
                        self.hint_next_block(row + count, steps, panel * width)
                    } else if last {
                        Hints::NONE
                    } else {
                        self.hint_next_steps(chunk_steps(chunk + 1), panel, width)
                    };
                    multiply_with::<T, V>(
                        &segments,
                        &mut self.tile.part(row, count, column, wide),
                        &finish,
                        &Hints { stream, ..hints },
                    );
                }
            }
        }
        if stream {
            V::fence();
        }
        Ok(())
    }
}

impl<'a, T: Element> Item<'a, T> {
    /// What a panel that is read in place will read some steps later.
    #[inline(always)]
    fn hint_below(&self, steps: Steps, column: usize) -> Hints<'a, T> {
        let n = self.shape.n;
        let prefetch =
            self.b.get((steps.start + MATMUL_PREFETCH_STEPS) * n + self.column + column..);
        Hints { prefetch, prefetch_step: n, ..Hints::NONE }
    }

    /// What the next steps of the sum will pack of `B`: where there are few rows, its way from
    /// memory is most of what takes time.
    #[inline(always)]
    fn hint_next_steps(&self, next: Steps, panel: usize, width: usize) -> Hints<'a, T> {
        let MatmulShape { n, k, transpose_b, .. } = self.shape;
        let (start, prefetch_step) = if transpose_b {
            (self.column * k + next.start + panel * width, k)
        } else {
            (next.start * n + self.column + panel * width, n)
        };
        Hints { prefetch: self.b.get(start..), prefetch_step, ..Hints::NONE }
    }

    /// What the next block of rows will pack of `A`: two registers of each row, at other places in
    /// each panel.
    #[inline(always)]
    fn hint_next_block(&self, next_row: usize, steps: Steps, place: usize) -> Hints<'a, T> {
        let MatmulShape { k, transpose_a, .. } = self.shape;
        let start = (self.row + next_row) * k + steps.start + place % (steps.end - steps.start);
        let prefetch =
            if transpose_a || steps.start == steps.end { None } else { self.a.get(start..) };
        Hints { prefetch, prefetch_step: k, ..Hints::NONE }
    }

    /// The next block of whole rows of `A`, a register at each step.
    #[inline(always)]
    fn hint_next_rows(&self, next_row: usize, lanes: usize) -> Hints<'a, T> {
        let MatmulShape { k, transpose_a, .. } = self.shape;
        let prefetch = if transpose_a || next_row >= self.tile.rows() {
            None
        } else {
            self.a.get((self.row + next_row) * k..)
        };
        Hints { prefetch, prefetch_step: lanes, prefetch_part: k * lanes, ..Hints::NONE }
    }

    /// Packs steps of the columns of this item into panels; missing columns are zero.
    #[inline(always)]
    fn pack_b<V: Shuffle<T>>(&self, packed: &mut [T], steps: Steps) {
        let MatmulShape { n, k, transpose_b, .. } = self.shape;
        let len = steps.end - steps.start;
        if len == 0 {
            return;
        }
        if !transpose_b {
            return pack_rows::<T, V>(
                &self.b[steps.start * n + self.column..],
                n,
                self.tile.cols(),
                packed,
                len,
            );
        }
        let width = panel_width::<T, V>();
        for first in (0..self.tile.cols()).step_by(width) {
            let wide = width.min(self.tile.cols() - first);
            let start = (self.column + first) * k + steps.start;
            pack_transposed::<T, V>(
                &self.b[start..],
                k,
                wide,
                &mut packed[first * len..],
                width,
                len,
            );
        }
    }

    /// Packs steps of `count` rows, in the orientation in which they are stored; returns the
    /// strides of a row and of a step.
    #[inline(always)]
    fn pack_a(&self, packed: &mut [T], row: usize, count: usize, steps: Steps) -> (usize, usize) {
        let (k0, k1) = (steps.start, steps.end);
        let MatmulShape { m, k, transpose_a, .. } = self.shape;
        let first = self.row + row;
        let (lines, length, start, source_stride) = if transpose_a {
            (k1 - k0, count, k0 * m + first, m)
        } else {
            (count, k1 - k0, first * k + k0, k)
        };
        let stride = length + ROW_PADDING;
        for line in 0..lines {
            let from = start + line * source_stride;
            packed[line * stride..][..length].copy_from_slice(&self.a[from..from + length]);
        }
        if transpose_a { (1, stride) } else { (stride, 1) }
    }
}

#[cfg(test)]
mod tests;
