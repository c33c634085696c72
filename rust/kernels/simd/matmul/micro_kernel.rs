//! Matrix micro-kernel: `C (+)= Σ A B` for a few rows and two registers of columns, with the sums
//! in registers.
//!
//! `A` is read one element at a time (a broadcast), `B` in registers, and each pair of loads of `B`
//! is used for all rows. A sum may run over several segments ([`Segments`]): pieces of `A` and `B`
//! with separate start addresses, such as the rows of a convolution window. Every element of `C` is
//! summed in the order of the segments, independently of the number of rows and columns of the
//! tile. So its bits do not depend on how a matrix is cut into tiles.

use crate::kernels::Element;
use crate::kernels::memory::TileMut;
use crate::kernels::simd::{Kernel, Vector};
pub use crate::kernels::tuning::ROW_PADDING;

/// Columns and rows of a micro-kernel call for the instruction set in use.
pub fn register_block<T: Element>() -> (usize, usize) {
    struct Sizes;
    impl<T: Element> Kernel<T> for Sizes {
        type Output = (usize, usize);
        #[inline(always)]
        fn run<V: Vector<T>>(self) -> (usize, usize) {
            (panel_width::<T, V>(), V::ROWS)
        }
    }
    T::dispatch(Sizes)
}

/// Lanes of a register of the instruction set in use.
pub fn lanes<T: Element>() -> usize {
    register_block::<T>().0 / 2
}

/// Columns of a micro-kernel call: two registers.
pub const fn panel_width<T: Element, V: Vector<T>>() -> usize {
    2 * V::LANES
}

/// Layout of `A` and `B` in memory. Element `(row, k)` of segment `s` of `A` is
/// `a[a_starts[s] + row * a_row + k * a_step]`; row `k` of segment `s` of `B` starts at
/// `b[b_starts[s] + k * b_step]`.
#[derive(Clone, Copy)]
pub struct Segments<'a, T> {
    /// Elements of `A`.
    pub a: &'a [T],
    /// Start of each segment in `a`.
    pub a_starts: &'a [usize],
    /// Elements from one row of `A` to the next; 1 if `transposed`.
    pub a_row: usize,
    /// Elements of `A` from one step of the sum to the next; 1 unless `transposed`.
    pub a_step: usize,
    /// Whether rows are adjacent in `a`, and not steps of the sum.
    pub transposed: bool,
    /// Elements of `B`.
    pub b: &'a [T],
    /// Start of each segment in `b`.
    pub b_starts: &'a [usize],
    /// Elements of `B` from one step of the sum to the next.
    pub b_step: usize,
    /// Steps of the sum in each segment.
    pub steps: usize,
}

/// Operations on the sums before they are written.
#[derive(Clone, Copy)]
pub struct Epilogue<'a, T> {
    /// Add the sums to the values in `C`.
    pub accumulate: bool,
    /// Add this row to each row of `C`.
    pub bias: Option<&'a [T]>,
    /// Apply ReLU, after the other operations.
    pub relu: bool,
}

impl<T> Epilogue<'_, T> {
    /// `C = sum`
    pub const OVERWRITE: Self = Self { accumulate: false, bias: None, relu: false };
    /// `C += sum`
    pub const ACCUMULATE: Self = Self { accumulate: true, bias: None, relu: false };
}

/// Prefetch and store hints. They do not affect the result.
#[derive(Clone, Copy)]
pub struct Hints<'a, T> {
    /// Data that a later call will read. At each step of the sum, two registers of it are
    /// prefetched, from its start on.
    pub prefetch: Option<&'a [T]>,
    /// Elements by which the prefetch advances at each step of the sum.
    pub prefetch_step: usize,
    /// Elements by which the prefetch advances from one part of the rows to the next.
    pub prefetch_part: usize,
    /// Write with non-temporal stores, which bypass the caches, if the alignment allows it. Call
    /// [`Vector::fence`] before another thread reads the result.
    pub stream: bool,
}

impl<T> Hints<'_, T> {
    /// No prefetch and ordinary stores.
    pub const NONE: Self =
        Self { prefetch: None, prefetch_step: 0, prefetch_part: 0, stream: false };
}

/// `C (+)= Σ_s A_s B_s` for all rows of `c`, which has at most [`panel_width`] columns.
///
/// # Shapes
/// - `c`: rows × columns, overwritten or accumulated into, depending on `finish`.
///
/// # Panics
/// When a segment is not within its slice: a bug in the caller.
#[inline(always)]
pub fn multiply<T: Element, V: Vector<T>>(
    segments: &Segments<'_, T>,
    c: &mut TileMut<'_, T>,
    finish: &Epilogue<'_, T>,
) {
    multiply_with::<T, V>(segments, c, finish, &Hints::NONE);
}

