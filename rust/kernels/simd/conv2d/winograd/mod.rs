//! Winograd's minimal filtering on tiles of vectors (one lane a channel): the transforms, and the
//! blocks of work made of them.
//!
//! An `R × R` filter over an `M × M` tile of outputs reads a tile of `N × N` inputs, `N = M + R -
//! 1`. Input and filter are transformed to `N²` frequencies, multiplied frequency by frequency (a
//! matrix product over channels), and transformed back: `Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A` (Lavin &
//! Gray 2016). The gradient of the weights is the same identity with other sizes: a "filter"
//! of `M × M` gradients over `N × N` inputs gives `R × R` outputs.
//!
//! `M² R²` products become `N²`: a quarter for `M = 4, R = 3`. The price is rounding error, which
//! grows with the size of the interpolation points; see [`transform`].

// Plain indices: the compiler unrolls such loops whole in its first pass, so that values stay in
// registers; iterators it does not.
#![allow(clippy::needless_range_loop)]

pub mod correlate;
pub mod filters;
pub mod stride2;
pub mod tiles;
pub mod transform;
pub mod weight_gradient;

use crate::kernels::Element;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::simd::matmul::micro_kernel::ROW_PADDING;
use crate::kernels::simd::{Vector, load_some};

/// How images are cut into tiles of `M × M` outputs; the last tile of a row or column may hang
/// over.
#[derive(Debug, Clone, Copy)]
pub struct Tiling {
    /// Height, width and channels of the source.
    pub source: [usize; 3],
    /// Height, width and channels of the target.
    pub target: [usize; 3],
    /// Rows and columns of zeros before the source.
    pub before: (usize, usize),
    /// Images.
    pub batch: usize,
    /// Tiles down and across an image.
    pub tiles: (usize, usize),
}

impl Tiling {
    /// The tiles of the forward pass.
    pub fn forward(g: &Conv2dGeometry, outputs: usize) -> Self {
        Self {
            source: [g.height, g.width, g.in_channels],
            target: [g.out_height, g.out_width, g.out_channels],
            before: (g.window.padding.top, g.window.padding.left),
            batch: g.batch,
            tiles: (g.out_height.div_ceil(outputs), g.out_width.div_ceil(outputs)),
        }
    }

    /// The tiles of the gradient of the input: the output's gradient under the turned filter. The
    /// padding must be smaller than the filter.
    pub fn backward_input(g: &Conv2dGeometry, outputs: usize) -> Self {
        Self {
            source: [g.out_height, g.out_width, g.out_channels],
            target: [g.height, g.width, g.in_channels],
            before: (g.kernel_h - 1 - g.window.padding.top, g.kernel_w - 1 - g.window.padding.left),
            batch: g.batch,
            tiles: (g.height.div_ceil(outputs), g.width.div_ceil(outputs)),
        }
    }

    /// Tiles in all.
    pub fn count(&self) -> usize {
        self.batch * self.tiles.0 * self.tiles.1
    }

    /// Image, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (down, across) = self.tiles;
        (tile / (down * across), tile / across % down, tile % across)
    }

    /// Where the `size × size` patch that begins at tile `tile` times `step`, less `before`, lies
    /// in images of `shape`.
    #[inline(always)]
    fn patch(
        &self,
        tile: usize,
        shape: [usize; 3],
        step: usize,
        before: (usize, usize),
        size: usize,
    ) -> Patch {
        let (image, row, column) = self.place(tile);
        let [height, width, channels] = shape;
        let top = (row * step) as isize - before.0 as isize;
        let left = (column * step) as isize - before.1 as isize;
        let span = |start: isize, len: usize| {
            let begin = (-start).clamp(0, size as isize) as usize;
            (begin, (len as isize - start).clamp(begin as isize, size as isize) as usize)
        };
        Patch {
            origin: (image * height * width * channels) as isize
                + (top * width as isize + left) * channels as isize,
            row_stride: width * channels,
            column_stride: channels,
            rows: span(top, height),
            columns: span(left, width),
        }
    }
}

/// A patch of an image, with the rows and columns of it that lie inside.
#[derive(Clone, Copy)]
struct Patch {
    /// Offset of the patch's first element; outside the image where the patch is.
    origin: isize,
    row_stride: usize,
    column_stride: usize,
    rows: (usize, usize),
    columns: (usize, usize),
}

impl Patch {
    #[inline(always)]
    fn is_whole(&self, size: usize) -> bool {
        self.rows == (0, size) && self.columns == (0, size)
    }

    /// Offset of element (`i`, `j`) of the patch.
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> isize {
        self.origin + (i * self.row_stride + j * self.column_stride) as isize
    }
}

/// Which transform a patch goes through.
pub trait Transform<T: Element, const SIZE: usize> {
    /// Transforms the patch that `get` reads, and writes each frequency to `put`.
    ///
    /// # Safety
    /// What `get` reads and `put` writes must be there.
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>);
}

/// Reads a register of a patch by row and column. A trait, not a closure: its method is always
/// inlined, and so compiled for the set.
pub trait Get<V>: Copy {
    /// The register at row `i`, column `j`.
    ///
    /// # Safety
    /// It must be there.
    unsafe fn get(self, i: usize, j: usize) -> V;
}

