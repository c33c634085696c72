//! Resizing of a window, bilinear as Pillow's (antialiased where the picture shrinks) or to the nearest pixel.

use super::Pixel;
use super::planes::{Planes, View};
use crate::kernels::error::Result;
use crate::kernels::simd::vectorized;

/// How a value between pixels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions between the four nearest.
    Bilinear,
    /// As bilinear, but where the picture shrinks the triangle grows with the distance of the samples: no aliasing.
    Antialias,
}

impl Interpolation {
    /// By its number in a program.
    pub fn from_code(code: f64) -> Self {
        match code as u8 {
            0 => Self::Nearest,
            1 => Self::Bilinear,
            _ => Self::Antialias,
        }
    }
}

/// For each output place the first input place and its weights.
struct Taps {
    /// First input place of each output place.
    starts: Vec<usize>,
    /// `count` weights of each output place, zero beyond the last.
    weights: Vec<f32>,
    count: usize,
}

impl Taps {
    /// Output places `0..out` spread over the inputs `from..from + len`.
    fn new(from: usize, len: usize, out: usize, interpolation: Interpolation) -> Self {
        let scale = len as f64 / out as f64;
        if interpolation == Interpolation::Nearest {
            let starts = (0..out).map(|i| from + (((i as f64 + 0.5) * scale) as usize).min(len - 1)).collect();
            return Self { starts, weights: vec![1.0; out], count: 1 };
        }
        let stretch = if interpolation == Interpolation::Antialias { scale.max(1.0) } else { 1.0 };
        let count = (2 * (stretch.ceil() as usize) + 1).min(len);
        let (mut starts, mut weights) = (Vec::with_capacity(out), vec![0.0; out * count]);
        for (i, weights) in weights.chunks_exact_mut(count).enumerate() {
            let centre = (i as f64 + 0.5) * scale;
            let first = ((centre - stretch + 0.5).max(0.0) as usize).min(len - 1);
            let last = ((centre + stretch + 0.5) as usize).clamp(first + 1, len).min(first + count);
            let weight = |place: usize| (1.0 - ((place as f64 + 0.5 - centre) / stretch).abs()).max(0.0);
            let sum: f64 = (first..last).map(weight).sum();
            // All taps lie in the window, also those of weight zero.
            let start = first.min(len - count);
            for place in first..last {
                weights[place - start] = if sum > 0.0 { (weight(place) / sum) as f32 } else { 0.0 };
            }
            starts.push(from + start);
        }
        Self { starts, weights, count }
    }
}

/// The window `[top, left, height, width]` of the picture, which lies inside, as a picture of another size.
///
/// The rows of an output row are added up first, in the order of the source, wide; then the columns.
pub fn resize<T: Pixel>(
    view: &View<'_, T>,
    [top, left, height, width]: [usize; 4],
    [out_height, out_width]: [usize; 2],
    interpolation: Interpolation,
) -> Result<Planes> {
    let mut out = Planes::new(view.channels(), out_height, out_width)?;
    let rows = Taps::new(top, height, out_height, interpolation);
    let columns = Taps::new(0, width, out_width, interpolation);
    let mut sum = Planes::new(1, 1, width * view.step + 1)?; // one more: pixels of three are read as four
    let plane = out_height * out_width;
    for p in 0..view.planes {
        for y in 0..out_height {
            let weights = &rows.weights[y * rows.count..][..rows.count];
            let sum = sum.values();
            let (sums, _) = sum.split_at_mut(width * view.step);
            for (t, &weight) in weights.iter().enumerate() {
                let row = &view.row(p, rows.starts[y] + t)[left * view.step..][..width * view.step];
                vectorized!(|| add_row(row, weight, t == 0, sums));
            }
            let target = &mut out.values()[p * view.step * plane + y * out_width..];
            vectorized!(|| match view.step {
                1 => columns_of_one(sum, &columns, target),
                3 => columns_of_three(sum, &columns, target, plane),
                step => any_columns_of(sum, step, &columns, target, plane),
            });
        }
    }
    Ok(out)
}

#[inline(always)]
fn add_row<T: Pixel>(row: &[T], weight: f32, first: bool, sum: &mut [f32]) {
    if first {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum = weight * value.to_f32();
        }
    } else if weight != 0.0 {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += weight * value.to_f32();
        }
    }
}

#[inline(always)]
fn columns_of_one(sum: &[f32], columns: &Taps, out: &mut [f32]) {
    let count = columns.count;
    for (x, out) in out[..columns.starts.len()].iter_mut().enumerate() {
        let (weights, values) = (&columns.weights[x * count..][..count], &sum[columns.starts[x]..][..count]);
        let mut total = 0.0;
        for t in 0..count {
            total += weights[t] * values[t];
        }
        *out = total;
    }
}

/// A pixel and the value after it are one load, and all channels one multiply-add.
#[inline(always)]
fn columns_of_three(sum: &[f32], columns: &Taps, out: &mut [f32], plane: usize) {
    let (count, width) = (columns.count, columns.starts.len());
    let (red, rest) = out.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let (red, green, blue) = (&mut red[..width], &mut green[..width], &mut blue[..width]);
    for x in 0..width {
        let (weights, values) = (&columns.weights[x * count..][..count], &sum[3 * columns.starts[x]..][..3 * count + 1]);
        let mut total = [0.0f32; 4];
        for t in 0..count {
            let pixel = &values[3 * t..][..4];
            for lane in 0..4 {
                total[lane] += weights[t] * pixel[lane];
            }
        }
        red[x] = total[0];
        green[x] = total[1];
        blue[x] = total[2];
    }
}

#[inline(always)]
fn any_columns_of(sum: &[f32], step: usize, columns: &Taps, out: &mut [f32], plane: usize) {
    let count = columns.count;
    for (x, &start) in columns.starts.iter().enumerate() {
        let (weights, values) = (&columns.weights[x * count..][..count], &sum[step * start..][..step * count]);
        for c in 0..step {
            let mut total = 0.0;
            for t in 0..count {
                total += weights[t] * values[step * t + c];
            }
            out[c * plane + x] = total;
        }
    }
}
