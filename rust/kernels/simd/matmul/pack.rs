//! Packing: copies rows of a matrix into panels that are two registers wide, and transposes
//! matrices.

use crate::kernels::Element;
use crate::kernels::memory::TileMut;
use crate::kernels::simd::matmul::micro_kernel::panel_width;
use crate::kernels::simd::{Kernel, Shuffle, store_some};

/// Copies `steps` rows of `columns` elements, `stride` apart, into panels: row `s` of panel `p` is
/// written to `packed[(p * steps + s) * panel_width]`. Works row by row, so that memory is read in
/// order. Missing columns of the last panel are set to zero.
///
/// # Panics
/// When `source` or `packed` is too short: a bug in the caller.
#[inline(always)]
pub fn pack_rows<T: Element, V: Shuffle<T>>(
    source: &[T],
    stride: usize,
    columns: usize,
    packed: &mut [T],
    steps: usize,
) {
    let width = panel_width::<T, V>();
    let panels = columns.div_ceil(width);
    assert!(steps == 0 || (steps - 1) * stride + columns <= source.len());
    assert!(panels * steps * width <= packed.len());
    let (from, to) = (source.as_ptr(), packed.as_mut_ptr());
    for step in 0..steps {
        for panel in 0..panels {
            for register in 0..2 {
                let column = panel * width + register * V::LANES;
                // SAFETY: by the assertions, the register, whole or partial, is within the row, and
                // its target is within `packed`.
                unsafe {
                    let at = to.add((panel * steps + step) * width + register * V::LANES);
                    let value = match columns.saturating_sub(column) {
                        0 => V::zero(),
                        left if left >= V::LANES => V::load(from.add(step * stride + column)),
                        left => V::load_partial(from.add(step * stride + column), left),
                    };
                    value.store(at);
                }
            }
        }
    }
}

/// Transposes `columns` rows of `source` (`steps` long, `stride` apart) into the columns of `steps`
/// rows of `width`; missing columns are set to zero.
///
/// # Panics
/// When a slice is too short: a bug in the caller.
#[inline(always)]
pub fn pack_transposed<T: Element, V: Shuffle<T>>(
    source: &[T],
    stride: usize,
    columns: usize,
    panel: &mut [T],
    width: usize,
    steps: usize,
) {
    if steps == 0 {
        return;
    }
    let columns = columns.min(width);
    assert!(steps * width <= panel.len());
    transpose::<T, V>(source, stride, (columns, steps), panel, width);
    if columns < width {
        panel.chunks_exact_mut(width).take(steps).for_each(|row| row[columns..].fill(T::ZERO));
    }
}

/// `target[j * target_stride + i] = source[i * stride + j]` for `rows` × `columns` elements of the
/// source; the rest of the target is unchanged.
///
/// # Panics
/// When a slice is too short: a bug in the caller.
#[inline(always)]
pub fn transpose<T: Element, V: Shuffle<T>>(
    source: &[T],
    stride: usize,
    (rows, columns): (usize, usize),
    target: &mut [T],
    target_stride: usize,
) {
    if rows == 0 || columns == 0 {
        return;
    }
    assert!((rows - 1) * stride + columns <= source.len());
    assert!((columns - 1) * target_stride + rows <= target.len());
    if rows < V::LANES && columns == V::LANES {
        // Part of a square: copy it to a whole square and transpose this one.
        let (mut square, mut turned) = ([T::ZERO; 256], [T::ZERO; 256]);
        for (i, row) in square.chunks_exact_mut(V::LANES).enumerate().take(rows) {
            row.copy_from_slice(&source[i * stride..][..V::LANES]);
        }
        // SAFETY: no register has more than 16 lanes.
        unsafe { V::transpose(square.as_ptr(), V::LANES, turned.as_mut_ptr(), V::LANES) };
        for (row, line) in
            turned.chunks_exact(V::LANES).zip(target.chunks_mut(target_stride)).take(columns)
        {
            line[..rows].copy_from_slice(&row[..rows]);
        }
        return;
    }
    if columns == 1 && stride == 1 {
        target[..rows].copy_from_slice(&source[..rows]);
        return;
    }
    if columns == stride {
        macro_rules! by_columns {
            ($($columns:literal)*) => {
                match columns {
                    $($columns => return load_deinterleaved::<T, V, $columns>(source, rows, target, target_stride),)*
                    _ => {}
                }
            };
        }
        by_columns!(2 3 4 5 6 7 8);
    }
    if rows < V::LANES || columns < V::LANES {
        for (j, line) in target.chunks_mut(target_stride).take(columns).enumerate() {
            for (i, value) in line[..rows].iter_mut().enumerate() {
                *value = source[i * stride + j];
            }
        }
        return;
    }
    transpose_tile::<T, V>(source, stride, &mut TileMut::new(target, columns, rows, target_stride));
}

