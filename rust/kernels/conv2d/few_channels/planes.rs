//! Planes: the source rows of a band, arranged so that a register holds one channel.
//!
//! A register holds either adjacent pixels of a row, or the same pixel of a group of images, one
//! for each lane. A group leaves no lanes unused at the end of a row, and needs no shuffling but a
//! transposition of the source and of the target.

use crate::kernels::Element;
use crate::kernels::conv2d::mask::mask;
use crate::kernels::conv2d::sweeps::Sweeps;
use crate::kernels::simd::conv2d::few_channels::Correlate;
use crate::kernels::simd::matmul::micro_kernel::ROW_PADDING;
use crate::kernels::simd::matmul::pack::transpose;
use crate::kernels::simd::{MAX_LANES, Shuffle, Vector};

/// What the lanes of a register hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// Adjacent pixels of a row of one image.
    Pixels,
    /// The same pixel of a group of images. Their number is the number of lanes.
    Images(usize),
}

impl Lanes {
    /// Images that are computed together.
    pub fn images(self) -> usize {
        match self {
            Self::Pixels => 1,
            Self::Images(count) => count,
        }
    }
}

/// Layout of the source rows that a band reads. Pixel (`top` + y, `left` + x) of channel `c` starts
/// at element `c * plane + y * row + x * column`. Pixels outside the image are zero.
#[derive(Clone, Copy)]
pub struct Planes {
    lanes: Lanes,
    channels: usize,
    top: isize,
    /// Row of the topmost tap. For the first row of the band it reads row `top`.
    pub above: isize,
    pub left: isize,
    rows: usize,
    columns: usize,
    pub row: usize,
    pub column: usize,
    pub plane: usize,
}

impl Planes {
    /// The planes that `rows` rows of each sweep read, from row `first` on.
    pub fn new(sweeps: &Sweeps, lanes: Lanes, first: usize, rows: usize) -> Self {
        let wide = sweeps.iter().map(|sweep| sweep.size.1).max().unwrap_or(0);
        let rows_of_taps = || sweeps.taps().map(|tap| tap.row);
        let columns_of_taps = || sweeps.taps().map(|tap| tap.column);
        let above = rows_of_taps().min().unwrap_or(0);
        let below = rows_of_taps().max().unwrap_or(0);
        let left = columns_of_taps().min().unwrap_or(0);
        let right = columns_of_taps().max().unwrap_or(0);
        let tall = rows.saturating_sub(1) * sweeps.step.0 + (below - above) as usize + 1;
        let columns = wide.saturating_sub(1) * sweeps.step.1 + (right - left) as usize + 1;
        let top = (first * sweeps.step.0) as isize + above;
        Self { above, ..Self::of(lanes, (top, left), (tall, columns), sweeps.depth) }
    }

    /// The planes of a rectangle of pixels, from (`top`, `left`) on.
    pub fn of(
        lanes: Lanes,
        (top, left): (isize, isize),
        (rows, columns): (usize, usize),
        channels: usize,
    ) -> Self {
        let (row, column, plane) = match lanes {
            Lanes::Pixels => {
                // Includes what a whole register reads past the last pixel.
                let row = (columns + MAX_LANES - 1).next_multiple_of(ROW_PADDING);
                // An odd number of cache lines: planes do not fall on the same cache sets.
                (row, 1, (rows * row).next_multiple_of(2 * ROW_PADDING) + ROW_PADDING)
            }
            Lanes::Images(count) => {
                (columns.saturating_mul(channels * count), channels * count, count)
            }
        };
        Self { lanes, channels, top, above: 0, left, rows, columns, row, column, plane }
    }

    /// Elements from one register of a row to the next.
    pub fn register<T: Element, V: Vector<T>>(&self) -> usize {
        match self.lanes {
            Lanes::Pixels => V::LANES,
            Lanes::Images(_) => self.column,
        }
    }

    /// Registers of a row of `pixels` pixels.
    pub fn registers<T: Element, V: Vector<T>>(&self, pixels: usize) -> usize {
        match self.lanes {
            Lanes::Pixels => pixels.div_ceil(V::LANES),
            Lanes::Images(_) => pixels,
        }
    }

    /// Total number of elements, including what may be read past them.
    pub fn len<T: Element, V: Vector<T>>(&self) -> usize {
        match self.lanes {
            Lanes::Pixels => self.plane * self.channels + Correlate::<T>::overhang::<V>(),
            Lanes::Images(_) => self.rows.saturating_mul(self.row),
        }
    }

    /// Elements of the argument `masked` of [`Self::fill`], for images of this width.
    pub fn masked_len(&self, width: usize) -> usize {
        self.lanes.images() * width * self.channels
    }

    /// Fills the planes with the rows of the images that begin at `images`, each `(height, width)`.
    /// Where `activation_output` is given, it masks them, and `masked` is overwritten.
    #[inline(always)]
    pub fn fill<T: Element, V: Shuffle<T>>(
        &self,
        images: &[T],
        activation_output: Option<&[T]>,
        masked: &mut [T],
        (height, width): (usize, usize),
        pixels: &mut [T],
    ) {
        let (wide, image) = (width * self.channels, height * width * self.channels);
        // Columns begin..end of a row of the planes are inside the image.
        let begin = (-self.left).clamp(0, self.columns as isize) as usize;
        let end =
            (width as isize - self.left).clamp(begin as isize, self.columns as isize) as usize;
        for row in 0..self.rows {
            let y = self.top + row as isize;
            let inside = (0..height as isize).contains(&y) && begin < end;
            let (begin, end) = if inside { (begin, end) } else { (self.columns, self.columns) };
            self.clear_row(row, begin, end, pixels);
            if !inside {
                continue;
            }
            let (mut source, mut stride) = (&images[y as usize * wide..], image);
            if let Some(activation_output) = activation_output {
                let lines = masked.chunks_exact_mut(wide).take(self.lanes.images());
                for (i, line) in lines.enumerate() {
                    let output = &activation_output[y as usize * wide + i * image..][..wide];
                    mask(&source[i * image..], output, line);
                }
                (source, stride) = (&*masked, wide);
            }
            let from = &source[(begin as isize + self.left) as usize * self.channels..];
            let to = &mut pixels[row * self.row + begin * self.column..];
            let (channels, columns) = (self.channels, end - begin);
            match self.lanes {
                Lanes::Pixels => {
                    transpose::<T, V>(from, channels, (columns, channels), to, self.plane);
                }
                Lanes::Images(count) => {
                    transpose::<T, V>(from, stride, (count, columns * channels), to, count);
                }
            }
        }
    }

    /// Clears a row outside the columns `begin..end`, and past its last column.
    #[inline(always)]
    fn clear_row<T: Element>(&self, row: usize, begin: usize, end: usize, pixels: &mut [T]) {
        let lines = match self.lanes {
            Lanes::Pixels => self.channels,
            Lanes::Images(_) => 1,
        };
        for line in 0..lines {
            let line = &mut pixels[line * self.plane + row * self.row..][..self.row];
            line[..begin * self.column].fill(T::ZERO);
            line[end * self.column..].fill(T::ZERO);
        }
    }
}
