//! A picture on its way through a program: what it is read from, and the scratch that it lives in.

use super::Pixel;
use crate::kernels::error::{KernelError, Result};
use crate::kernels::memory::Scratch;

/// Most elements of one picture between two steps.
const MAX_ELEMENTS: usize = 1 << 31;

/// A picture that is read: interleaved (`planes` 1, `step` the channels) or planar (`planes` the
/// channels, `step` 1).
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    /// Plane by plane, row by row.
    pub data: &'a [T],
    /// Number of planes.
    pub planes: usize,
    /// Elements from a pixel to the next.
    pub step: usize,
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl<'a, T: Pixel> View<'a, T> {
    /// Number of channels.
    #[inline(always)]
    pub fn channels(&self) -> usize {
        self.planes * self.step
    }

    /// A row of a plane.
    #[inline(always)]
    pub fn row(&self, plane: usize, y: usize) -> &'a [T] {
        let len = self.width * self.step;
        &self.data[(plane * self.height + y) * len..][..len]
    }

    /// One value.
    #[inline(always)]
    pub fn at(&self, channel: usize, y: usize, x: usize) -> f32 {
        let (plane, offset) = (channel / self.step, channel % self.step);
        self.data[((plane * self.height + y) * self.width + x) * self.step + offset].to_f32()
    }
}

/// A planar picture of `f32` in this thread's scratch.
pub struct Planes {
    data: Scratch<f32>,
    /// Number of planes.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Planes {
    /// Space for a picture; the contents are arbitrary.
    ///
    /// # Errors
    /// No memory, or a size of zero or beyond all reason.
    pub fn new(channels: usize, height: usize, width: usize) -> Result<Self> {
        let len = channels
            .checked_mul(height)
            .and_then(|len| len.checked_mul(width))
            .filter(|&len| len <= MAX_ELEMENTS);
        match len {
            Some(len) if len > 0 => Ok(Self { data: Scratch::take(len)?, channels, height, width }),
            _ => Err(KernelError::Shape(format!(
                "images: cannot make a picture of {height}x{width}x{channels}"
            ))),
        }
    }

    /// The picture to read.
    #[inline(always)]
    pub fn view(&self) -> View<'_, f32> {
        View {
            data: &self.data[..self.channels * self.height * self.width],
            planes: self.channels,
            step: 1,
            height: self.height,
            width: self.width,
        }
    }

    /// All values.
    #[inline(always)]
    pub fn values(&mut self) -> &mut [f32] {
        &mut self.data[..self.channels * self.height * self.width]
    }

    /// One channel.
    #[inline(always)]
    pub fn plane(&mut self, channel: usize) -> &mut [f32] {
        let len = self.height * self.width;
        &mut self.data[channel * len..][..len]
    }

    /// One row of a channel.
    #[inline(always)]
    pub fn row(&mut self, channel: usize, y: usize) -> &mut [f32] {
        let start = (channel * self.height + y) * self.width;
        &mut self.data[start..][..self.width]
    }

    /// The three channels of a colour picture, or nothing.
    #[inline(always)]
    pub fn rgb(&mut self) -> Option<[&mut [f32]; 3]> {
        if self.channels != 3 {
            return None;
        }
        let len = self.height * self.width;
        let (r, rest) = self.data.split_at_mut(len);
        let (g, b) = rest.split_at_mut(len);
        Some([r, g, &mut b[..len]])
    }

    /// Keeps the first `channels` channels.
    pub fn keep_channels(&mut self, channels: usize) {
        self.channels = self.channels.min(channels);
    }
}

/// Pixels that are taken apart at once.
const GROUP: usize = 16;

/// Pixels of which the compiler's loop takes whole numbers.
const WIDE: usize = 64;

/// Interleaved pixels, taken apart: `row[i * channels + c]` goes to `out[c * plane + i]`.
#[inline(always)]
pub fn deinterleave<T: Pixel>(row: &[T], channels: usize, out: &mut [f32], plane: usize) {
    let width = row.len() / channels;
    match channels {
        1 => {
            for (out, value) in out[..width].iter_mut().zip(row) {
                *out = value.to_f32();
            }
        }
        3 => {
            let (r, rest) = out.split_at_mut(plane);
            let (g, b) = rest.split_at_mut(plane);
            let (r, g, b) = (&mut r[..width], &mut g[..width], &mut b[..width]);
            let wide = width / WIDE * WIDE;
            for (i, pixel) in row.as_chunks::<3>().0[..wide].iter().enumerate() {
                (r[i], g[i], b[i]) = (pixel[0].to_f32(), pixel[1].to_f32(), pixel[2].to_f32());
            }
            // Then whole groups, the last overlapping what is done, rather than one by one: many
            // rows are short.
            let group = if width < GROUP { 1 } else { GROUP };
            for i in (wide..width).step_by(group) {
                let i = i.min(width - group);
                let (pixels, at) = (&row[3 * i..], i..i + group);
                if let Some(pixels) =
                    pixels.first_chunk::<{ 3 * GROUP }>().filter(|_| group == GROUP)
                {
                    take_apart(pixels, &mut r[at.clone()], &mut g[at.clone()], &mut b[at]);
                } else {
                    (r[i], g[i], b[i]) =
                        (pixels[0].to_f32(), pixels[1].to_f32(), pixels[2].to_f32());
                }
            }
        }
        _ => {
            for channel in 0..channels {
                for (out, pixel) in
                    out[channel * plane..][..width].iter_mut().zip(row.chunks_exact(channels))
                {
                    *out = pixel[channel].to_f32();
                }
            }
        }
    }
}

#[inline(always)]
fn take_apart<T: Pixel>(pixels: &[T; 3 * GROUP], r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
    let mut planes = [[0.0; GROUP]; 3];
    for i in 0..GROUP {
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane[i] = pixels[3 * i + channel].to_f32();
        }
    }
    let [red, green, blue] = planes;
    r.copy_from_slice(&red);
    g.copy_from_slice(&green);
    b.copy_from_slice(&blue);
}