/// [`transpose`] to a tile with at least `LANES` rows and `LANES` columns.
///
/// # Panics
/// When the tile is smaller, or the source too short: a bug in the caller.
#[inline(always)]
pub fn transpose_tile<T: Element, V: Shuffle<T>>(
    source: &[T],
    stride: usize,
    target: &mut TileMut<'_, T>,
) {
    let (rows, columns, target_stride) = (target.cols(), target.rows(), target.row_stride());
    assert!(
        rows >= V::LANES && columns >= V::LANES && (rows - 1) * stride + columns <= source.len()
    );
    for i in (0..rows).step_by(V::LANES) {
        for j in (0..columns).step_by(V::LANES) {
            // The last squares overlap the preceding ones. Elements that are written twice get the
            // same value.
            let (i, j) = (i.min(rows - V::LANES), j.min(columns - V::LANES));
            // SAFETY: by the assertion, a whole square can be read from the source and written to
            // the tile.
            unsafe {
                let to = target.as_mut_ptr().add(j * target_stride + i);
                V::transpose(source.as_ptr().add(i * stride + j), stride, to, target_stride);
            }
        }
    }
}

/// [`transpose_tile`], compiled for the instruction set in use.
///
/// # Panics
/// As [`transpose_tile`].
pub fn turn<T: Element>(source: &[T], stride: usize, target: &mut TileMut<'_, T>) {
    struct Turn<'a, 't, T>(&'a [T], usize, &'a mut TileMut<'t, T>);
    impl<T: Element> Kernel<T> for Turn<'_, '_, T> {
        type Output = ();
        #[inline(always)]
        fn run<V: Shuffle<T>>(self) {
            transpose_tile::<T, V>(self.0, self.1, self.2);
        }
    }
    T::dispatch(Turn(source, stride, target));
}

/// [`turn`] for indices. The tile may be smaller than a register.
///
/// # Panics
/// When the source is too short: a bug in the caller.
pub fn turn_indices(source: &[i32], stride: usize, target: &mut TileMut<'_, i32>) {
    let (rows, columns) = (target.cols(), target.rows());
    assert!(rows == 0 || (rows - 1) * stride + columns <= source.len());
    if rows.min(columns) < super::micro_kernel::lanes::<f32>() {
        for j in 0..columns {
            target
                .row_mut(j)
                .iter_mut()
                .enumerate()
                .for_each(|(i, index)| *index = source[i * stride + j]);
        }
        return;
    }
    // SAFETY: the same memory is read as floats; every bit pattern is a valid float, and
    // transposing only moves the elements.
    let source = unsafe { std::slice::from_raw_parts(source.as_ptr().cast::<f32>(), source.len()) };
    turn(source, stride, &mut target.as_floats());
}

/// [`transpose`] of `COLUMNS` columns that fill the rows of the source without gaps.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn load_deinterleaved<T: Element, V: Shuffle<T>, const COLUMNS: usize>(
    source: &[T],
    rows: usize,
    target: &mut [T],
    target_stride: usize,
) {
    assert!(rows * COLUMNS <= source.len() && (COLUMNS - 1) * target_stride + rows <= target.len());
    for first in (0..rows).step_by(V::LANES) {
        let count = V::LANES.min(rows - first);
        // SAFETY: `count` rows from `first` on, and `count` elements of each line of the target,
        // are within the slices.
        unsafe {
            let columns =
                V::load_deinterleaved::<COLUMNS>(source.as_ptr().add(first * COLUMNS), count);
            for j in 0..COLUMNS {
                store_some(columns[j], target.as_mut_ptr().add(j * target_stride + first), count);
            }
        }
    }
}
