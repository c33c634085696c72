//! The gradient of the weights as an implicit matrix product.
//!
//! `grad_weight[tap, c, o] (+)= Σ x[pixel at tap, c] grad_output[pixel, o]`: `A` is the input, read
//! along its channels (transposed, without a copy), `B` the output's gradient; the sum runs over
//! pixels. The pixels are cut into bands of rows, the bands into shares. A share adds its bands in
//! order.

use crate::kernels::Element;
use crate::kernels::conv2d::mask::mask;
use crate::kernels::conv2d::partials::{part, sum_partials};
use crate::kernels::conv2d::sweeps::BAND_BYTES;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{Scratch, TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector};

/// Most pixels that are summed in registers before the sum is added to the partial gradient: bounds
/// the rounding error.
const BAND_PIXELS: usize = 512;

/// Most shares.
const SHARES: usize = 8;

/// Bytes that all partial gradients may take together. Two are allowed in any case.
const PARTIAL_BYTES: usize = 32 << 20;

/// How the output is cut into bands and shares; depends on the sizes alone.
struct Shares {
    band_rows: usize,
    bands_per_image: usize,
    count: usize,
}

impl Shares {
    fn new<T>(g: &Conv2dGeometry) -> Self {
        let row_bytes = g.width * g.in_channels * size_of::<T>() * g.window.stride.0;
        let by_cache = (BAND_BYTES / row_bytes.max(1)).max(1);
        let by_error = (BAND_PIXELS / g.out_width).max(1);
        let by_balance = (g.out_height * g.batch).div_ceil(2 * SHARES).max(1);
        let band_rows = by_cache.min(by_error).min(by_balance).min(g.out_height);
        let bands_per_image = g.out_height.div_ceil(band_rows);
        let by_memory = (PARTIAL_BYTES / (g.weight_len() * size_of::<T>())).clamp(2, SHARES);
        Self { band_rows, bands_per_image, count: by_memory.min(g.batch * bands_per_image).max(1) }
    }
}

/// The gradient of the weights; see [`crate::kernels::conv2d::backward_weight`].
pub(super) fn run<T: Element>(
    g: &Conv2dGeometry,
    grad_output: &[T],
    activation_output: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let shares = Shares::new::<T>(g);
    let len = g.weight_len();
    with_scratch(len * shares.count, |partials: &mut [T]| {
        let items = partials.chunks_mut(len).enumerate();
        parallel::try_for_each(items, g.multiply_adds(), |(share, partial)| {
            T::dispatch(Share {
                g,
                shares: &shares,
                share,
                grad_output,
                activation_output,
                x,
                partial,
            })
        })?;
        sum_partials(partials, len, accumulate, grad_weight)
    })?
}

/// A share of the bands, summed into one partial gradient.
struct Share<'a, T> {
    g: &'a Conv2dGeometry,
    shares: &'a Shares,
    share: usize,
    grad_output: &'a [T],
    activation_output: Option<&'a [T]>,
    x: &'a [T],
    partial: &'a mut [T],
}

impl<T: Element> Kernel<T> for Share<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let Self { g, shares, share, grad_output, activation_output, x, partial } = self;
        let bands = g.batch * shares.bands_per_image;
        let bands = part(bands, share, shares.count);
        if bands.is_empty() {
            partial.fill(T::ZERO); // no images
        }
        let image_in = g.height * g.width * g.in_channels;
        let image_out = g.out_height * g.out_width * g.out_channels;
        for band in bands.clone() {
            let (image, first) =
                (band / shares.bands_per_image, band % shares.bands_per_image * shares.band_rows);
            let rows = shares.band_rows.min(g.out_height - first);
            let x = &x[image * image_in..][..image_in];
            let row = g.out_width * g.out_channels;
            let part = image * image_out + first * row..image * image_out + (first + rows) * row;
            let band = BandProduct { g, first, rows, accumulate: band > bands.start };
            let mut masked;
            let grad_output = match activation_output {
                None => &grad_output[part],
                Some(activation_output) => {
                    masked = Scratch::<T>::take(part.len())?;
                    mask(&grad_output[part.clone()], &activation_output[part], &mut masked);
                    &*masked
                }
            };
            band.add::<T, V>(x, grad_output, partial)?;
        }
        Ok(())
    }
}

/// The products of `rows` output rows of one image, from row `first` on.
struct BandProduct<'a> {
    g: &'a Conv2dGeometry,
    first: usize,
    rows: usize,
    accumulate: bool,
}

