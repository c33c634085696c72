//! Aligned buffers, scratch memory of a thread, and disjoint mutable tiles: safe interfaces to
//! unsafe code.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::dry_run;
use super::error::{KernelError, Result};
use super::tuning::{HUGE_PAGE, LINE_BYTES};

/// Alignment of every buffer, in bytes.
pub const ALIGNMENT: usize = LINE_BYTES;

/// Asks the system for huge pages; it may decline.
#[cfg(target_os = "linux")]
fn advise_huge_pages(start: *mut u8, bytes: usize) {
    unsafe extern "C" {
        fn madvise(start: *mut u8, bytes: usize, advice: i32) -> i32;
    }
    const MADV_HUGEPAGE: i32 = 14;
    // SAFETY: the range is allocated, and begins on a page boundary; the advice does not change its
    // contents.
    let _ = unsafe { madvise(start, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages(_start: *mut u8, _bytes: usize) {}

/// Element types for which every bit pattern is a value and which need no drop.
///
/// # Safety
/// An implementor must be valid for any bit pattern, zero included, and aligned to at most
/// [`ALIGNMENT`].
pub unsafe trait Plain: Copy + Send + Sync + 'static {}
// SAFETY: any bits are a float.
unsafe impl Plain for f32 {}
// SAFETY: any bits are a float.
unsafe impl Plain for f64 {}
// SAFETY: any bits are an integer.
unsafe impl Plain for i32 {}
// SAFETY: any bits are an integer.
unsafe impl Plain for u64 {}

/// A heap slice aligned to [`ALIGNMENT`] and filled with zeros. A failed allocation is an error,
/// not an abort.
///
/// It is allocated with the alignment of a word and a little longer, because only then do
/// allocators hand out fresh pages that are zero already: no page is written before it is used.
pub struct AlignedBuffer<T: Plain> {
    start: NonNull<T>,
    len: usize,
    allocation: NonNull<u8>,
    allocated: usize,
}

/// Buffers of at least this many bytes are taken from the system by all allocators, as pages that
/// cost nothing until they are touched, and are given back to it.
const FRESH_BYTES: usize = 64 << 20;

// SAFETY: the buffer owns its memory, as a Vec does.
unsafe impl<T: Plain> Send for AlignedBuffer<T> {}
// SAFETY: shared access is only through `&[T]`.
unsafe impl<T: Plain> Sync for AlignedBuffer<T> {}

impl<T: Plain> AlignedBuffer<T> {
    /// A buffer of `len` zeros.
    ///
    /// # Errors
    /// [`KernelError::Memory`] when the allocator refuses.
    pub fn zeroed(len: usize) -> Result<Self> {
        if len == 0 {
            return Ok(Self::empty());
        }
        let allocated = if dry_run::active() { len.max(FRESH_BYTES / size_of::<T>()) } else { len };
        let layout = Self::layout(allocated).ok_or(KernelError::Memory { bytes: usize::MAX })?;
        // SAFETY: the layout is not of size zero.
        let allocation = NonNull::new(unsafe { alloc_zeroed(layout) })
            .ok_or(KernelError::Memory { bytes: layout.size() })?;
        let alignment = Self::alignment(allocated * size_of::<T>());
        let skip = allocation.as_ptr().align_offset(alignment);
        // SAFETY: less than `alignment` bytes are skipped, and the layout has that many more than
        // the elements need.
        let start = unsafe { allocation.add(skip) };
        if alignment == HUGE_PAGE {
            advise_huge_pages(start.as_ptr(), allocated * size_of::<T>());
        }
        Ok(Self { start: start.cast::<T>(), len, allocation, allocated })
    }

    fn empty() -> Self {
        Self { start: NonNull::dangling(), len: 0, allocation: NonNull::dangling(), allocated: 0 }
    }

    fn alignment(bytes: usize) -> usize {
        if bytes >= 2 * HUGE_PAGE { HUGE_PAGE } else { ALIGNMENT }
    }

    fn layout(len: usize) -> Option<Layout> {
        let bytes = len.checked_mul(size_of::<T>())?;
        Layout::from_size_align(bytes.checked_add(Self::alignment(bytes))?, size_of::<u64>()).ok()
    }
}

impl<T: Plain> Drop for AlignedBuffer<T> {
    fn drop(&mut self) {
        if let (Some(layout), true) = (Self::layout(self.allocated), self.allocated > 0) {
            // SAFETY: allocated in `zeroed` with this very layout.
            unsafe { dealloc(self.allocation.as_ptr(), layout) }
        }
    }
}

impl<T: Plain> Deref for AlignedBuffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements were allocated and zeroed, and any bits are a T.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: Plain> DerefMut for AlignedBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes it the only access.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

thread_local! {
    /// Buffers that wait for their next use on this thread; at most the number borrowed at once.
    static SCRATCH: RefCell<Vec<AlignedBuffer<u64>>> = const { RefCell::new(Vec::new()) };
}

/// A slice of this thread's scratch, given back when dropped. Its contents are undefined. A buffer
/// grows to its largest use and is kept, so a repeated call allocates nothing.
///
/// A guard rather than a function that takes a closure: the closure would not be compiled for the
/// instruction set of its caller.
pub struct Scratch<T: Plain> {
    buffer: AlignedBuffer<u64>,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Plain> Scratch<T> {
    /// Borrows `len` elements.
    ///
    /// # Errors
    /// [`KernelError::Memory`] when the buffer must grow and cannot.
    pub fn take(len: usize) -> Result<Self> {
        const HUGE_WORDS: usize = HUGE_PAGE / size_of::<u64>();
        let words = len
            .checked_mul(size_of::<T>())
            .ok_or(KernelError::Memory { bytes: usize::MAX })?
            .div_ceil(size_of::<u64>());
        // From a quarter of a huge page on, scratch is made of whole huge pages, two at least.
        let paged = words >= HUGE_WORDS / 4;
        let resident = if paged { words.next_multiple_of(HUGE_WORDS) } else { words };
        if dry_run::taken(resident * size_of::<u64>()) {
            return Ok(Self { buffer: AlignedBuffer::zeroed(words)?, len, element: PhantomData });
        }
        let buffer = match SCRATCH.with_borrow_mut(Vec::pop) {
            Some(buffer) if buffer.len() >= words => buffer,
            _ if paged => AlignedBuffer::zeroed(resident.max(2 * HUGE_WORDS))?,
            _ => AlignedBuffer::zeroed(words)?,
        };
        Ok(Self { buffer, len, element: PhantomData })
    }
}

impl<T: Plain> Deref for Scratch<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: the buffer holds at least `len` elements of T, is aligned for it, and any bits
        // are a T.
        unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `&mut self` makes it the only access.
        unsafe { std::slice::from_raw_parts_mut(self.buffer.as_mut_ptr().cast::<T>(), self.len) }
    }
}

impl<T: Plain> Drop for Scratch<T> {
    fn drop(&mut self) {
        let buffer = std::mem::replace(&mut self.buffer, AlignedBuffer::empty());
        if dry_run::given_back() {
            return;
        }
        // When the thread ends its stack may be gone already; then the buffer is simply freed.
        let _ = SCRATCH.try_with(|stack| stack.borrow_mut().push(buffer));
    }
}

/// Lends `len` elements of [`Scratch`] to `f`; for callers that are not compiled for an instruction
/// set themselves.
///
/// # Errors
/// [`KernelError::Memory`] when the buffer must grow and cannot.
pub fn with_scratch<T: Plain, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> Result<R> {
    Ok(f(&mut Scratch::take(len)?))
}

/// A slice that several threads write, each its own elements: for results whose parts are not
/// contiguous, such as tiles of an image.
pub struct SharedMut<'a, T> {
    start: *mut T,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: it only carries the address; code that writes through it promises that no two threads
// touch the same element.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> SharedMut<'a, T> {
    /// Shares an exclusive slice.
    #[inline(always)]
    pub fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), owner: PhantomData }
    }

    /// The first element.
    #[inline(always)]
    pub fn start(&self) -> *mut T {
        self.start
    }
}

