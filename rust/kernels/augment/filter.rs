//! Filters over a neighbourhood, and noise.

use super::crop::Border;
use super::draw;
use super::limit;
use super::planes::{Planes, View};
use crate::kernels::error::Result;
use crate::kernels::simd::vectorized;

/// A bell of `2 · radius + 1` weights whose sum is one.
fn bell(radius: usize, sigma: f32) -> Vec<f32> {
    let weight = |i: usize| (-0.5 * ((i as f64 - radius as f64) / f64::from(sigma)).powi(2)).exp();
    let sum: f64 = (0..=2 * radius).map(weight).sum();
    (0..=2 * radius).map(|i| (weight(i) / sum) as f32).collect()
}

/// Gaussian blur, vertical and horizontal radius in pixels; the picture is mirrored
/// beyond its border. A deviation of 0 does nothing.
pub fn gaussian_blur(view: &View<'_, f32>, radius: [usize; 2], sigma: [f32; 2]) -> Result<Planes> {
    let (height, width) = (view.height, view.width);
    let [rows, columns] = [0, 1]
        .map(|axis| if sigma[axis] > 0.0 { bell(radius[axis], sigma[axis]) } else { vec![1.0] });
    let reach = [rows.len() / 2, columns.len() / 2];
    let mut out = Planes::new(view.planes, height, width)?;
    let mut padded = Planes::new(1, 1, width + 2 * reach[1])?;
    let mirrored = |place: usize, reach: usize, size: usize| {
        Border::Reflect.place(place as i64 - reach as i64, size).unwrap_or(0) // always inside
    };
    for plane in 0..view.planes {
        for y in 0..height {
            let padded = padded.values();
            let middle = &mut padded[reach[1]..][..width];
            for (t, &weight) in rows.iter().enumerate() {
                let row = view.row(plane, mirrored(y + t, reach[0], height));
                vectorized!(f32, || weigh(row, weight, t == 0, middle));
            }
            for x in (0..reach[1]).chain(reach[1] + width..width + 2 * reach[1]) {
                padded[x] = padded[reach[1] + mirrored(x, reach[1], width)];
            }
            let target = out.row(plane, y);
            for (t, &weight) in columns.iter().enumerate() {
                vectorized!(f32, || weigh(&padded[t..][..width], weight, t == 0, target));
            }
        }
    }
    Ok(out)
}

#[inline(always)]
fn weigh(row: &[f32], weight: f32, first: bool, sum: &mut [f32]) {
    for (sum, &value) in sum.iter_mut().zip(row) {
        *sum = weight * value + if first { 0.0 } else { *sum };
    }
}

/// `v ← clamp(f · v + (1 - f) · smoothed)` inside, where smoothed weighs the pixel 5 and its eight
/// neighbours 1 each; the border stays.
pub fn sharpness(planes: &Planes, factor: f32, peak: f32) -> Result<Planes> {
    let view = planes.view();
    let (height, width) = (view.height, view.width);
    let mut out = super::crop::load(&view)?;
    if height < 3 || width < 3 {
        return Ok(out);
    }
    for channel in 0..view.planes {
        for y in 1..height - 1 {
            let [above, here, below] = [y - 1, y, y + 1].map(|y| view.row(channel, y));
            let target = &mut out.row(channel, y)[1..width - 1];
            vectorized!(f32, || {
                for (x, target) in target.iter_mut().enumerate() {
                    let around = above[x]
                        + above[x + 1]
                        + above[x + 2]
                        + here[x]
                        + here[x + 2]
                        + below[x]
                        + below[x + 1]
                        + below[x + 2];
                    let smoothed = (around + 5.0 * here[x + 1]) / 13.0;
                    *target = limit(factor * here[x + 1] + (1.0 - factor) * smoothed, peak);
                }
            });
        }
    }
    Ok(out)
}

/// `v ← v + mean + sigma · normal`, cut off at 0 and `peak` if asked.
pub fn gaussian_noise(
    planes: &mut Planes,
    mean: f32,
    sigma: f32,
    key: u64,
    limit: Option<f32>,
) -> Result<()> {
    let mut noise = Planes::new(1, planes.height, planes.width)?;
    for channel in 0..planes.channels {
        draw::normal(key, channel as u32, noise.values());
        let plane = planes.plane(channel);
        for (value, &noise) in plane.iter_mut().zip(noise.values().iter()) {
            *value += mean + sigma * noise;
            if let Some(peak) = limit {
                *value = super::limit(*value, peak);
            }
        }
    }
    Ok(())
}