/// Reads straight from an image.
#[derive(Clone, Copy)]
struct Direct<T> {
    start: *const T,
    row: usize,
    column: usize,
}

impl<T: Element, V: Vector<T>> Get<V> for Direct<T> {
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe { V::load(self.start.add(i * self.row + j * self.column)) }
    }
}

/// Reads through a table of addresses: those of pixels outside the image point to zeros.
#[derive(Clone, Copy)]
struct Table<'a, T, const SIZE: usize> {
    starts: &'a [[*const T; SIZE]; SIZE],
    first: usize,
}

impl<T: Element, V: Vector<T>, const SIZE: usize> Get<V> for Table<'_, T, SIZE> {
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> V {
        // SAFETY: the caller's promise.
        unsafe { V::load(self.starts[i][j].add(self.first)) }
    }
}

/// Reads registers that were gathered before.
#[derive(Clone, Copy)]
struct Gathered<'a, V, const SIZE: usize>(&'a [[V; SIZE]; SIZE]);

impl<V: Copy, const SIZE: usize> Get<V> for Gathered<'_, V, SIZE> {
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> V {
        self.0[i][j]
    }
}

/// Zeros to read in the place of pixels outside the image, for as many channels as there are.
#[repr(align(64))]
struct Zeros([u64; 2048]);
static ZEROS: Zeros = Zeros([0; 2048]);

/// Where frequencies are written: frequency `f` at `start + f * stride`.
#[derive(Clone, Copy)]
pub struct Frequencies<T> {
    start: *mut T,
    stride: usize,
}

impl<T: Element> Frequencies<T> {
    /// Writes a register.
    ///
    /// # Safety
    /// It must be writable there.
    #[inline(always)]
    unsafe fn put<V: Vector<T>>(self, f: usize, value: V) {
        // SAFETY: the caller's promise.
        unsafe { value.store(self.start.add(f * self.stride)) }
    }
}

/// Transforms the patch of all channels, zero outside the image and where the mask is not positive, to
/// `target`: frequency `f` of channel `c` goes to `target[f * stride + c]`. Channels are written in
/// whole registers; those past the last are zero.
///
/// # Safety
/// `patch` must describe places in `source` (and `activation_output`) for all rows and columns that it says lie
/// inside; `target` must be writable for whole registers of channels at every frequency.
#[inline(always)]
unsafe fn transform_patch<T: Element, V: Vector<T>, K: Transform<T, SIZE>, const SIZE: usize>(
    source: &[T],
    activation_output: Option<&[T]>,
    patch: Patch,
    channels: usize,
    target: *mut T,
    stride: usize,
) {
    let whole = patch.is_whole(SIZE);
    let tabled = activation_output.is_none() && channels * size_of::<T>() <= size_of::<Zeros>();
    let mut starts = [[ZEROS.0.as_ptr().cast::<T>(); SIZE]; SIZE];
    if !whole && tabled {
        for i in patch.rows.0..patch.rows.1 {
            for j in patch.columns.0..patch.columns.1 {
                starts[i][j] = source.as_ptr().wrapping_offset(patch.at(i, j));
            }
        }
    }
    for first in (0..channels).step_by(V::LANES) {
        let count = V::LANES.min(channels - first);
        // SAFETY: in all branches the places read lie inside the image (or the zeros) and `count`
        // channels from `first` on exist there; the places written are the caller's
        // promise.
        unsafe {
            let put = Frequencies { start: target.add(first), stride };
            if count < V::LANES || !tabled {
                K::apply::<V, _>(
                    Gathered(&gather::<T, V, SIZE>(source, activation_output, patch, first, count)),
                    put,
                );
            } else if whole {
                let start = source.as_ptr().offset(patch.origin).add(first);
                K::apply::<V, _>(
                    Direct { start, row: patch.row_stride, column: patch.column_stride },
                    put,
                );
            } else {
                K::apply::<V, _>(Table { starts: &starts, first }, put);
            }
        }
    }
}

/// `count` channels of a patch from `first` on, zero outside the image and where the mask is not positive.
///
/// # Safety
/// As [`transform_patch`].
#[inline(always)]
unsafe fn gather<T: Element, V: Vector<T>, const SIZE: usize>(
    source: &[T],
    activation_output: Option<&[T]>,
    patch: Patch,
    first: usize,
    count: usize,
) -> [[V; SIZE]; SIZE] {
    let mut values = [[V::zero(); SIZE]; SIZE];
    for i in patch.rows.0..patch.rows.1 {
        for j in patch.columns.0..patch.columns.1 {
            let at = (patch.at(i, j) + first as isize) as usize;
            debug_assert!(at + count <= source.len());
            // SAFETY: inside the image, by the caller's promise.
            unsafe {
                let value: V = load_some(source.as_ptr().add(at), count);
                values[i][j] = match activation_output {
                    Some(activation_output) => {
                        value.where_positive(load_some(activation_output.as_ptr().add(at), count))
                    }
                    None => value,
                };
            }
        }
    }
    values
}
