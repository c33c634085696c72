//! Colours, by torchvision's formulas: values from 0 to `peak`, results cut off there.
//!
//! Pictures of one channel have no colour: saturation and hue leave them as they are, and the grey of a pixel is its value.

use super::limit;
use super::planes::Planes;
use crate::kernels::simd::vectorized;

/// Share of red, green and blue in grey (ITU-R 601, as Pillow and torchvision round it).
const GREY: [f32; 3] = [0.2989, 0.587, 0.114];

/// Lanes of a sum whose order must not depend on the instruction set.
const LANES: usize = 16;

/// Values summed in single precision before they are added to the total in double.
const BLOCK: usize = 4096;

/// `v ← clamp(f · v)`
pub fn brightness(planes: &mut Planes, factor: f32, peak: f32) {
    vectorized!(|| {
        for value in planes.values() {
            *value = limit(*value * factor, peak);
        }
    });
}

/// `v ← clamp(f · v + (1 - f) · mean of the grey)`
pub fn contrast(planes: &mut Planes, factor: f32, peak: f32) {
    let pixels = planes.height * planes.width;
    let total = vectorized!(|| match planes.rgb() {
        Some(rgb) => {
            let [r, g, b] = [&*rgb[0], &*rgb[1], &*rgb[2]];
            sum(r) * f64::from(GREY[0]) + sum(g) * f64::from(GREY[1]) + sum(b) * f64::from(GREY[2])
        }
        None => sum(planes.plane(0)),
    });
    let rest = (1.0 - factor) * (total / pixels as f64) as f32;
    vectorized!(|| {
        for value in planes.values() {
            *value = limit(*value * factor + rest, peak);
        }
    });
}

#[inline(always)]
fn sum(values: &[f32]) -> f64 {
    let mut total = 0.0;
    for block in values.chunks(BLOCK) {
        let mut lanes = [0.0f32; LANES];
        let (whole, rest) = block.as_chunks::<LANES>();
        for values in whole {
            for (lane, value) in lanes.iter_mut().zip(values) {
                *lane += value;
            }
        }
        total += lanes.iter().chain(rest).map(|&value| f64::from(value)).sum::<f64>();
    }
    total
}

#[inline(always)]
fn grey_of(r: f32, g: f32, b: f32) -> f32 {
    GREY[0] * r + GREY[1] * g + GREY[2] * b
}

/// `v ← clamp(f · v + (1 - f) · grey)`
pub fn saturation(planes: &mut Planes, factor: f32, peak: f32) {
    let Some([r, g, b]) = planes.rgb() else { return };
    vectorized!(|| {
        for ((r, g), b) in r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut()) {
            let rest = (1.0 - factor) * grey_of(*r, *g, *b);
            *r = limit(*r * factor + rest, peak);
            *g = limit(*g * factor + rest, peak);
            *b = limit(*b * factor + rest, peak);
        }
    });
}

/// All three channels become the grey; `channels` 1 keeps one.
pub fn grey(planes: &mut Planes, channels: usize) {
    if let Some([r, g, b]) = planes.rgb() {
        vectorized!(|| {
            for ((r, g), b) in r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut()) {
                let grey = grey_of(*r, *g, *b);
                (*r, *g, *b) = (grey, grey, grey);
            }
        });
    }
    planes.keep_channels(channels);
}

/// The hue turned by `shift` of a whole turn, -0.5 to 0.5: `v = V - C · clamp(min(k, 4 - k), 0, 1)` with `k = (n + h) mod 6` sixths
/// and n = 5, 3, 1 for red, green and blue.
pub fn hue(planes: &mut Planes, shift: f32) {
    let Some([r, g, b]) = planes.rgb() else { return };
    let turn = shift * 6.0;
    vectorized!(|| {
        for ((r, g), b) in r.iter_mut().zip(g.iter_mut()).zip(b.iter_mut()) {
            (*r, *g, *b) = turned(*r, *g, *b, turn);
        }
    });
}

#[inline(always)]
fn turned(r: f32, g: f32, b: f32, turn: f32) -> (f32, f32, f32) {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let smaller = |a: f32, b: f32| if a < b { a } else { b };
    let high = larger(larger(r, g), b);
    let chroma = high - smaller(smaller(r, g), b);
    // A grey pixel has no hue: every difference below is zero.
    let scale = if chroma > 0.0 { 1.0 / chroma } else { 0.0 };
    let (difference, sector) = if high == r {
        (g - b, 0.0)
    } else if high == g {
        (b - r, 2.0)
    } else {
        (r - g, 4.0)
    };
    let hue = difference * scale + sector + turn;
    let channel = |n: f32| {
        // hue + n lies between -4 + 1 and 8 + 5.
        let k = hue + n;
        let k = if k < 0.0 { k + 6.0 } else { k };
        let k = if k >= 6.0 { k - 6.0 } else { k };
        let k = if k >= 6.0 { k - 6.0 } else { k };
        high - chroma * smaller(larger(smaller(k, 4.0 - k), 0.0), 1.0)
    };
    (channel(5.0), channel(3.0), channel(1.0))
}

/// Brightness, contrast, saturation and hue in the order that the first number tells; a factor of 1 and a turn of 0 do nothing.
///
/// The order is written in base four, the first adjustment in the lowest digit; `adjustments` holds three factors and the turn.
pub fn jitter(planes: &mut Planes, order: u32, adjustments: [f32; 4], peak: f32) {
    for position in 0..4 {
        match (order >> (2 * position)) & 3 {
            0 if adjustments[0] != 1.0 => brightness(planes, adjustments[0], peak),
            1 if adjustments[1] != 1.0 => contrast(planes, adjustments[1], peak),
            2 if adjustments[2] != 1.0 => saturation(planes, adjustments[2], peak),
            3 if adjustments[3] != 0.0 => hue(planes, adjustments[3]),
            _ => (),
        }
    }
}

/// `v ← clamp(v + summand of the channel)`
pub fn add(planes: &mut Planes, summands: &[f32], peak: f32) {
    for (channel, &summand) in summands.iter().enumerate().take(planes.channels) {
        let plane = planes.plane(channel);
        vectorized!(|| {
            for value in plane.iter_mut() {
                *value = limit(*value + summand, peak);
            }
        });
    }
}

/// `v ← a · v + b`, a factor and a summand for each channel, without limits.
pub fn affine(planes: &mut Planes, factors: &[f32], summands: &[f32]) {
    for (channel, (&factor, &summand)) in factors.iter().zip(summands).enumerate().take(planes.channels) {
        let plane = planes.plane(channel);
        vectorized!(|| {
            for value in plane.iter_mut() {
                *value = *value * factor + summand;
            }
        });
    }
}