impl BandProduct<'_> {
    /// Adds the products of the band to `partial`, or overwrites it.
    #[inline(always)]
    fn add<T: Element, V: Vector<T>>(
        &self,
        x: &[T],
        grad_output: &[T],
        partial: &mut [T],
    ) -> Result<()> {
        let g = self.g;
        let (padding, stride) = (g.window.padding, g.window.stride);
        let (rows, columns) = g.window.axes((g.height, g.width), (g.kernel_h, g.kernel_w));
        let top = (self.first * stride.0) as isize - padding.top as isize;
        let left = -(padding.left as isize);
        let tall = (self.rows - 1) * stride.0 + rows.extent();
        let wide = (g.out_width - 1) * stride.1 + columns.extent();
        let channels = g.in_channels;
        let fits = top >= 0 && left >= 0 && top as usize + tall <= g.height && wide <= g.width;
        let mut copy;
        let (pixels, row_stride) = if fits {
            dry_run::scratch_complete()?;
            (&x[top as usize * g.width * channels..], g.width * channels)
        } else {
            let row_len = wide * channels;
            copy = Scratch::<T>::take(tall * row_len)?;
            dry_run::scratch_complete()?;
            for (row, line) in copy.chunks_exact_mut(row_len).enumerate() {
                self.copy_row(x, top + row as isize, line);
            }
            (&*copy, row_len)
        };
        self.multiply::<T, V>(pixels, row_stride, grad_output, partial);
        Ok(())
    }

    /// Copies input row `row` with its padding; zero outside the image.
    #[inline(always)]
    fn copy_row<T: Element>(&self, x: &[T], row: isize, line: &mut [T]) {
        let (g, channels, left) = (self.g, self.g.in_channels, self.g.window.padding.left);
        if row < 0 || row >= g.height as isize {
            line.fill(T::ZERO);
            return;
        }
        let wide = line.len() / channels;
        let (begin, end) = (left.min(wide), (left + g.width).min(wide));
        let start = row as usize * g.width * channels;
        line[..begin * channels].fill(T::ZERO);
        line[begin * channels..end * channels]
            .copy_from_slice(&x[start..start + (end - begin) * channels]);
        line[end * channels..].fill(T::ZERO);
    }

    /// Multiplies a padded band, whose row `r` starts at `r * row_stride` of `pixels`.
    #[inline(always)]
    fn multiply<T: Element, V: Vector<T>>(
        &self,
        pixels: &[T],
        row_stride: usize,
        grad_output: &[T],
        partial: &mut [T],
    ) {
        let g = self.g;
        let (stride, dilation) = (g.window.stride, g.window.dilation);
        let (depth, columns) = (g.group_in(), g.group_out());
        // Adjacent taps of a filter row that are adjacent in the input are one block of rows of the
        // gradient.
        let taps = if dilation.1 == 1 && g.groups == 1 { g.kernel_w } else { 1 };
        let epilogue = if self.accumulate { Epilogue::ACCUMULATE } else { Epilogue::OVERWRITE };
        let a_starts: Vec<usize> = (0..self.rows).map(|row| row * stride.0 * row_stride).collect();
        let b_starts: Vec<usize> =
            (0..self.rows).map(|row| row * g.out_width * g.out_channels).collect();
        for group in 0..g.groups {
            for first in (0..columns).step_by(panel_width::<T, V>()) {
                let wide = panel_width::<T, V>().min(columns - first);
                let column = group * columns + first;
                for tap in (0..g.kernel_h * g.kernel_w).step_by(taps) {
                    let (ky, kx) = (tap / g.kernel_w, tap % g.kernel_w);
                    let start = ky * dilation.0 * row_stride
                        + kx * dilation.1 * g.in_channels
                        + group * depth;
                    let segments = Segments {
                        a: &pixels[start..],
                        a_starts: &a_starts,
                        a_row: 1,
                        a_step: stride.1 * g.in_channels,
                        transposed: true,
                        b: &grad_output[column..],
                        b_starts: &b_starts,
                        b_step: g.out_channels,
                        steps: g.out_width,
                    };
                    let place = tap * depth * g.out_channels + column;
                    let mut tile =
                        TileMut::new(&mut partial[place..], taps * depth, wide, g.out_channels);
                    multiply::<T, V>(&segments, &mut tile, &epilogue);
                }
            }
        }
    }
}
