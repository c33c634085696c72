//! Windows and mirrors: pixels move by whole numbers.

use super::planes::{Planes, View, deinterleave};
use super::{PerChannel, Pixel};
use crate::kernels::error::{KernelError, Result};
use crate::kernels::simd::vectorized;

/// Which values are read beyond the border of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// The fill.
    Constant,
    /// The border pixel.
    Edge,
    /// The picture mirrored at the centre of its border pixel.
    Reflect,
    /// The picture mirrored at its border.
    Symmetric,
}

impl Border {
    /// The border of this name: `constant`, `edge`, `reflect` or `symmetric`.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "constant" => Ok(Self::Constant),
            "edge" => Ok(Self::Edge),
            "reflect" => Ok(Self::Reflect),
            "symmetric" => Ok(Self::Symmetric),
            _ => Err(KernelError::Argument(format!(
                "border: expected \"constant\", \"edge\", \"reflect\" or \"symmetric\", got {name:?}"
            ))),
        }
    }

    /// The place within `0..size` whose value is used at `place`.
    #[inline(always)]
    pub fn place(self, place: i64, size: usize) -> Option<usize> {
        let size = size as i64;
        if (0..size).contains(&place) {
            return Some(place as usize);
        }
        let inside = match self {
            Self::Constant => return None,
            Self::Edge => place.clamp(0, size - 1),
            Self::Reflect if size == 1 => 0,
            Self::Reflect => {
                let place = place.rem_euclid(2 * size - 2);
                place.min(2 * size - 2 - place)
            }
            Self::Symmetric => {
                let place = place.rem_euclid(2 * size);
                place.min(2 * size - 1 - place)
            }
        };
        Some(inside as usize)
    }
}

/// The window of `height` × `width` pixels whose first is (`top`, `left`), which may reach beyond
/// the picture on all sides.
pub fn crop<T: Pixel>(
    view: &View<'_, T>,
    [top, left]: [i64; 2],
    [height, width]: [usize; 2],
    border: Border,
    fill: PerChannel<'_>,
) -> Result<Planes> {
    let mut out = Planes::new(view.channels(), height, width)?;
    vectorized!(f32, || cut_out(view, [top, left], border, fill, &mut out));
    Ok(out)
}

#[inline(always)]
fn cut_out<T: Pixel>(
    view: &View<'_, T>,
    [top, left]: [i64; 2],
    border: Border,
    fill: PerChannel<'_>,
    out: &mut Planes,
) {
    let (channels, height, width) = (out.channels, out.height, out.width);
    let plane = height * width;
    // Columns of the window that are inside the picture.
    let from = left.saturating_neg().clamp(0, width as i64) as usize;
    let to = (view.width as i64).saturating_sub(left).clamp(from as i64, width as i64) as usize;
    for y in 0..height {
        let Some(source_y) = border.place(top.saturating_add(y as i64), view.height) else {
            for channel in 0..channels {
                out.row(channel, y).fill(fill.of(channel));
            }
            continue;
        };
        if from < to {
            let first = (left + from as i64) as usize;
            for p in 0..view.planes {
                let row = &view.row(p, source_y)[first * view.step..][..(to - from) * view.step];
                deinterleave(
                    row,
                    view.step,
                    &mut out.values()[p * view.step * plane + y * width + from..],
                    plane,
                );
            }
        }
        if to - from < width {
            for channel in 0..channels {
                let (fill, row) = (fill.of(channel), out.row(channel, y));
                for x in (0..from).chain(to..width) {
                    row[x] = border
                        .place(left.saturating_add(x as i64), view.width)
                        .map_or(fill, |x| view.at(channel, source_y, x));
                }
            }
        }
    }
}

/// The whole picture, as planes.
pub fn load<T: Pixel>(view: &View<'_, T>) -> Result<Planes> {
    let mut out = Planes::new(view.channels(), view.height, view.width)?;
    let plane = view.height * view.width;
    if view.planes == 1 {
        vectorized!(f32, || deinterleave(view.data, view.step, out.values(), plane));
    } else {
        for (out, value) in out.values().iter_mut().zip(view.data) {
            *out = value.to_f32();
        }
    }
    Ok(out)
}

/// Left becomes right.
pub fn flip_horizontal(planes: &mut Planes) {
    let width = planes.width;
    vectorized!(f32, || {
        for row in planes.values().chunks_exact_mut(width) {
            row.reverse();
        }
    });
}

/// Top becomes bottom.
pub fn flip_vertical(planes: &mut Planes) {
    let (height, width) = (planes.height, planes.width);
    for channel in 0..planes.channels {
        let plane = planes.plane(channel);
        for y in 0..height / 2 {
            let (upper, lower) = plane.split_at_mut((height - 1 - y) * width);
            upper[y * width..][..width].swap_with_slice(&mut lower[..width]);
        }
    }
}

/// The rectangle gets one value per channel, or normal noise from the stream of a key.
pub fn erase(
    planes: &mut Planes,
    [top, left, height, width]: [usize; 4],
    value: PerChannel<'_>,
    noise: Option<u64>,
) -> Result<()> {
    let (top, left) = (top.min(planes.height), left.min(planes.width));
    let (height, width) = (height.min(planes.height - top), width.min(planes.width - left));
    if height == 0 || width == 0 {
        return Ok(());
    }
    let mut random = Planes::new(1, height, width)?;
    for channel in 0..planes.channels {
        let value = value.of(channel);
        if let Some(key) = noise {
            super::draw::normal(key, channel as u32, random.values());
        }
        for y in 0..height {
            let row = &mut planes.row(channel, top + y)[left..][..width];
            if noise.is_some() {
                row.copy_from_slice(random.row(0, y));
            } else {
                row.fill(value);
            }
        }
    }
    Ok(())
}
