//! Augmentation: a program of steps, run on every picture of a batch from the bytes that came to
//! the floats that training takes.
//!
//! A picture is read where the first step needs it (a window that is cut out or resized is never
//! loaded whole), lives as planes of `f32` in its thread's scratch while the steps work on it,
//! unrounded, and is written once, put together, scaled and rounded where the output is bytes.
//! Pictures are shared out over the threads; no value depends on who computed it. What is random
//! was drawn before: the steps hold the parameters of every sample. Products are rounded before
//! they are added, and sums have a fixed order, so the bits are the same in every
//! instruction set too.
//!
//! Values of bytes run from 0 to 255, of floats from 0 to 1: this is the `peak` of the colour
//! steps. Steps that only move pixels take any values.

pub mod color;
pub mod crop;
pub mod draw;
pub mod filter;
pub mod mix;
pub mod planes;
pub mod resize;
mod step;
#[cfg(test)]
mod tests;
pub mod tone;
pub mod warp;

use color::Changes;
use planes::{Planes, View};
pub use step::{Kind, PerChannel, Step};

use super::error::{KernelError, Result, shape_error};
use super::parallel;
use super::simd::elementwise::streams;
use super::simd::{Shuffle, augment as pixels};

/// What one pixel of one step counts for, in multiply-adds.
const PIXEL_COST: usize = 32;

/// A value of a picture: `u8` from 0 to 255, or `f32`, usually from 0 to 1.
pub trait Pixel: Copy + Sized + Send + Sync + 'static {
    /// The brightest value.
    const PEAK: f32;
    /// The value, exactly.
    fn to_f32(self) -> f32;
    /// The nearest value.
    fn from_f32(value: f32) -> Self;
    /// Three planes put together as pixels, `out[3 i + c] = planes[c][i] · factors[c] +
    /// summands[c]`; mark it `#[inline(always)]`. With `stream` they may go past the caches;
    /// [`fence`](crate::kernels::simd::Vector::fence) is the caller's.
    fn interleave<V: Shuffle<f32>>(
        planes: [&[f32]; 3],
        factors: [f32; 3],
        summands: [f32; 3],
        stream: bool,
        out: &mut [Self],
    );
}

impl Pixel for u8 {
    const PEAK: f32 = 255.0;
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        // From 2²³ on a float has no fraction: the sum is rounded, and its lowest byte the result.
        // Of NaN that is 0 as a rule. A cast would do too, but is not made wide.
        (limit(value, 255.0) + 8_388_608.0).to_bits() as u8
    }
    #[inline(always)]
    fn interleave<V: Shuffle<f32>>(
        [r, g, b]: [&[f32]; 3],
        f: [f32; 3],
        s: [f32; 3],
        _stream: bool,
        out: &mut [Self],
    ) {
        for (((pixel, r), g), b) in out.as_chunks_mut::<3>().0.iter_mut().zip(r).zip(g).zip(b) {
            *pixel = [
                Self::from_f32(r * f[0] + s[0]),
                Self::from_f32(g * f[1] + s[1]),
                Self::from_f32(b * f[2] + s[2]),
            ];
        }
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
    #[inline(always)]
    fn interleave<V: Shuffle<f32>>(
        planes: [&[f32]; 3],
        factors: [f32; 3],
        summands: [f32; 3],
        stream: bool,
        out: &mut [Self],
    ) {
        pixels::interleave_three::<V>(planes, factors, summands, stream, out);
    }
}

/// The value cut off at 0 and `peak`; NaN stays. As `f32::clamp`, but without its check of the
/// bounds, loops become wide.
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

/// A picture on its way.
struct Work<'a, T> {
    stage: Stage<'a, T>,
    /// Changes of colour that are still to be made; only once it is in scratch.
    changes: Changes,
    /// The brightest value.
    peak: f32,
}

