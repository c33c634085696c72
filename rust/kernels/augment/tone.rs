//! Curves: every value becomes a function of itself, and of its channel's histogram where the
//! picture decides.
//!
//! What is defined on the 256 levels of a byte takes a value to its level first: `v / peak · 255`,
//! rounded.

use super::planes::Planes;
use super::{Pixel, limit};
use crate::kernels::simd::vectorized;

/// Levels of a byte.
const LEVELS: usize = 256;

#[inline(always)]
fn level(value: f32, peak: f32) -> usize {
    usize::from(u8::from_f32(value * (255.0 / peak)))
}

/// `v ← peak - v`
pub fn invert(planes: &mut Planes, peak: f32) {
    vectorized!(f32, || {
        for value in planes.values() {
            *value = peak - *value;
        }
    });
}

/// `v ← peak - v` where `v >= threshold`
pub fn solarize(planes: &mut Planes, threshold: f32, peak: f32) {
    vectorized!(f32, || {
        for value in planes.values() {
            *value = if *value >= threshold { peak - *value } else { *value };
        }
    });
}

/// The `bits` highest bits of every level; the others become 0.
pub fn posterize(planes: &mut Planes, bits: u32, peak: f32) {
    let mask = if bits >= 8 { 0xff } else { 0xff & !(0xff >> bits) };
    for value in planes.values() {
        *value = (level(*value, peak) & mask) as f32 * (peak / 255.0);
    }
}

/// The range of each channel stretched to `0..=peak`; a channel of one value stays.
pub fn autocontrast(planes: &mut Planes, peak: f32) {
    for channel in 0..planes.channels {
        let plane = planes.plane(channel);
        let (low, high) = plane
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        if high > low {
            let scale = peak / (high - low);
            vectorized!(f32, || {
                for value in plane.iter_mut() {
                    *value = limit((*value - low) * scale, peak);
                }
            });
        }
    }
}

/// Levels spread so that each has an equal share of the pixels, as Pillow does it.
pub fn equalize(planes: &mut Planes, peak: f32) {
    for channel in 0..planes.channels {
        let plane = planes.plane(channel);
        let mut counts = [0usize; LEVELS];
        for &value in plane.iter() {
            counts[level(value, peak)] += 1;
        }
        let last = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (plane.len() - last) / 255;
        if step == 0 {
            continue;
        }
        let mut table = [0.0; LEVELS];
        let mut before = step / 2;
        for (entry, count) in table.iter_mut().zip(counts) {
            *entry = (before / step).min(255) as f32 * (peak / 255.0);
            before += count;
        }
        for value in plane.iter_mut() {
            *value = table[level(*value, peak)];
        }
    }
}
