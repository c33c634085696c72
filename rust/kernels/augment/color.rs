//! Colours, by torchvision's formulas: values from 0 to `peak`, results cut off there.
//!
//! What looks at one pixel only is a [`Change`]. Changes wait in a list until the picture is read
//! for another reason, and are then made one after the other while a block of pixels is in the
//! nearest cache: as a rule on the way out. The mean that contrast needs is such a reason.
//!
//! Pictures of one channel have no colour: saturation and hue leave them as they are, and the grey
//! of a pixel is its value.

use super::planes::Planes;
use super::step::PerChannel;
use super::{Pixel, limit};
use crate::kernels::error::{KernelError, Result};
use crate::kernels::simd::{Kernel, Shuffle, dispatch_f32, vectorized};

/// Share of red, green and blue in grey (ITU-R 601, as Pillow and torchvision round it).
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

/// Lanes of a sum whose order must not depend on the instruction set.
const LANES: usize = 16;

/// Pixels that are changed together, and whose values are summed in single precision before they
/// are added to the total in double: three channels of them are 12 KB.
const BLOCK: usize = 1024;

/// Most changes that wait.
const WAITING: usize = 8;

/// What happens to the colour of a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// `v ← clamp(factor · v + summand)`: brightness and contrast.
    Scale {
        /// Of every value.
        factor: f32,
        /// Likewise.
        summand: f32,
        /// The brightest value.
        peak: f32,
    },
    /// `v ← clamp(factor · v + (1 - factor) · grey)`
    Saturation {
        /// 0 makes it grey.
        factor: f32,
        /// The brightest value.
        peak: f32,
    },
    /// The hue turned by this number of sixths of the circle, -3 to 3.
    Hue(f32),
}

impl Change {
    #[inline(always)]
    fn of_one(self, values: &mut [f32]) {
        if let Self::Scale { factor, summand, peak } = self {
            for value in values {
                *value = limit(*value * factor + summand, peak);
            }
        }
    }

    #[inline(always)]
    fn of_three(self, r: &mut [f32], g: &mut [f32], b: &mut [f32]) {
        let pixels = r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut());
        match self {
            Self::Scale { .. } => {
                self.of_one(r);
                self.of_one(g);
                self.of_one(b);
            }
            Self::Saturation { factor, peak } => {
                for ((r, g), b) in pixels {
                    let rest = (1.0 - factor) * grey_of(*r, *g, *b);
                    *r = limit(*r * factor + rest, peak);
                    *g = limit(*g * factor + rest, peak);
                    *b = limit(*b * factor + rest, peak);
                }
            }
            Self::Hue(turn) => {
                for ((r, g), b) in pixels {
                    (*r, *g, *b) = turned(*r, *g, *b, turn);
                }
            }
        }
    }
}

#[inline(always)]
fn grey_of(r: f32, g: f32, b: f32) -> f32 {
    GREY[0] * r + GREY[1] * g + GREY[2] * b
}

/// The hue turned by sixths of the circle.
///
/// With the hue H in sixths and the chroma C = high - low, a channel is `clamp(high - 2 C + |H +
/// n|, low, high)`, where |·| is C times the distance to the next multiple of 6, and n = -3, 1, -1
/// for red, green and blue: its share of low is largest opposite to its own hue. Everything is kept
/// multiplied by C, so nothing is divided, and a grey pixel needs no care.
#[inline(always)]
fn turned(r: f32, g: f32, b: f32, turn: f32) -> (f32, f32, f32) {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let smaller = |a: f32, b: f32| if a < b { a } else { b };
    let (high, low) = (larger(larger(r, g), b), smaller(smaller(r, g), b));
    let chroma = high - low;
    let green_or_blue = if high == g { b - r + 2.0 * chroma } else { r - g + 4.0 * chroma };
    let hue = if high == r { g - b } else { green_or_blue } + turn * chroma;
    let (circle, base) = (6.0 * chroma, high - 2.0 * chroma);
    let channel = |hue: f32| {
        // At most one and a half circles away from 0.
        let distance = hue.abs();
        let value = base + smaller(distance, (distance - circle).abs());
        let value = if value < low { low } else { value };
        if value > high { high } else { value }
    };
    (channel(hue - 3.0 * chroma), channel(hue + chroma), channel(hue - chroma))
}

