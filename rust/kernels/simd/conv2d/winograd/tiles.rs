//! Transformed tiles: their layout in memory, and the transform of a run of tiles.

use super::{ROW_PADDING, Tiling, Transform, transform_patch};
use crate::kernels::Element;
use crate::kernels::memory::SharedMut;
use crate::kernels::simd::{Kernel, MAX_LANES, Vector};
use crate::kernels::tuning::LINE_BYTES;

/// Layout of transformed tiles. Channel `c` of tile `t` at frequency `f` is element
/// `f * frequency + t * row + c`.
#[derive(Debug, Clone, Copy)]
pub struct TileLayout {
    /// Elements from one tile to the next.
    pub row: usize,
    /// Elements from one frequency to the next.
    pub frequency: usize,
}

impl TileLayout {
    /// The layout of `count` tiles.
    pub fn new(channels: usize, count: usize) -> Self {
        // Whole registers of any instruction set.
        let row = channels.next_multiple_of(MAX_LANES) + ROW_PADDING;
        Self { row, frequency: count * row + ROW_PADDING }
    }
}

/// Positions of the patches of tiles in images.
#[derive(Clone, Copy)]
pub struct PatchLayout<'a> {
    /// The tiles.
    pub tiling: &'a Tiling,
    /// Height, width and channels of an image.
    pub shape: [usize; 3],
    /// Pixels from one tile to the next.
    pub step: usize,
    /// Rows and columns of zeros before the image.
    pub before: (usize, usize),
}

/// Prefetch of tiles that will be transformed next. Their pixels are prefetched a few at a time,
/// between calls of the micro-kernel, so that they are in the second-level cache when the tiles are
/// transformed.
pub(super) struct Prefetch<'a, T> {
    /// The images.
    pub images: &'a [T],
    /// The mask: where it is not positive, the images are taken as zero.
    pub activation_output: Option<&'a [T]>,
    /// Positions of the tiles.
    pub places: PatchLayout<'a>,
    /// Indices of the tiles.
    pub tiles: std::ops::Range<usize>,
    /// Rows and columns of a patch.
    pub size: usize,
}

impl<T: Element> Prefetch<'_, T> {
    /// Prefetches part `part` of `parts`.
    #[inline(always)]
    pub fn fetch<V: Vector<T>>(&self, part: usize, parts: usize) {
        let PatchLayout { tiling, shape, step, before } = self.places;
        let count = self.tiles.len();
        for tile in
            self.tiles.start + part * count / parts..self.tiles.start + (part + 1) * count / parts
        {
            let patch = tiling.patch(tile, shape, step, before, self.size);
            // The other columns also belong to the tile to the left.
            let first = patch.columns.0.max(self.size - step);
            let bytes = patch.columns.1.saturating_sub(first) * shape[2] * size_of::<T>();
            for row in patch.rows.0..patch.rows.1 {
                let at = patch.at(row, first);
                for line in 0..bytes.div_ceil(LINE_BYTES) {
                    let at = at.wrapping_add_unsigned(line * LINE_BYTES / size_of::<T>());
                    V::prefetch(self.images.as_ptr().wrapping_offset(at));
                    if let Some(activation_output) = self.activation_output {
                        V::prefetch(activation_output.as_ptr().wrapping_offset(at));
                    }
                }
            }
        }
    }
}

/// Transforms a run of tiles, which are `SIZE × SIZE` patches, by `K`.
///
/// Blocks of work run this kernel through [`Vector::call`], so that each transform is compiled once
/// for an instruction set and not once for each caller.
pub struct SharedTiles<'a, T, K, const SIZE: usize> {
    /// The transform.
    pub transform: K,
    /// The images.
    pub images: &'a [T],
    /// The mask: where it is not positive, the images are taken as zero.
    pub activation_output: Option<&'a [T]>,
    /// Positions of the tiles in the images.
    pub places: PatchLayout<'a>,
    /// Indices of the tiles.
    pub tiles: std::ops::Range<usize>,
    /// The buffer, and the index in it of the first of these tiles. All threads may share the
    /// buffer; each writes its own tiles.
    pub target: (&'a SharedMut<'a, T>, usize),
    /// Layout of the buffer.
    pub layout: TileLayout,
}

impl<T: Element, K: Transform<T, SIZE>, const SIZE: usize> Kernel<T>
    for SharedTiles<'_, T, K, SIZE>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self { images, activation_output, places, tiles, target: (target, at), layout, .. } =
            self;
        let channels = places.shape[2];
        for (i, tile) in tiles.enumerate() {
            let patch = places.tiling.patch(tile, places.shape, places.step, places.before, SIZE);
            // SAFETY: the patch was computed for this shape; the row of a tile has room for whole
            // registers of channels at each frequency, and no other thread writes it.
            unsafe {
                let start = target.start().add((at + i) * layout.row);
                transform_patch::<T, V, K, SIZE>(
                    images,
                    activation_output,
                    patch,
                    channels,
                    start,
                    layout.frequency,
                );
            }
        }
    }
}
