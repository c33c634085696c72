//! Transformed tiles: where they lie in memory, and how a run of them is made.

use super::{ROW_PADDING, Tiling, Transform, transform_patch};
use crate::kernels::Element;
use crate::kernels::memory::SharedMut;
use crate::kernels::simd::{Kernel, MAX_LANES, Vector};
use crate::kernels::tuning::LINE_BYTES;

/// Channel `c` of tile `t` at frequency `f` is element `f * frequency + t * row + c`.
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

/// Where the patches of tiles lie in images.
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

/// Tiles that will be transformed next. Their pixels are asked for a few at a time, between calls
/// of the micro-kernel, so that they are in the second-level cache when their turn comes.
pub(super) struct Prefetch<'a, T> {
    /// The images.
    pub images: &'a [T],
    /// The mask: only where it is positive do the images count.
    pub activation_output: Option<&'a [T]>,
    /// Where the tiles lie.
    pub places: PatchLayout<'a>,
    /// Which tiles.
    pub tiles: std::ops::Range<usize>,
    /// Rows and columns of a patch.
    pub size: usize,
}

impl<T: Element> Prefetch<'_, T> {
    /// Asks for part `part` of `parts`.
    #[inline(always)]
    pub fn fetch<V: Vector<T>>(&self, part: usize, parts: usize) {
        let PatchLayout { tiling, shape, step, before } = self.places;
        let count = self.tiles.len();
        for tile in
            self.tiles.start + part * count / parts..self.tiles.start + (part + 1) * count / parts
        {
            let patch = tiling.patch(tile, shape, step, before, self.size);
            // The other columns are those of the tile to the left.
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

/// Transforms a run of tiles, `SIZE × SIZE` patches, by `K`.
///
/// Blocks of work run it through [`Vector::call`], so that each transform is compiled once for an
/// instruction set and not once for each of its callers.
pub struct SharedTiles<'a, T, K, const SIZE: usize> {
    /// The transform.
    pub transform: K,
    /// The images.
    pub images: &'a [T],
    /// Lets through the images where it is positive.
    pub activation_output: Option<&'a [T]>,
    /// Where the tiles are in the images.
    pub places: PatchLayout<'a>,
    /// Which tiles.
    pub tiles: std::ops::Range<usize>,
    /// The buffer, and the place in it of the first of these tiles. It may be shared by all
    /// threads: each writes its own tiles.
    pub target: (&'a SharedMut<'a, T>, usize),
    /// Its layout.
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
            // SAFETY: the patch was made for this shape; a tile's row has room for whole registers
            // of channels at each frequency, and no other thread writes it.
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