/// Changes that wait for their pixels to be read.
#[derive(Debug)]
pub struct Changes {
    list: [Change; WAITING],
    count: usize,
}

impl Default for Changes {
    /// None yet.
    fn default() -> Self {
        Self { list: [Change::Hue(0.0); WAITING], count: 0 }
    }
}

impl Changes {
    fn waiting(&self) -> &[Change] {
        &self.list[..self.count]
    }

    /// One more, after those that wait.
    pub fn push(&mut self, planes: &mut Planes, change: Change) {
        if self.count == WAITING {
            self.settle(planes);
        }
        self.list[self.count] = change;
        self.count += 1;
    }

    /// Makes them.
    pub fn settle(&mut self, planes: &mut Planes) {
        if self.count > 0 {
            self.settle_and_sum(planes);
        }
    }

    /// Makes them, and returns the sum of the grey of all pixels.
    fn settle_and_sum(&mut self, planes: &mut Planes) -> f64 {
        let changes = self.waiting();
        let total = vectorized!(f32, || settle_and_sum(changes, planes));
        self.count = 0;
        total
    }

    /// Makes them, and puts the pixels together, each channel through `v · factor + summand`; with
    /// `stream` past the caches.
    ///
    /// # Panics
    /// When `out` is not as long as `planes`: a defect of the caller.
    pub fn finish<T: Pixel>(
        self,
        planes: &mut Planes,
        factors: PerChannel<'_>,
        summands: PerChannel<'_>,
        stream: bool,
        out: &mut [T],
    ) {
        assert_eq!(out.len(), planes.values().len());
        dispatch_f32(Epilogue { changes: self.waiting(), planes, factors, summands, stream, out });
    }
}

#[inline(always)]
fn settle_and_sum(changes: &[Change], planes: &mut Planes) -> f64 {
    let mut total = 0.0;
    if let Some([r, g, b]) = planes.rgb() {
        for ((r, g), b) in r.chunks_mut(BLOCK).zip(g.chunks_mut(BLOCK)).zip(b.chunks_mut(BLOCK)) {
            for change in changes {
                change.of_three(r, g, b);
            }
            total += grey_sum(r, g, b);
        }
        return total;
    }
    for channel in 0..planes.channels {
        for block in planes.plane(channel).chunks_mut(BLOCK) {
            for change in changes {
                change.of_one(block);
            }
            total += if channel == 0 { sum(block) } else { 0.0 };
        }
    }
    total
}

#[inline(always)]
fn grey_sum(r: &[f32], g: &[f32], b: &[f32]) -> f64 {
    let mut lanes = [0.0f32; LANES];
    let ((r, rest_r), (g, rest_g), (b, rest_b)) =
        (r.as_chunks::<LANES>(), g.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for ((r, g), b) in r.iter().zip(g).zip(b) {
        for i in 0..LANES {
            lanes[i] += grey_of(r[i], g[i], b[i]);
        }
    }
    let rest =
        rest_r.iter().zip(rest_g).zip(rest_b).map(|((&r, &g), &b)| f64::from(grey_of(r, g, b)));
    lanes.iter().map(|&value| f64::from(value)).chain(rest).sum()
}

#[inline(always)]
fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0f32; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for i in 0..LANES {
            lanes[i] += values[i];
        }
    }
    lanes.iter().chain(rest).map(|&value| f64::from(value)).sum()
}

struct Epilogue<'a, T> {
    changes: &'a [Change],
    planes: &'a mut Planes,
    factors: PerChannel<'a>,
    summands: PerChannel<'a>,
    stream: bool,
    out: &'a mut [T],
}