/// As [`multiply`], with hints.
///
/// # Panics
/// As [`multiply`].
#[inline(always)]
pub fn multiply_with<T: Element, V: Vector<T>>(
    segments: &Segments<'_, T>,
    c: &mut TileMut<'_, T>,
    finish: &Epilogue<'_, T>,
    hints: &Hints<'_, T>,
) {
    let c = c.part(0, c.rows(), 0, c.cols());
    V::call(Multiply { segments, c, finish, hints });
}

/// All rows of a panel. This is a separate kernel that is called and not inlined, so that the
/// selection of the micro-kernel is compiled once for each instruction set.
struct Multiply<'a, 's, T> {
    segments: &'a Segments<'s, T>,
    c: TileMut<'a, T>,
    finish: &'a Epilogue<'s, T>,
    hints: &'a Hints<'s, T>,
}

impl<T: Element> Kernel<T> for Multiply<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        multiply_rows::<T, V>(self);
    }
}

#[inline(always)]
fn multiply_rows<T: Element, V: Vector<T>>(call: Multiply<'_, '_, T>) {
    let Multiply { segments, mut c, finish, hints } = call;
    let (rows, cols) = (c.rows(), c.cols());
    if rows == 0 || cols == 0 {
        return;
    }
    check(segments, rows, cols, finish, panel_width::<T, V>());
    let aligned = c.as_mut_ptr().addr().is_multiple_of(V::LANES * size_of::<T>())
        && c.row_stride().is_multiple_of(V::LANES);
    let stream = hints.stream && aligned && cols.is_multiple_of(V::LANES) && !finish.accumulate;
    // Without a prefetch hint, prefetch the start of `A`, which is read anyway.
    let (mut prefetch, prefetch_step) =
        hints.prefetch.map_or((segments.a.as_ptr(), 0), |at| (at.as_ptr(), hints.prefetch_step));
    let parts = rows.div_ceil(V::ROWS);
    let (base, longer) = (rows / parts, rows % parts);
    let mut row = 0;
    for part in 0..parts {
        let count = base + usize::from(part < longer);
        let call = Tile {
            segments,
            row,
            c: c.part(row, count, 0, cols),
            finish,
            prefetch,
            prefetch_step,
            stream,
        };
        // Rows are split evenly: five and four rows are faster than eight and one. Each number of
        // rows has a separate kernel function.
        macro_rules! by_rows {
            ($($rows:literal)*) => {
                match count {
                    $($rows if $rows <= V::ROWS => call.rows::<V, $rows>(),)*
                    _ => unreachable!("more rows than a tile has"),
                }
            };
        }
        by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        row += count;
        prefetch = prefetch.wrapping_add(hints.prefetch_part);
    }
}

#[inline(always)]
fn check<T>(s: &Segments<'_, T>, rows: usize, cols: usize, finish: &Epilogue<'_, T>, width: usize) {
    assert!(cols <= width && s.a_starts.len() == s.b_starts.len());
    assert!(finish.bias.is_none_or(|bias| bias.len() == cols));
    assert!(if s.transposed { s.a_row == 1 } else { s.a_step == 1 });
    if s.steps > 0 {
        let a_reach = (rows - 1) * s.a_row + (s.steps - 1) * s.a_step;
        let b_reach = (s.steps - 1) * s.b_step + cols - 1;
        assert!(s.a_starts.iter().all(|start| start + a_reach < s.a.len()), "A outside its slice");
        assert!(s.b_starts.iter().all(|start| start + b_reach < s.b.len()), "B outside its slice");
    }
}

/// One call of the micro-kernel.
struct Tile<'a, 's, T> {
    segments: &'a Segments<'s, T>,
    row: usize,
    c: TileMut<'a, T>,
    finish: &'a Epilogue<'s, T>,
    prefetch: *const T,
    prefetch_step: usize,
    stream: bool,
}

impl<T: Element> Tile<'_, '_, T> {
    #[inline(always)]
    fn rows<V: Vector<T>, const ROWS: usize>(self) {
        let (wide, whole) = (self.c.cols() > V::LANES, self.c.cols().is_multiple_of(V::LANES));
        match (self.segments.transposed, wide, whole) {
            (false, true, true) => V::call(Sized::<T, ROWS, 2, false, false>(self)),
            (false, true, false) => V::call(Sized::<T, ROWS, 2, false, true>(self)),
            (false, false, true) => V::call(Sized::<T, ROWS, 1, false, false>(self)),
            (false, false, false) => V::call(Sized::<T, ROWS, 1, false, true>(self)),
            (true, true, true) => V::call(Sized::<T, ROWS, 2, true, false>(self)),
            (true, true, false) => V::call(Sized::<T, ROWS, 2, true, true>(self)),
            (true, false, true) => V::call(Sized::<T, ROWS, 1, true, false>(self)),
            (true, false, false) => V::call(Sized::<T, ROWS, 1, true, true>(self)),
        }
    }
}