/// A rectangle of a row-major matrix that may be written, alone among all tiles of that matrix.
pub struct TileMut<'a, T> {
    start: *mut T,
    rows: usize,
    cols: usize,
    row_stride: usize,
    owner: PhantomData<&'a mut [T]>,
}

// SAFETY: a tile is an exclusive borrow of its rectangle, as `&mut [T]` is.
unsafe impl<T: Send> Send for TileMut<'_, T> {}

impl<'a> TileMut<'a, i32> {
    /// The same elements, seen as floats of the same bits: to be moved, not computed with.
    pub fn as_floats(&mut self) -> TileMut<'_, f32> {
        let &mut Self { start, rows, cols, row_stride, .. } = self;
        TileMut { start: start.cast(), rows, cols, row_stride, owner: PhantomData }
    }
}

impl<'a, T> TileMut<'a, T> {
    /// The whole of `matrix`, seen as `rows` rows of `cols` elements that start `row_stride` apart.
    ///
    /// # Panics
    /// When the rows overlap or do not fit in the slice.
    #[inline(always)]
    pub fn new(matrix: &'a mut [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(rows <= 1 || row_stride >= cols, "rows overlap");
        assert!(
            rows == 0 || (rows - 1) * row_stride + cols <= matrix.len(),
            "tile outside its slice"
        );
        Self { start: matrix.as_mut_ptr(), rows, cols, row_stride, owner: PhantomData }
    }