impl<T: Pixel> Kernel<f32> for Epilogue<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Shuffle<f32>>(self) {
        let Self { changes, planes, factors, summands, stream, out } = self;
        let channels = planes.channels;
        if let Some([r, g, b]) = planes.rgb() {
            let blocks = r.chunks_mut(BLOCK).zip(g.chunks_mut(BLOCK)).zip(b.chunks_mut(BLOCK));
            let (factors, summands) =
                ([0, 1, 2].map(|c| factors.of(c)), [0, 1, 2].map(|c| summands.of(c)));
            for (((r, g), b), out) in blocks.zip(out.chunks_mut(3 * BLOCK)) {
                for change in changes {
                    change.of_three(r, g, b);
                }
                T::interleave::<V>([r, g, b], factors, summands, stream, out);
            }
            if stream {
                V::fence();
            }
            return;
        }
        for channel in 0..channels {
            let (factor, summand) = (factors.of(channel), summands.of(channel));
            for (values, out) in
                planes.plane(channel).chunks_mut(BLOCK).zip(out.chunks_mut(channels * BLOCK))
            {
                for change in changes {
                    change.of_one(values);
                }
                if channels == 1 {
                    for (out, &value) in out.iter_mut().zip(values.iter()) {
                        *out = T::from_f32(value * factor + summand);
                    }
                } else {
                    for (pixel, &value) in out.chunks_exact_mut(channels).zip(values.iter()) {
                        pixel[channel] = T::from_f32(value * factor + summand);
                    }
                }
            }
        }
    }
}

/// The adjustments in their order, from the place of each: 0 for brightness, 1 for contrast, 2 for
/// saturation, 3 for hue.
///
/// # Errors
/// [`KernelError::Argument`] if the places are not 0, 1, 2 and 3 in some order.
pub fn order(places: [f64; 4]) -> Result<[usize; 4]> {
    let mut order = [usize::MAX; 4];
    for (adjustment, place) in places.into_iter().enumerate() {
        if let Some(slot) = order.get_mut(place as usize).filter(|_| place.fract() == 0.0) {
            *slot = adjustment;
        }
    }
    if order.contains(&usize::MAX) || places.iter().any(|&place| place < 0.0) {
        return Err(KernelError::Argument(format!(
            "order: expected the places 0, 1, 2 and 3 in some order, got {places:?}"
        )));
    }
    Ok(order)
}

/// Change brightness, contrast, saturation and hue in this order; a factor of 1 and a turn of 0 do
/// nothing.
///
/// `adjustments` holds three factors and the turn, in shares of the circle.
pub fn jitter(
    planes: &mut Planes,
    changes: &mut Changes,
    order: [usize; 4],
    adjustments: [f32; 4],
    peak: f32,
) {
    let colour = planes.channels == 3;
    for adjustment in order {
        let factor = adjustments[adjustment];
        let change = match adjustment {
            0 if factor != 1.0 => Change::Scale { factor, summand: 0.0, peak },
            1 if factor != 1.0 => {
                let mean =
                    (changes.settle_and_sum(planes) / (planes.height * planes.width) as f64) as f32;
                Change::Scale { factor, summand: (1.0 - factor) * mean, peak }
            }
            2 if factor != 1.0 && colour => Change::Saturation { factor, peak },
            3 if factor != 0.0 && colour => Change::Hue(6.0 * factor),
            _ => continue,
        };
        changes.push(planes, change);
    }
}

/// All three channels become the grey; `channels` 1 keeps one.
pub fn grey(planes: &mut Planes, channels: usize) {
    if let Some([r, g, b]) = planes.rgb() {
        vectorized!(f32, || {
            for ((r, g), b) in r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut()) {
                let grey = grey_of(*r, *g, *b);
                (*r, *g, *b) = (grey, grey, grey);
            }
        });
    }
    planes.keep_channels(channels);
}

/// `v ← clamp(v + summand of the channel)`
pub fn add(planes: &mut Planes, summands: [f32; 3], peak: f32) {
    for (channel, summand) in summands.into_iter().enumerate().take(planes.channels) {
        let plane = planes.plane(channel);
        vectorized!(f32, || {
            for value in plane.iter_mut() {
                *value = limit(*value + summand, peak);
            }
        });
    }
}

/// `v ← a · v + b`, a factor and a summand for each channel, without limits.
pub fn affine(planes: &mut Planes, factors: PerChannel<'_>, summands: PerChannel<'_>) {
    for channel in 0..planes.channels {
        let (factor, summand) = (factors.of(channel), summands.of(channel));
        let plane = planes.plane(channel);
        vectorized!(f32, || {
            for value in plane.iter_mut() {
                *value = *value * factor + summand;
            }
        });
    }
}
