//! Pictures seen through a projective map, or through a field of small shifts.
//!
//! Places are measured from the corner of the picture: the centre of the first pixel is
//! (0.5, 0.5).

use super::draw;
use super::filter;
use super::planes::{Planes, View};
use super::resize::Interpolation;
use super::{PerChannel, Pixel};
use crate::kernels::error::Result;
use crate::kernels::simd::vectorized;

/// Values farther away than this are as good as infinite; they become no index.
const FAR: f32 = 1e6;

/// The value at a place for every channel; the fill value outside the picture.
#[inline(always)]
fn sample<T: Pixel>(
    view: &View<'_, T>,
    x: f32,
    y: f32,
    nearest: bool,
    fill: PerChannel<'_>,
    mut put: impl FnMut(usize, f32),
) {
    let channels = view.channels();
    let inside = |y: i32, x: i32| {
        x >= 0 && y >= 0 && (x as usize) < view.width && (y as usize) < view.height
    };
    // Also catches NaN.
    if !(x.abs() < FAR && y.abs() < FAR) {
        return (0..channels).for_each(|c| put(c, fill.of(c)));
    }
    if nearest {
        let (x, y) = (x.floor() as i32, y.floor() as i32);
        return (0..channels).for_each(|c| {
            put(c, if inside(y, x) { view.at(c, y as usize, x as usize) } else { fill.of(c) })
        });
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let (left, top) = (left as i32, top as i32);
    if inside(top, left) && inside(top + 1, left + 1) {
        let (left, top) = (left as usize, top as usize);
        let corner = (top * view.width + left) * view.step;
        let below = corner + view.width * view.step;
        for c in 0..channels {
            let base = if view.planes == 1 { c } else { c * view.height * view.width };
            let value = |at: usize| view.data[base + at].to_f32();
            let upper = value(corner) + fx * (value(corner + view.step) - value(corner));
            let lower = value(below) + fx * (value(below + view.step) - value(below));
            put(c, upper + fy * (lower - upper));
        }
        return;
    }
    for c in 0..channels {
        let fill = fill.of(c);
        let value =
            |y: i32, x: i32| if inside(y, x) { view.at(c, y as usize, x as usize) } else { fill };
        // A neighbour of weight zero has no say, not even by being infinite.
        let across = |y: i32| {
            if fx == 0.0 {
                value(y, left)
            } else {
                value(y, left) + fx * (value(y, left + 1) - value(y, left))
            }
        };
        let upper = across(top);
        put(c, if fy == 0.0 { upper } else { upper + fy * (across(top + 1) - upper) });
    }
}

/// `out[y, x] = picture[(X, Y) / W]` where `(X, Y, W) = matrix · (x, y, 1)`.
pub fn warp<T: Pixel>(
    view: &View<'_, T>,
    matrix: &[f64; 9],
    [height, width]: [usize; 2],
    interpolation: Interpolation,
    fill: PerChannel<'_>,
) -> Result<Planes> {
    let mut out = Planes::new(view.channels(), height, width)?;
    let plane = height * width;
    let nearest = interpolation == Interpolation::Nearest;
    let projective = matrix[6] != 0.0 || matrix[7] != 0.0;
    let values = out.values();
    vectorized!(f32, || {
        for y in 0..height {
            let v = y as f64 + 0.5;
            let [first_x, first_y, first_w] = [0, 3, 6].map(|i| matrix[i + 1] * v + matrix[i + 2]);
            for x in 0..width {
                let u = x as f64 + 0.5;
                let (mut from_x, mut from_y) = (matrix[0] * u + first_x, matrix[3] * u + first_y);
                if projective {
                    let w = matrix[6] * u + first_w;
                    (from_x, from_y) = (from_x / w, from_y / w);
                }
                let at = y * width + x;
                sample(view, from_x as f32, from_y as f32, nearest, fill, |c, value| {
                    values[c * plane + at] = value
                });
            }
        }
    });
    Ok(out)
}

/// The shifts of an elastic transform, in pixels: uniform noise in ±1, blurred with `sigma`, times
/// `strength`. First x, then y.
pub fn displacement(
    key: u64,
    [height, width]: [usize; 2],
    strength: [f32; 2],
    sigma: [f32; 2],
) -> Result<Planes> {
    let mut field = Planes::new(2, height, width)?;
    for axis in 0..2 {
        let plane = field.plane(axis);
        vectorized!(f32, || draw::symmetric(key, axis as u32, plane));
    }
    // Four deviations to each side, as torchvision has it.
    let radius = sigma.map(|sigma| (4.0 * sigma).ceil() as usize);
    let mut field = filter::gaussian_blur(&field.view(), radius, sigma)?;
    for (axis, strength) in strength.into_iter().enumerate() {
        for value in field.plane(axis) {
            *value *= strength;
        }
    }
    Ok(field)
}

/// `out[y, x] = picture[x + dx(y, x), y + dy(y, x)]`.
pub fn elastic<T: Pixel>(
    view: &View<'_, T>,
    field: &Planes,
    interpolation: Interpolation,
    fill: PerChannel<'_>,
) -> Result<Planes> {
    let (height, width) = (view.height, view.width);
    let mut out = Planes::new(view.channels(), height, width)?;
    let plane = height * width;
    let (nearest, field) = (interpolation == Interpolation::Nearest, field.view());
    let values = out.values();
    vectorized!(f32, || {
        for y in 0..height {
            let (dx, dy) = (field.row(0, y), field.row(1, y));
            for x in 0..width {
                let (from_x, from_y) = (x as f32 + 0.5 + dx[x], y as f32 + 0.5 + dy[x]);
                sample(view, from_x, from_y, nearest, fill, |c, value| {
                    values[c * plane + y * width + x] = value
                });
            }
        }
    });
    Ok(out)
}