    /// Number of rows.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, in elements.
    #[inline(always)]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between two rows, in elements.
    #[inline(always)]
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// The first element; valid for `rows` rows of `cols` elements, `row_stride` apart.
    #[inline(always)]
    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.start
    }

    /// The rectangle of `rows` × `cols` that starts at (`row`, `col`).
    ///
    /// # Panics
    /// When it is not within this tile.
    #[inline(always)]
    pub fn part(&mut self, row: usize, rows: usize, col: usize, cols: usize) -> TileMut<'_, T> {
        assert!(row + rows <= self.rows && col + cols <= self.cols, "part outside its tile");
        // SAFETY: the offset is within the tile, by the assertion.
        let start = unsafe { self.start.add(row * self.row_stride + col) };
        TileMut { start, rows, cols, row_stride: self.row_stride, owner: PhantomData }
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row outside its tile");
        // SAFETY: the row is within the tile, which is exclusively borrowed.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.row_stride), self.cols) }
    }

    /// Cuts the tile into disjoint parts of at most `tile_rows` × `tile_cols`, with the (row,
    /// column) each starts at; row by row.
    pub fn into_parts(
        self,
        tile_rows: usize,
        tile_cols: usize,
    ) -> impl ExactSizeIterator<Item = (usize, usize, TileMut<'a, T>)> + Send
    where
        T: Send,
    {
        let (tile_rows, tile_cols) = (tile_rows.max(1), tile_cols.max(1));
        let (down, across) = (self.rows.div_ceil(tile_rows), self.cols.div_ceil(tile_cols));
        let whole = self;
        (0..down * across).map(move |i| {
            let whole = &whole;
            let (row, col) = (i / across * tile_rows, i % across * tile_cols);
            // SAFETY: each index is visited once and the rectangles of two indices are disjoint
            // parts of `whole`.
            let start = unsafe { whole.start.add(row * whole.row_stride + col) };
            let (rows, cols) = (tile_rows.min(whole.rows - row), tile_cols.min(whole.cols - col));
            (
                row,
                col,
                TileMut { start, rows, cols, row_stride: whole.row_stride, owner: PhantomData },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_zero() {
        let buffer = AlignedBuffer::<f32>::zeroed(33).unwrap();
        assert_eq!(buffer.as_ptr().addr() % ALIGNMENT, 0);
        assert!(buffer.iter().all(|&value| value == 0.0));
        assert_eq!(AlignedBuffer::<f64>::zeroed(0).unwrap().len(), 0);
        assert!(AlignedBuffer::<f64>::zeroed(usize::MAX / 2).is_err());
    }

    #[test]
    fn nested_scratch_does_not_overlap() {
        with_scratch(100, |outer: &mut [f32]| {
            outer.fill(1.0);
            with_scratch(100, |inner: &mut [f32]| inner.fill(2.0)).unwrap();
            assert!(outer.iter().all(|&value| value == 1.0));
        })
        .unwrap();
    }

    #[test]
    fn parts_cover_a_tile_once() {
        let mut matrix = vec![0; 7 * 10];
        for (row, col, mut part) in TileMut::new(&mut matrix, 7, 9, 10).into_parts(3, 4) {
            for r in 0..part.rows() {
                for (c, value) in part.row_mut(r).iter_mut().enumerate() {
                    *value += (row + r) * 10 + col + c + 1;
                }
            }
        }
        assert!(
            matrix
                .iter()
                .enumerate()
                .all(|(i, &value)| value == if i % 10 == 9 { 0 } else { i + 1 })
        );
    }
}
