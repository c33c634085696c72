//! Resizing of a window, bilinear as Pillow's (antialiased where the picture shrinks) or to the
//! nearest pixel.

use std::ops::Range;

use super::Pixel;
use super::planes::{Planes, View};
use crate::kernels::error::{KernelError, Result};
use crate::kernels::memory::Scratch;
use crate::kernels::simd::matmul::pack::transpose;
use crate::kernels::simd::{Kernel, Shuffle, dispatch_f32};

/// How a value between pixels is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions between the four nearest.
    Bilinear,
    /// As bilinear, but where the picture shrinks the triangle grows with the distance of the
    /// samples: no aliasing.
    Antialias,
}

impl Interpolation {
    /// The interpolation of this name: `nearest`, `bilinear` or `antialias`.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "nearest" => Ok(Self::Nearest),
            "bilinear" => Ok(Self::Bilinear),
            "antialias" => Ok(Self::Antialias),
            _ => Err(KernelError::Argument(format!(
                "interpolation: expected \"nearest\", \"bilinear\" or \"antialias\", got {name:?}"
            ))),
        }
    }
}

/// Rows of the result that are made together: one for each lane of the widest register.
const BAND: usize = 16;

/// Values of a row that are summed for all rows of a band before the next: 8 KB of sums.
const CHUNK: usize = 128;

/// Values of a row that are summed at once.
const GROUP: usize = 64;

/// Most terms that are added up in registers.
const TERMS: usize = 4;

/// For each output place the first input place and its weights.
struct ResizeTaps {
    /// First input place of each output place.
    starts: Scratch<u64>,
    /// `count` weights of each output place.
    weights: Scratch<f32>,
    count: usize,
}

impl ResizeTaps {
    /// Output places `0..out` spread over the inputs `from..from + len`.
    fn new(from: usize, len: usize, out: usize, interpolation: Interpolation) -> Result<Self> {
        let scale = len as f64 / out as f64;
        let stretch = if interpolation == Interpolation::Antialias { scale.max(1.0) } else { 1.0 };
        let inverse = 1.0 / stretch;
        let single = interpolation == Interpolation::Nearest || len == out;
        // The number of integers strictly between the feet of a triangle; the feet have weight 0.
        let count = if single { 1 } else { ((2.0 * stretch).ceil() as usize).min(len) };
        let (mut starts, mut weights) = (Scratch::take(out)?, Scratch::<f32>::take(out * count)?);
        for (i, (start, weights)) in
            starts.iter_mut().zip(weights.chunks_exact_mut(count)).enumerate()
        {
            let centre = (i as f64 + 0.5) * scale;
            if single {
                *start = (from + (centre as usize).min(len - 1)) as u64;
                weights[0] = 1.0;
                continue;
            }
            // The first whole number above `centre - stretch - 0.5`; all taps are inside the
            // window, also the taps of weight 0.
            let first = ((centre - stretch + 0.5).max(0.0) as usize).min(len - count);
            let before = centre - 0.5 - first as f64;
            let weight = |t: usize| (1.0 - ((before - t as f64) * inverse).abs()).max(0.0);
            let sum = 1.0 / (0..count).map(weight).sum::<f64>();
            for (t, out) in weights.iter_mut().enumerate() {
                *out = (weight(t) * sum) as f32;
            }
            *start = (from + first) as u64;
        }
        Ok(Self { starts, weights, count })
    }

    /// The inputs that `count` outputs from `place` on see and those before them do not.
    fn span(&self, place: usize, count: usize) -> Range<usize> {
        if place >= self.starts.len() {
            return 0..0;
        }
        let last = (place + count).min(self.starts.len()) - 1;
        let seen = if place > 0 { self.starts[place - 1] as usize + self.count } else { 0 };
        seen.max(self.starts[place] as usize)..self.starts[last] as usize + self.count
    }

    /// Of one output place.
    #[inline(always)]
    fn of(&self, place: usize) -> (usize, &[f32]) {
        (self.starts[place] as usize, &self.weights[place * self.count..][..self.count])
    }
}

/// Asks for a chunk of the rows that the next band reads: a picture comes from memory, and its rows
/// are too far apart to be foreseen.
#[inline(always)]
fn prefetch<T: Pixel, V: Shuffle<f32>>(
    view: &View<'_, T>,
    plane: usize,
    rows: Range<usize>,
    at: usize,
) {
    let line = 64 / size_of::<T>();
    for y in rows {
        for x in (0..CHUNK).step_by(line) {
            V::prefetch(view.row(plane, y).as_ptr().wrapping_add(at + x).cast());
        }
    }
}

