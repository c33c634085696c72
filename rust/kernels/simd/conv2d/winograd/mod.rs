//! Winograd's minimal filtering on tiles of vectors, with one channel in each lane: the transforms,
//! and the blocks of work that use them.
//!
//! An `R × R` filter over an `M × M` tile of outputs reads a tile of `N × N` inputs,
//! `N = M + R - 1`. Input and filter are transformed to `N²` frequencies, multiplied frequency by
//! frequency (a matrix product over channels), and transformed back:
//! `Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A` (Lavin & Gray 2016). The gradient of the weights is the same
//! identity with other sizes: a "filter" of `M × M` gradients over `N × N` inputs gives `R × R`
//! outputs.
//!
//! `M² R²` products become `N²`: a quarter for `M = 4, R = 3`. The rounding error is larger, and
//! grows with the size of the interpolation points; see [`transform`].

// Plain indices: the compiler fully unrolls such loops in its first pass, so that values stay in
// registers. It does not do so for iterators.
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

/// How images are cut into tiles of `M × M` outputs. The last tile of a row or column may extend
/// past the image.
#[derive(Debug, Clone, Copy)]
pub struct Tiling {
    /// Height, width and channels of the source.
    pub source: [usize; 3],
    /// Height, width and channels of the target.
    pub target: [usize; 3],
    /// Rows and columns of zeros before the source.
    pub before: (usize, usize),
    /// Number of images.
    pub batch: usize,
    /// Number of tiles down and across an image.
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

    /// The tiles of the gradient of the input: the gradient of the output, correlated with the
    /// turned filter. The padding must be smaller than the filter.
    pub fn backward_input(g: &Conv2dGeometry, outputs: usize) -> Self {
        Self {
            source: [g.out_height, g.out_width, g.out_channels],
            target: [g.height, g.width, g.in_channels],
            before: (g.kernel_h - 1 - g.window.padding.top, g.kernel_w - 1 - g.window.padding.left),
            batch: g.batch,
            tiles: (g.height.div_ceil(outputs), g.width.div_ceil(outputs)),
        }
    }

    /// Total number of tiles.
    pub fn count(&self) -> usize {
        self.batch * self.tiles.0 * self.tiles.1
    }

    /// Image, row and column of a tile.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (down, across) = self.tiles;
        (tile / (down * across), tile / across % down, tile % across)
    }

    /// Position, in images of `shape`, of the `size × size` patch of a tile. It starts at the row
    /// and column of the tile times `step`, minus `before`.
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

/// Position of a patch in an image, and the rows and columns of the patch that are inside the
/// image.
#[derive(Clone, Copy)]
struct Patch {
    /// Offset of the first element of the patch. It may be outside the image.
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

/// Transform of a patch.
pub trait Transform<T: Element, const SIZE: usize> {
    /// Transforms the patch that `get` reads, and writes each frequency to `put`.
    ///
    /// # Safety
    /// The registers that `get` reads must be readable, and the registers that `put` writes must be
    /// writable.
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>);
}

/// Reads a register of a patch by row and column. This is a trait and not a closure, so that its
/// method is always inlined, and thus compiled for the instruction set.
pub trait Get<V>: Copy {
    /// The register at row `i`, column `j`.
    ///
    /// # Safety
    /// The register must be readable.
    unsafe fn get(self, i: usize, j: usize) -> V;
}

/// Reads directly from an image.
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

/// Reads through a table of addresses. The addresses of pixels outside the image point to zeros.
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

/// Reads registers that were loaded before.
#[derive(Clone, Copy)]
struct Gathered<'a, V, const SIZE: usize>(&'a [[V; SIZE]; SIZE]);

impl<V: Copy, const SIZE: usize> Get<V> for Gathered<'_, V, SIZE> {
    #[inline(always)]
    unsafe fn get(self, i: usize, j: usize) -> V {
        self.0[i][j]
    }
}

/// Zeros that are read for pixels outside the image. Used if the channels of a pixel fit.
#[repr(align(64))]
struct Zeros([u64; 2048]);
static ZEROS: Zeros = Zeros([0; 2048]);

/// Target of frequencies: frequency `f` is written to `start + f * stride`.
#[derive(Clone, Copy)]
pub struct Frequencies<T> {
    start: *mut T,
    stride: usize,
}

impl<T: Element> Frequencies<T> {
    /// Writes a register.
    ///
    /// # Safety
    /// The register must be writable at frequency `f`.
    #[inline(always)]
    unsafe fn put<V: Vector<T>>(self, f: usize, value: V) {
        // SAFETY: the caller's promise.
        unsafe { value.store(self.start.add(f * self.stride)) }
    }
}

/// Transforms all channels of the patch and writes them to `target`. Pixels outside the image, and
/// elements where the mask is not positive, are zero. Layout: frequency `f` of channel `c` goes to
/// `target[f * stride + c]`. Channels are written in whole registers, with zeros after the last
/// channel.
///
/// # Safety
/// All rows and columns of `patch` that are inside the image must be within `source` (and
/// `activation_output`). `target` must be writable for whole registers of channels at every
/// frequency.
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
        // SAFETY: in all branches the elements that are read are inside the image (or in the
        // zeros), where `count` channels from `first` on exist; that the target is writable is the
        // caller's promise.
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

/// Loads `count` channels of a patch from `first` on. Pixels outside the image, and elements where
/// the mask is not positive, are zero.
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
