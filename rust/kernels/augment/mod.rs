//! Augmentation: a program of steps, run on every picture of a batch from the bytes that came to the floats that training takes.
//!
//! A picture is read where the first step needs it (a window that is cut out or resized is never loaded whole), lives as planes of
//! `f32` in its thread's scratch while the steps work on it, unrounded, and is written once, put together, scaled and rounded where
//! the output is bytes. Pictures are shared out over the threads; no value depends on who computed it. What is random was drawn
//! before: the steps hold the parameters of every sample.
//!
//! Values of bytes run from 0 to 255, of floats from 0 to 1: this is the `peak` of the colour steps. Steps that only move pixels take
//! any values.

pub mod color;
pub mod crop;
pub mod draw;
pub mod filter;
pub mod mix;
pub mod planes;
pub mod resize;
mod step;
pub mod tone;
pub mod warp;

use planes::{Planes, View, interleave};
pub use step::{Kind, Step};

use super::error::{KernelError, Result, shape_error};
use super::parallel;
use super::simd::vectorized;

/// What one pixel of one step counts for, in multiply-adds.
const PIXEL_COST: usize = 32;

/// A value of a picture: `u8` from 0 to 255, or `f32`, usually from 0 to 1.
pub trait Pixel: Copy + Send + Sync + 'static {
    /// The brightest value.
    const PEAK: f32;
    /// The value, exactly.
    fn to_f32(self) -> f32;
    /// The nearest value.
    fn from_f32(value: f32) -> Self;
}

impl Pixel for u8 {
    const PEAK: f32 = 255.0;
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        // From 2²³ on a float has no fraction: the sum is rounded, and its lowest byte the result. Of NaN that is 0 as a rule. A cast would do
        // too, but is not made wide.
        (limit(value, 255.0) + 8_388_608.0).to_bits() as u8
    }
}

impl Pixel for f32 {
    const PEAK: f32 = 1.0;
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// The value cut off at 0 and `peak`; NaN stays. As `f32::clamp`, but without its check of the bounds, loops become wide.
#[inline(always)]
fn limit(value: f32, peak: f32) -> f32 {
    let value = if value < 0.0 { 0.0 } else { value };
    if value > peak { peak } else { value }
}

/// A picture that comes in, interleaved.
#[derive(Clone, Copy)]
pub struct Picture<'a, T> {
    /// Row by row.
    pub pixels: &'a [T],
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Values of a pixel.
    pub channels: usize,
}

/// Where a picture is at a step: still where it came from, or in scratch.
enum Stage<'a, T> {
    Source(View<'a, T>),
    Planes(Planes),
}

impl<T: Pixel> Stage<'_, T> {
    /// In scratch, to be changed in place.
    fn planes(&mut self) -> Result<&mut Planes> {
        if let Self::Source(view) = self {
            *self = Self::Planes(crop::load(view)?);
        }
        match self {
            Self::Planes(planes) => Ok(planes),
            Self::Source(_) => Err(KernelError::Argument("images: not loaded".into())), // cannot be
        }
    }
}

/// Calls a function that makes planes out of a view, wherever the picture is.
macro_rules! replace {
    ($stage:expr, $function:path, $($argument:expr),*) => {
        *$stage = Stage::Planes(match &*$stage {
            Stage::Source(view) => $function(view, $($argument),*)?,
            Stage::Planes(planes) => $function(&planes.view(), $($argument),*)?,
        })
    };
}

/// Runs the steps on every picture.
///
/// # Shapes
/// `out` holds the results one after the other, result `i` from `offsets[i]` to `offsets[i + 1]`; overwritten.
///
/// # Errors
/// Parameters that make no sense for a picture, a result of another size than its place, no memory; interrupted.
pub fn run<I: Pixel, O: Pixel>(pictures: &[Picture<'_, I>], steps: &[Step<'_>], offsets: &[usize], out: &mut [O]) -> Result<()> {
    if offsets.len() != pictures.len() + 1 {
        return Err(shape_error!("offsets: expected {} numbers, got {}", pictures.len() + 1, offsets.len()));
    }
    let mut rest = out;
    let mut places = Vec::with_capacity(pictures.len());
    let mut pixels = 0;
    for (picture, ends) in pictures.iter().zip(offsets.windows(2)) {
        let len = ends[1].checked_sub(ends[0]).filter(|&len| len <= rest.len());
        let Some(len) = len else { return Err(shape_error!("out: {offsets:?} are no places in it")) };
        let (place, after) = std::mem::take(&mut rest).split_at_mut(len);
        places.push(place);
        rest = after;
        pixels += picture.height * picture.width;
    }
    for step in steps {
        step.check(pictures.len())?;
    }
    let items = pictures.iter().zip(places).enumerate();
    parallel::try_for_each(items, pixels * PIXEL_COST * (steps.len() + 1), |(i, (picture, place))| one(picture, steps, i, place))
}