/// Resizes the window `[top, left, height, width]`, which is inside the picture. With `mirrored`,
/// left becomes right.
///
/// Sixteen rows of the result are computed at a time. The sums over the rows of the source come
/// first, in SIMD. They are transposed, so that the sums over the columns are computed in SIMD
/// too. Products are rounded before they are added, in the order of the source, so the bits are the
/// same in every instruction set.
pub fn resize<T: Pixel>(
    view: &View<'_, T>,
    [top, left, height, width]: [usize; 4],
    [out_height, out_width]: [usize; 2],
    interpolation: Interpolation,
    mirrored: bool,
) -> Result<Planes> {
    let mut out = Planes::new(view.channels(), out_height, out_width)?;
    let rows = ResizeTaps::new(top, height, out_height, interpolation)?;
    let columns = ResizeTaps::new(0, width, out_width, interpolation)?;
    let mut sums = Scratch::take(BAND * CHUNK)?;
    let mut tall = Scratch::take(width * view.step * BAND)?;
    let mut wide = Scratch::take(out_width * view.step * BAND)?;
    let values = out.values();
    dispatch_f32(Resize {
        view,
        rows: &rows,
        columns: &columns,
        left,
        mirrored,
        sums: &mut sums,
        tall: tall.as_chunks_mut().0,
        wide: wide.as_chunks_mut().0,
        out: values,
        size: [out_height, out_width],
    });
    Ok(out)
}

struct Resize<'a, T> {
    view: &'a View<'a, T>,
    rows: &'a ResizeTaps,
    columns: &'a ResizeTaps,
    left: usize,
    mirrored: bool,
    /// `[BAND][CHUNK]`: sums over rows.
    sums: &'a mut [f32],
    /// `[columns · channels][BAND]`: the same, transposed.
    tall: &'a mut [[f32; BAND]],
    /// `[channels][columns of the result][BAND]`: sums over columns.
    wide: &'a mut [[f32; BAND]],
    out: &'a mut [f32],
    size: [usize; 2],
}

impl<T: Pixel> Kernel<f32> for Resize<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Shuffle<f32>>(self) {
        let Self {
            view,
            rows,
            columns,
            left,
            mirrored,
            sums,
            tall,
            wide,
            out,
            size: [height, width],
        } = self;
        let (step, len) = (view.step, tall.len());
        for plane in 0..view.planes {
            for y in (0..height).step_by(BAND) {
                // The last band overlaps the one before: what is written twice is the same. A
                // picture of fewer rows leaves lanes idle.
                let y = y.min(height.saturating_sub(BAND));
                let count = BAND.min(height);
                for x in (0..len).step_by(CHUNK) {
                    let x = x.min(len.saturating_sub(CHUNK));
                    let chunk = CHUNK.min(len);
                    prefetch::<T, V>(view, plane, rows.span(y + count, BAND), left * step + x);
                    for i in 0..count {
                        let (first, weights) = rows.of(y + i);
                        sum_rows(
                            view,
                            (plane, first, left * step + x),
                            weights,
                            &mut sums[i * CHUNK..][..chunk],
                        );
                    }
                    transpose::<f32, V>(
                        sums,
                        CHUNK,
                        (BAND, chunk),
                        tall[x..].as_flattened_mut(),
                        BAND,
                    );
                }
                sum_columns(tall, step, columns, mirrored, wide);
                for channel in 0..step {
                    let source = wide[channel * width..][..width].as_flattened();
                    let target = &mut out[((plane * step + channel) * height + y) * width..];
                    transpose::<f32, V>(source, BAND, (width, count), target, width);
                }
            }
        }
    }
}

/// `out[i] = Σ weights[t] · row[at + i]` over the rows `first + t` of a plane.
#[inline(always)]
fn sum_rows<T: Pixel>(
    view: &View<'_, T>,
    (plane, first, at): (usize, usize, usize),
    weights: &[f32],
    out: &mut [f32],
) {
    let len = out.len();
    for (group, weights) in weights.chunks(TERMS).enumerate() {
        let row = |t: usize| &view.row(plane, first + group * TERMS + t)[at..][..len];
        match *weights {
            [a] => add_rows([row(0)], [a], group > 0, out),
            [a, b] => add_rows([row(0), row(1)], [a, b], group > 0, out),
            [a, b, c] => add_rows([row(0), row(1), row(2)], [a, b, c], group > 0, out),
            [a, b, c, d] => {
                add_rows([row(0), row(1), row(2), row(3)], [a, b, c, d], group > 0, out)
            }
            _ => (),
        }
    }
}

