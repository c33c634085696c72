//! Packing: rows of a matrix into panels as wide as two registers, and transposing a matrix on the way.

use super::Vector;
use crate::kernels::Element;
use crate::kernels::simd::gemm::panel_width;

/// Copies `steps` rows of `columns` elements, `stride` apart, into panels: row `s` of panel `p` lands at
/// `packed[(p * steps + s) * panel_width]`. Row by row, as memory likes it; columns missing in the last panel become zero.
///
/// # Panics
/// When `source` or `packed` is too short: a defect of the caller.
#[inline(always)]
pub fn pack_rows<T: Element, V: Vector<T>>(source: &[T], stride: usize, columns: usize, packed: &mut [T], steps: usize) {
    let width = panel_width::<T, V>();
    let panels = columns.div_ceil(width);
    assert!(steps == 0 || (steps - 1) * stride + columns <= source.len());
    assert!(panels * steps * width <= packed.len());
    let (from, to) = (source.as_ptr(), packed.as_mut_ptr());
    for step in 0..steps {
        for panel in 0..panels {
            for register in 0..2 {
                let column = panel * width + register * V::LANES;
                // SAFETY: the assertions: whole or partial, the register lies within the row, and its place within `packed`.
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

/// Transposes `columns` rows of `source` (`steps` long, `stride` apart) into the columns of `steps` rows of `width`; missing columns are
/// zero.
///
/// # Panics
/// When a slice is too short: a defect of the caller.
#[inline(always)]
pub fn pack_transposed<T: Element, V: Vector<T>>(source: &[T], stride: usize, columns: usize, panel: &mut [T], width: usize, steps: usize) {
    if steps == 0 {
        return;
    }
    let columns = columns.min(width);
    assert!(columns == 0 || (columns - 1) * stride + steps <= source.len());
    assert!(steps * width <= panel.len());
    let whole = (columns / V::LANES * V::LANES, steps / V::LANES * V::LANES);
    for step in (0..whole.1).step_by(V::LANES) {
        for column in (0..whole.0).step_by(V::LANES) {
            // SAFETY: a whole block on both sides, by the assertions.
            unsafe {
                V::transpose(source.as_ptr().add(column * stride + step), stride, panel.as_mut_ptr().add(step * width + column), width)
            };
        }
    }
    for (step, row) in panel.chunks_exact_mut(width).take(steps).enumerate() {
        // What no whole block covers.
        let first = if step < whole.1 { whole.0 } else { 0 };
        for (column, value) in row.iter_mut().enumerate().skip(first) {
            *value = if column < columns { source[column * stride + step] } else { T::ZERO };
        }
    }
}