/// A tile for which these are known at compile time: the number of rows and of column registers,
/// the orientation of `A`, and whether the last register is partial.
struct Sized<
    'a,
    's,
    T,
    const ROWS: usize,
    const REGISTERS: usize,
    const TRANSPOSED: bool,
    const PARTIAL: bool,
>(Tile<'a, 's, T>);

impl<
    T: Element,
    const ROWS: usize,
    const REGISTERS: usize,
    const TRANSPOSED: bool,
    const PARTIAL: bool,
> Kernel<T> for Sized<'_, '_, T, ROWS, REGISTERS, TRANSPOSED, PARTIAL>
{
    type Output = ();

    // Plain indices: the compiler fully unrolls such loops in its first pass, so that the sums stay
    // in registers. It does not do so for iterators.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Tile { segments: s, row, mut c, finish, mut prefetch, prefetch_step, stream } = self.0;
        let last = c.cols() - (REGISTERS - 1) * V::LANES; // columns of the last register
        let (a_row, a_step) = if TRANSPOSED { (1, s.a_step) } else { (s.a_row, 1) };
        let mut sums = [[V::zero(); REGISTERS]; ROWS];
        // SAFETY: `check` made sure that every element of the segments that these rows and columns
        // use is within `a` and `b`; `multiply_rows` streams only if the registers are aligned; a
        // partial register is read and written only up to `last`; `c` is exclusive and has these
        // rows and columns.
        unsafe {
            for (&a_start, &b_start) in s.a_starts.iter().zip(s.b_starts) {
                let mut a = s.a.as_ptr().add(a_start + row * a_row);
                let mut b = s.b.as_ptr().add(b_start);
                for _ in 0..s.steps {
                    let mut columns = [V::zero(); REGISTERS];
                    for r in 0..REGISTERS {
                        let at = b.add(r * V::LANES);
                        columns[r] = if PARTIAL && r == REGISTERS - 1 {
                            V::load_partial(at, last)
                        } else {
                            V::load(at)
                        };
                    }
                    for i in 0..ROWS {
                        let value = V::splat(*a.add(i * a_row));
                        for r in 0..REGISTERS {
                            sums[i][r] = value.mul_add(columns[r], sums[i][r]);
                        }
                    }
                    for r in 0..REGISTERS {
                        V::prefetch(prefetch.wrapping_add(r * V::LANES));
                    }
                    prefetch = prefetch.wrapping_add(prefetch_step);
                    a = a.wrapping_add(a_step);
                    b = b.wrapping_add(s.b_step);
                }
            }
            // Each operation of the epilogue is a separate small loop: the sums stay in registers
            // only if the compiler fully unrolls the loops.
            let (start, stride) = (c.as_mut_ptr(), c.row_stride());
            if finish.accumulate {
                for i in 0..ROWS {
                    for r in 0..REGISTERS {
                        let at = start.add(i * stride + r * V::LANES);
                        let value = if PARTIAL && r == REGISTERS - 1 {
                            V::load_partial(at, last)
                        } else {
                            V::load(at)
                        };
                        sums[i][r] = value.add(sums[i][r]);
                    }
                }
            }
            if let Some(bias) = finish.bias {
                let mut columns = [V::zero(); REGISTERS];
                for r in 0..REGISTERS {
                    let at = bias.as_ptr().add(r * V::LANES);
                    columns[r] = if PARTIAL && r == REGISTERS - 1 {
                        V::load_partial(at, last)
                    } else {
                        V::load(at)
                    };
                }
                for i in 0..ROWS {
                    for r in 0..REGISTERS {
                        sums[i][r] = sums[i][r].add(columns[r]);
                    }
                }
            }
            if finish.relu {
                for i in 0..ROWS {
                    for r in 0..REGISTERS {
                        sums[i][r] = sums[i][r].relu();
                    }
                }
            }
            if !PARTIAL && stream {
                for i in 0..ROWS {
                    for r in 0..REGISTERS {
                        sums[i][r].stream(start.add(i * stride + r * V::LANES));
                    }
                }
                return;
            }
            for i in 0..ROWS {
                for r in 0..REGISTERS {
                    let at = start.add(i * stride + r * V::LANES);
                    if PARTIAL && r == REGISTERS - 1 {
                        sums[i][r].store_partial(at, last)
                    } else {
                        sums[i][r].store(at)
                    }
                }
            }
        }
    }
}