#[inline(always)]
fn add_rows<T: Pixel, const N: usize>(
    rows: [&[T]; N],
    weights: [f32; N],
    more: bool,
    out: &mut [f32],
) {
    let (whole, rest) = out.as_chunks_mut::<GROUP>();
    let rows: [(&[[T; GROUP]], &[T]); N] = std::array::from_fn(|t| rows[t].as_chunks());
    for (k, out) in whole.iter_mut().enumerate() {
        let values: [&[T; GROUP]; N] = std::array::from_fn(|t| &rows[t].0[k]);
        for i in 0..GROUP {
            out[i] = weighted(
                std::array::from_fn(|t| values[t][i]),
                weights,
                if more { Some(out[i]) } else { None },
            );
        }
    }
    for (i, out) in rest.iter_mut().enumerate() {
        *out = weighted(
            std::array::from_fn(|t| rows[t].1[i]),
            weights,
            if more { Some(*out) } else { None },
        );
    }
}

/// `sum + Σ weights[t] · values[t]`, from left to right.
#[inline(always)]
fn weighted<T: Pixel, const N: usize>(values: [T; N], weights: [f32; N], sum: Option<f32>) -> f32 {
    let first = weights[0] * values[0].to_f32();
    let mut sum = sum.map_or(first, |sum| sum + first);
    for t in 1..N {
        sum += weights[t] * values[t].to_f32();
    }
    sum
}

/// `out[c · width + x] = Σ weights[t] · tall[(start + t) · step + c]`, each a value for every row
/// of the band.
#[inline(always)]
fn sum_columns(
    tall: &[[f32; BAND]],
    step: usize,
    columns: &ResizeTaps,
    mirrored: bool,
    out: &mut [[f32; BAND]],
) {
    match (step, columns.count) {
        (3, 1) => add_columns::<1, 3>(tall, columns, mirrored, out),
        (3, 2) => add_columns::<2, 3>(tall, columns, mirrored, out),
        (3, 3) => add_columns::<3, 3>(tall, columns, mirrored, out),
        (3, 4) => add_columns::<4, 3>(tall, columns, mirrored, out),
        (1, 1) => add_columns::<1, 1>(tall, columns, mirrored, out),
        (1, 2) => add_columns::<2, 1>(tall, columns, mirrored, out),
        (1, 3) => add_columns::<3, 1>(tall, columns, mirrored, out),
        _ => {
            let width = columns.starts.len();
            for x in 0..width {
                let (start, weights) = columns.of(x);
                let place = if mirrored { width - 1 - x } else { x };
                for channel in 0..step {
                    let mut sums = [0.0; BAND];
                    for (t, &weight) in weights.iter().enumerate() {
                        let values = &tall[(start + t) * step + channel];
                        for i in 0..BAND {
                            sums[i] += weight * values[i];
                        }
                    }
                    out[channel * width + place] = sums;
                }
            }
        }
    }
}

/// The same for few terms and a fixed number of channels.
#[inline(always)]
fn add_columns<const N: usize, const STEP: usize>(
    tall: &[[f32; BAND]],
    columns: &ResizeTaps,
    mirrored: bool,
    out: &mut [[f32; BAND]],
) {
    let width = columns.starts.len();
    let (tall, weights) = (tall.as_chunks::<STEP>().0, columns.weights.as_chunks::<N>().0);
    for (x, (&start, weights)) in columns.starts.iter().zip(weights).enumerate() {
        // All taps are inside the window.
        let Some(pixels) = tall[start as usize..].first_chunk::<N>() else { return };
        let place = if mirrored { width - 1 - x } else { x };
        for channel in 0..STEP {
            let out = &mut out[channel * width + place];
            for i in 0..BAND {
                let mut sum = weights[0] * pixels[0][channel][i];
                for t in 1..N {
                    sum += weights[t] * pixels[t][channel][i];
                }
                out[i] = sum;
            }
        }
    }
}