/// One picture through all steps.
fn one<I: Pixel, O: Pixel>(picture: &Picture<'_, I>, steps: &[Step<'_>], sample: usize, out: &mut [O]) -> Result<()> {
    let &Picture { pixels, height, width, channels } = picture;
    if channels == 0 || height == 0 || width == 0 || pixels.len() != height * width * channels {
        return Err(shape_error!("images: {} values are no picture of {height}x{width}x{channels}", pixels.len()));
    }
    let mut stage = Stage::Source(View { data: pixels, planes: 1, step: channels, height, width });
    let mut peak = I::PEAK;
    // A last scaling happens on the way out.
    let (steps, last) = match steps.split_last() {
        Some((last, before)) if last.kind == Kind::Affine => (before, Some(last)),
        _ => (steps, None),
    };
    for step in steps {
        if let Some(parameters) = step.of(sample) {
            apply(&mut stage, step, parameters, &mut peak)?;
        }
    }
    if let Stage::Source(view) = &stage {
        stage = Stage::Planes(crop::load(view)?);
    }
    let Stage::Planes(planes) = &stage else { return Ok(()) };
    let view = planes.view();
    let (mut factors, mut summands) = (vec![1.0; view.planes], vec![0.0; view.planes]);
    if let Some((last, parameters)) = last.and_then(|last| Some((last, last.of(sample)?))) {
        (factors, summands, peak) = last.affine(parameters, view.planes)?;
    }
    let _ = peak;
    if out.len() != view.data.len() {
        return Err(shape_error!("out: expected {} values for picture {sample}, got {}", view.data.len(), out.len()));
    }
    vectorized!(|| interleave(&view, &factors, &summands, out));
    Ok(())
}

/// One step.
fn apply<T: Pixel>(stage: &mut Stage<'_, T>, step: &Step<'_>, p: &[f64], peak: &mut f32) -> Result<()> {
    let (channels, height, width) = match &*stage {
        Stage::Source(view) => (view.channels(), view.height, view.width),
        Stage::Planes(planes) => (planes.channels, planes.height, planes.width),
    };
    match step.kind {
        Kind::Crop => {
            let fill = step.per_channel(1, channels)?;
            replace!(
                stage,
                crop::crop,
                [p[0] as i64, p[1] as i64],
                step::size(p[2], p[3])?,
                crop::Border::from_code(step.constants[0]),
                &fill
            );
        }
        Kind::FlipHorizontal => crop::flip_horizontal(stage.planes()?),
        Kind::FlipVertical => crop::flip_vertical(stage.planes()?),
        Kind::Resize => {
            let window = [p[0], p[1], p[2], p[3]].map(|value| value as usize);
            if window[2] == 0 || window[3] == 0 || window[0] + window[2] > height || window[1] + window[3] > width {
                return Err(shape_error!("images: the window {window:?} leaves a picture of {height}x{width}"));
            }
            replace!(stage, resize::resize, window, step::size(p[4], p[5])?, resize::Interpolation::from_code(step.constants[0]));
        }
        Kind::Warp => {
            let fill = step.per_channel(1, channels)?;
            let matrix: &[f64; 9] = p[..9].try_into().map_err(|_| shape_error!("matrix: expected 9 numbers"))?;
            replace!(stage, warp::warp, matrix, step::size(p[9], p[10])?, resize::Interpolation::from_code(step.constants[0]), &fill);
        }
        Kind::Elastic => {
            let fill = step.per_channel(1, channels)?;
            let (strength, sigma) = ([p[2] as f32, p[3] as f32], [p[4] as f32, p[5] as f32]);
            let field = warp::displacement(draw::stream_key(p[0], p[1]), [height, width], strength, sigma)?;
            replace!(stage, warp::elastic, &field, resize::Interpolation::from_code(step.constants[0]), &fill);
        }
        Kind::Erase => {
            let value = step.per_channel(1, channels)?;
            let noise = (step.constants[0] != 0.0).then(|| draw::stream_key(p[4], p[5]));
            crop::erase(stage.planes()?, [p[0], p[1], p[2], p[3]].map(|value| value as usize), &value, noise)?;
        }
        Kind::GaussianBlur => {
            let radius = [step.constants[0], step.constants[1]].map(|radius| radius as usize);
            let planes = filter::gaussian_blur(&stage.planes()?.view(), radius, [p[0] as f32, p[1] as f32])?;
            *stage = Stage::Planes(planes);
        }
        Kind::Sharpness => *stage = Stage::Planes(filter::sharpness(stage.planes()?, p[0] as f32, *peak)?),
        Kind::GaussianNoise => {
            let limit = (step.constants[0] != 0.0).then_some(*peak);
            let (mean, sigma) = (p[2] as f32 * *peak, p[3] as f32 * *peak);
            filter::gaussian_noise(stage.planes()?, mean, sigma, draw::stream_key(p[0], p[1]), limit)?;
        }
        Kind::ColorJitter => {
            color::jitter(stage.planes()?, p[0] as u32, [p[1] as f32, p[2] as f32, p[3] as f32, p[4] as f32], *peak);
        }
        Kind::Grey => color::grey(stage.planes()?, step.constants[0] as usize),
        Kind::Add => {
            let summands: Vec<f32> = p.iter().map(|&value| value as f32 * *peak).collect();
            color::add(stage.planes()?, &summands, *peak);
        }
        Kind::Invert => tone::invert(stage.planes()?, *peak),
        Kind::Solarize => tone::solarize(stage.planes()?, p[0] as f32, *peak),
        Kind::Posterize => tone::posterize(stage.planes()?, p[0] as u32, *peak),
        Kind::AutoContrast => tone::autocontrast(stage.planes()?, *peak),
        Kind::Equalize => tone::equalize(stage.planes()?, *peak),
        Kind::Affine => {
            let (factors, summands, range) = step.affine(p, channels)?;
            color::affine(stage.planes()?, &factors, &summands);
            *peak = range;
        }
    }
    Ok(())
}
