//! What a band of rows sees of its images, one channel of one or many pixels to a register.
//!
//! A register holds either neighbouring pixels of a row, or the same pixel of as many images as it
//! has lanes. The second has no lanes to spare at the end of a row and needs no more shuffling than
//! a transposition on the way in and out, but takes that many images.

use crate::kernels::Element;
use crate::kernels::conv2d::correlation::Correlation;
use crate::kernels::simd::Vector;
use crate::kernels::simd::conv2d::few_channels::Correlate;
use crate::kernels::simd::matmul::micro_kernel::ROW_PADDING;
use crate::kernels::simd::matmul::pack::transpose;

/// Elements of the widest register.
pub const MAX_LANES: usize = 16;

/// What the lanes of a register are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// Neighbouring pixels of a row of one image.
    Pixels,
    /// One pixel of so many images, which is as many as a register has lanes.
    Images(usize),
}

impl Lanes {
    /// Images that are worked on together.
    pub fn images(self) -> usize {
        match self {
            Self::Pixels => 1,
            Self::Images(count) => count,
        }
    }
}

/// The part of an image, or of some, that a band sees: pixel (`top` + y, `left` + x) of channel `c`
/// is, or starts, at element `c * plane + y * row + x * column`. Zero outside the image.
#[derive(Clone, Copy)]
pub struct Planes {
    lanes: Lanes,
    channels: usize,
    top: isize,
    /// The highest tap: `top` is where it reads for the band's first row.
    pub above: isize,
    pub left: isize,
    rows: usize,
    columns: usize,
    pub row: usize,
    pub column: usize,
    pub plane: usize,
}

impl Planes {
    /// What the first `rows` rows of each sweep from row `first` on see of the source.
    pub fn new(plan: &Correlation, lanes: Lanes, first: usize, rows: usize) -> Self {
        let taps = || plan.sweeps.iter().flat_map(|sweep| &sweep.taps);
        let wide = plan.sweeps.iter().map(|sweep| sweep.size.1).max().unwrap_or(0);
        let (above, left) = (
            taps().map(|tap| tap.row).min().unwrap_or(0),
            taps().map(|tap| tap.column).min().unwrap_or(0),
        );
        let (below, right) = (
            taps().map(|tap| tap.row).max().unwrap_or(0),
            taps().map(|tap| tap.column).max().unwrap_or(0),
        );
        let tall = rows.saturating_sub(1) * plan.step.0 + (below - above) as usize + 1;
        let columns = wide.saturating_sub(1) * plan.step.1 + (right - left) as usize + 1;
        let top = (first * plan.step.0) as isize + above;
        Self { above, ..Self::of(lanes, (top, left), (tall, columns), plan.depth) }
    }

    /// So many rows and columns from pixel (`top`, `left`) on.
    pub fn of(
        lanes: Lanes,
        (top, left): (isize, isize),
        (rows, columns): (usize, usize),
        channels: usize,
    ) -> Self {
        let (row, column, plane) = match lanes {
            Lanes::Pixels => {
                // With what a whole register reads past the last pixel.
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

    /// Registers of a row of so many pixels.
    pub fn registers<T: Element, V: Vector<T>>(&self, pixels: usize) -> usize {
        match self.lanes {
            Lanes::Pixels => pixels.div_ceil(V::LANES),
            Lanes::Images(_) => pixels,
        }
    }

    /// Elements in all, with what may be read past them.
    pub fn len<T: Element, V: Vector<T>>(&self) -> usize {
        match self.lanes {
            Lanes::Pixels => self.plane * self.channels + Correlate::<T>::overhang::<V>(),
            Lanes::Images(_) => self.rows.saturating_mul(self.row),
        }
    }

    /// Elements of what [`Self::fill`] calls `gated`, for images as wide as given.
    pub fn gated_len(&self, width: usize) -> usize {
        self.lanes.images() * width * self.channels
    }

    /// Brings the rows of the images that begin at `images`, each `(height, width)`, into this
    /// order, let through where the activation_output is positive; `gated` holds such rows.
    #[inline(always)]
    pub fn fill<T: Element, V: Vector<T>>(
        &self,
        images: &[T],
        activation_output: Option<&[T]>,
        gated: &mut [T],
        (height, width): (usize, usize),
        pixels: &mut [T],
    ) {
        let (wide, image) = (width * self.channels, height * width * self.channels);
        // Columns begin..end of a row of the planes lie inside the image.
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
                for (i, line) in gated.chunks_exact_mut(wide).enumerate().take(self.lanes.images())
                {
                    let activation_output =
                        &activation_output[y as usize * wide + i * image..][..wide];
                    for ((value, &grad), &activation_output) in
                        line.iter_mut().zip(&source[i * image..]).zip(activation_output)
                    {
                        *value = if activation_output > T::ZERO { grad } else { T::ZERO };
                    }
                }
                (source, stride) = (&*gated, wide);
            }
            let from = &source[(begin as isize + self.left) as usize * self.channels..];
            let to = &mut pixels[row * self.row + begin * self.column..];
            match self.lanes {
                Lanes::Pixels => transpose::<T, V>(
                    from,
                    self.channels,
                    (end - begin, self.channels),
                    to,
                    self.plane,
                ),
                Lanes::Images(count) => transpose::<T, V>(
                    from,
                    stride,
                    (count, (end - begin) * self.channels),
                    to,
                    count,
                ),
            }
        }
    }

    /// Zeros beside columns `begin..end` of a row, and past its last column.
    #[inline(always)]
    fn clear_row<T: Element>(&self, row: usize, begin: usize, end: usize, pixels: &mut [T]) {
        let (lines, width) = match self.lanes {
            Lanes::Pixels => (self.channels, self.row),
            Lanes::Images(_) => (1, self.row),
        };
        for line in 0..lines {
            let line = &mut pixels[line * self.plane + row * self.row..][..width];
            line[..begin * self.column].fill(T::ZERO);
            line[end * self.column..].fill(T::ZERO);
        }
    }
}