/// Runs the steps on every picture.
///
/// # Shapes
/// `out` holds the results one after the other, result `i` from `offsets[i]` to `offsets[i + 1]`;
/// overwritten.
///
/// # Errors
/// Parameters that make no sense for a picture, a result of another size than its place, no memory;
/// interrupted.
pub fn run<I: Pixel, O: Pixel>(
    pictures: &[Picture<'_, I>],
    steps: &[Step<'_>],
    offsets: &[usize],
    out: &mut [O],
) -> Result<()> {
    if offsets.len() != pictures.len() + 1 {
        return Err(shape_error!(
            "offsets: expected {} numbers, got {}",
            pictures.len() + 1,
            offsets.len()
        ));
    }
    let stream = streams::<O>(out.len());
    let mut rest = out;
    let mut places = Vec::with_capacity(pictures.len());
    let mut pixels = 0;
    for (picture, ends) in pictures.iter().zip(offsets.windows(2)) {
        let len = ends[1].checked_sub(ends[0]).filter(|&len| len <= rest.len());
        let Some(len) = len else {
            return Err(shape_error!("out: {offsets:?} are no places in it"));
        };
        let (place, after) = std::mem::take(&mut rest).split_at_mut(len);
        places.push(place);
        rest = after;
        pixels += picture.height * picture.width;
    }
    for step in steps {
        step.check(pictures.len())?;
    }
    let items = pictures.iter().zip(places).enumerate();
    parallel::try_for_each(
        items,
        pixels * PIXEL_COST * (steps.len() + 1),
        |(i, (picture, place))| one(picture, steps, i, stream, place),
    )
}

/// One picture through all steps.
fn one<I: Pixel, O: Pixel>(
    picture: &Picture<'_, I>,
    steps: &[Step<'_>],
    sample: usize,
    stream: bool,
    out: &mut [O],
) -> Result<()> {
    let &Picture { pixels, height, width, channels } = picture;
    if channels == 0 || height == 0 || width == 0 || pixels.len() != height * width * channels {
        return Err(shape_error!(
            "images: {} values are no picture of {height}x{width}x{channels}",
            pixels.len()
        ));
    }
    let source = View { data: pixels, planes: 1, step: channels, height, width };
    let mut work =
        Work { stage: Stage::Source(source), changes: Changes::default(), peak: I::PEAK };
    // A last scaling happens on the way out.
    let (steps, last) = match steps.split_last() {
        Some((last, before)) if last.kind == Kind::Affine && last.apply.is_none() => {
            (before, Some(last))
        }
        _ => (steps, None),
    };
    let mut taken = steps.iter().filter_map(|step| Some((step, step.of(sample)?))).peekable();
    while let Some((step, parameters)) = taken.next() {
        // A picture that is resized may as well be written from right to left.
        let mirrored = matches!(step.kind, Kind::Resize(_))
            && taken.next_if(|(next, _)| next.kind == Kind::FlipHorizontal).is_some();
        work.apply(step, parameters, mirrored)?;
    }
    work.loaded()?;
    let Stage::Planes(mut planes) = work.stage else { return Ok(()) };
    let (factors, summands) = match last {
        Some(last) => {
            last.affine(planes.channels).map(|(factors, summands, _)| (factors, summands))?
        }
        None => (PerChannel::new(&[1.0], 1)?, PerChannel::new(&[0.0], 1)?),
    };
    let len = planes.values().len();
    if out.len() != len {
        return Err(shape_error!(
            "out: expected {len} values for picture {sample}, got {}",
            out.len()
        ));
    }
    work.changes.finish(&mut planes, factors, summands, stream, out);
    Ok(())
}

impl<T: Pixel> Work<'_, T> {
    /// In scratch, to be read and changed in place; changes of colour may wait.
    fn loaded(&mut self) -> Result<(&mut Planes, &mut Changes)> {
        if let Stage::Source(view) = &self.stage {
            self.stage = Stage::Planes(crop::load(view)?);
        }
        match &mut self.stage {
            Stage::Planes(planes) => Ok((planes, &mut self.changes)),
            Stage::Source(_) => Err(KernelError::Argument("images: not loaded".into())), /* cannot be */
        }
    }

    /// In scratch, all changes made.
    fn planes(&mut self) -> Result<&mut Planes> {
        let (planes, changes) = self.loaded()?;
        changes.settle(planes);
        Ok(planes)
    }

    /// One step, and a flip of its result after it if it shall be mirrored.
    fn apply(&mut self, step: &Step<'_>, p: &[f64], mirrored: bool) -> Result<()> {
        /// Calls a function that makes planes out of a view, wherever the picture is.
        macro_rules! replace {
            ($function:path, $($argument:expr),*) => {
                self.stage = Stage::Planes(match &self.stage {
                    Stage::Source(view) => $function(view, $($argument),*)?,
                    Stage::Planes(planes) => $function(&planes.view(), $($argument),*)?,
                })
            };
        }
        let peak = self.peak;
        if let Stage::Planes(planes) = &mut self.stage
            && step.kind != Kind::ColorJitter
        {
            self.changes.settle(planes);
        }
        let (channels, height, width) = match &self.stage {
            Stage::Source(view) => (view.channels(), view.height, view.width),
            Stage::Planes(planes) => (planes.channels, planes.height, planes.width),
        };
        match step.kind {
            Kind::Crop(border) => {
                let fill = step.per_channel(0, channels)?;
                replace!(
                    crop::crop,
                    [p[0] as i64, p[1] as i64],
                    step::size(p[2], p[3])?,
                    border,
                    fill
                );
            }
            Kind::FlipHorizontal => crop::flip_horizontal(self.planes()?),
            Kind::FlipVertical => crop::flip_vertical(self.planes()?),
            Kind::Resize(interpolation) => {
                let window = [p[0], p[1], p[2], p[3]].map(|value| value as usize);
                if window[2] == 0
                    || window[3] == 0
                    || window[0] + window[2] > height
                    || window[1] + window[3] > width
                {
                    return Err(shape_error!(
                        "images: the window {window:?} leaves a picture of {height}x{width}"
                    ));
                }
                replace!(resize::resize, window, step::size(p[4], p[5])?, interpolation, mirrored);
            }
            Kind::Warp(interpolation) => {
                let fill = step.per_channel(0, channels)?;
                let matrix: &[f64; 9] =
                    p[..9].try_into().map_err(|_| shape_error!("matrix: expected 9 numbers"))?;
                replace!(warp::warp, matrix, step::size(p[9], p[10])?, interpolation, fill);
            }
            Kind::Elastic(interpolation) => {
                let fill = step.per_channel(0, channels)?;
                let (strength, sigma) = ([p[2] as f32, p[3] as f32], [p[4] as f32, p[5] as f32]);
                let field = warp::displacement(
                    draw::stream_key(p[0], p[1]),
                    [height, width],
                    strength,
                    sigma,
                )?;
                replace!(warp::elastic, &field, interpolation, fill);
            }
            Kind::Erase => {
                let value = step.per_channel(1, channels)?;
                let noise = (step.constants[0] != 0.0).then(|| draw::stream_key(p[4], p[5]));
                crop::erase(
                    self.planes()?,
                    [p[0], p[1], p[2], p[3]].map(|value| value as usize),
                    value,
                    noise,
                )?;
            }
            Kind::GaussianBlur => {
                let radius = [step.constants[0], step.constants[1]].map(|radius| radius as usize);
                let planes = filter::gaussian_blur(
                    &self.planes()?.view(),
                    radius,
                    [p[0] as f32, p[1] as f32],
                )?;
                self.stage = Stage::Planes(planes);
            }
            Kind::Sharpness => {
                self.stage = Stage::Planes(filter::sharpness(self.planes()?, p[0] as f32, peak)?)
            }
            Kind::GaussianNoise => {
                let limit = (step.constants[0] != 0.0).then_some(peak);
                let (mean, sigma) = (p[2] as f32 * peak, p[3] as f32 * peak);
                filter::gaussian_noise(
                    self.planes()?,
                    mean,
                    sigma,
                    draw::stream_key(p[0], p[1]),
                    limit,
                )?;
            }
            Kind::ColorJitter => {
                let (planes, changes) = self.loaded()?;
                color::jitter(
                    planes,
                    changes,
                    color::order([p[0], p[1], p[2], p[3]])?,
                    [p[4] as f32, p[5] as f32, p[6] as f32, p[7] as f32],
                    peak,
                );
            }
            Kind::Grey => color::grey(self.planes()?, step.constants[0] as usize),
            Kind::Add => color::add(
                self.planes()?,
                [p[0], p[1], p[2]].map(|value| value as f32 * peak),
                peak,
            ),
            Kind::Invert => tone::invert(self.planes()?, peak),
            Kind::Solarize => tone::solarize(self.planes()?, p[0] as f32, peak),
            Kind::Posterize => tone::posterize(self.planes()?, p[0] as u32, peak),
            Kind::AutoContrast => tone::autocontrast(self.planes()?, peak),
            Kind::Equalize => tone::equalize(self.planes()?, peak),
            Kind::Affine => {
                let (factors, summands, range) = step.affine(channels)?;
                color::affine(self.planes()?, factors, summands);
                self.peak = range;
            }
        }
        Ok(())
    }
}
