//! Two-dimensional pooling, channel by channel: maximum, average, power mean (Lp), and the mean of whole images.
//!
//! Windows may overlap, hang over the border (ceil mode) and reach into padding, which is never chosen and adds nothing.
//!
//! - Maxima, and the gradients of windows that lie side by side, are taken on registers whatever the number of channels
//!   ([`super::simd::max_pool`]).
//! - Of the others: from [`WIDE`] channels on, inner loops run over the channels of a pixel, in SIMD. Forward passes go over output rows; backward
//!   passes over input rows, gathering from the windows that cover each.
//! - Fewer channels do not fill a register: plain loops go over the windows, backward image by image. For the commonest numbers the
//!   compiler knows how many there are ([`by_channels`]) and keeps them in registers.
//!
//! Both sum in row-major order of the windows, so rows and images are independent and every sum has a fixed order.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

pub mod average;
pub mod global;
pub mod lp;
pub mod max;
pub mod unpool;

use super::Element;
use super::error::{Result, expect_len};
use super::geometry::Pool2dGeometry;
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Channels from which loops over them are worth while.
const WIDE: usize = 16;

/// Elements of one item of work: 64 KB of `f32`, or one row if that is longer.
const CHUNK: usize = 16 << 10;

/// Elements of as many whole rows as make one item of work.
fn item_len(row: usize) -> usize {
    (CHUNK / row.max(1)).max(1) * row.max(1)
}

/// Multiply-adds that a pass over all windows counts for.
fn cost(g: &Pool2dGeometry) -> usize {
    g.input_len().max(g.output_len().saturating_mul(g.kernel.0 * g.kernel.1)).saturating_mul(ELEMENT_COST)
}

impl Pool2dGeometry {
    /// Windows down that cover input row `y`.
    fn windows_down(&self, y: usize) -> Range<usize> {
        let place = y + self.padding.top;
        (place + 1).saturating_sub(self.kernel.0).div_ceil(self.stride.0)..(place / self.stride.0 + 1).min(self.out_height)
    }

    /// Elements of a row of the input.
    fn input_row(&self) -> usize {
        self.width * self.channels
    }

    /// Elements of a row of the output.
    fn output_row(&self) -> usize {
        self.out_width * self.channels
    }

    /// Elements of an image of the input.
    fn input_image(&self) -> usize {
        self.height * self.input_row()
    }
}

/// Evaluates the body with a constant of the given name: the number of channels if it is one of a few small ones, else 1, which stands
/// for channels that are taken one by one.
macro_rules! by_channels {
    ($channels:expr, $name:ident => $body:expr) => {
        by_channels!(@ $channels, $name, $body, 2 3 4 6 8 10 12)
    };
    (@ $channels:expr, $name:ident, $body:expr, $($count:literal)*) => {
        match $channels {
            $($count => { const $name: usize = $count; $body })*
            _ => { const $name: usize = 1; $body }
        }
    };
}

/// What becomes of a sum over a window: `finish(Σ term(x))`.
trait WindowSum<T>: Sync {
    fn term(&self, x: T) -> T;
    /// `count` is what the average divides by.
    fn finish(&self, sum: T, count: T) -> T;
}

/// `y = finish(Σ term(x))` over each window, summed in row-major order.
fn sum_windows<T: Element, S: WindowSum<T>>(g: &Pool2dGeometry, x: &[T], count_include_pad: bool, y: &mut [T], sum: &S) -> Result<()> {
    expect_len("x", x.len(), g.input_len())?;
    expect_len("out", y.len(), g.output_len())?;
    let (row, item) = (g.output_row(), item_len(g.output_row()));
    parallel::for_each(y.chunks_mut(item).enumerate(), cost(g), |(i, y)| {
        let lines = y.chunks_exact_mut(row).enumerate().map(|(r, y)| {
            let line = i * (item / row) + r;
            (&x[line / g.out_height * g.input_image()..][..g.input_image()], line % g.out_height, y)
        });
        if g.channels < WIDE {
            by_channels!(g.channels, C => lines.for_each(|(image, oy, y)| sum_row_narrow::<T, S, C>(g, image, oy, count_include_pad, y, sum)));
        } else {
            vectorized!(|| for (image, oy, y) in lines {
                sum_row(g, image, oy, count_include_pad, y, sum);
            });
        }
    })
}

#[inline(always)]
fn sum_row<T: Element, S: WindowSum<T>>(g: &Pool2dGeometry, image: &[T], oy: usize, count_include_pad: bool, y: &mut [T], sum: &S) {
    let rows = g.rows(oy);
    // Row by row, not window by window: memory is then read in one stream, which the prefetcher follows (a third less time).
    for iy in rows.clone() {
        for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
            let columns = g.columns(ox);
            let taps = &image[(iy * g.width + columns.start) * g.channels..(iy * g.width + columns.end) * g.channels];
            if iy == rows.start {
                set_taps(taps, y, sum);
            } else {
                add_taps(taps, y, sum);
            }
        }
    }
    for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
        let count = T::from_f64(g.divisor(oy, ox, count_include_pad) as f64);
        y.iter_mut().for_each(|y| *y = sum.finish(*y, count));
    }
}

/// `y = Σ term(tap)` over the pixels of `taps`.
#[inline(always)]
fn set_taps<T: Element, S: WindowSum<T>>(taps: &[T], y: &mut [T], sum: &S) {
    let (a, rest) = taps.split_at(y.len());
    if rest.is_empty() {
        y.iter_mut().zip(a).for_each(|(y, &a)| *y = sum.term(a));
    } else {
        let (b, rest) = rest.split_at(y.len());
        y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = sum.term(a) + sum.term(b));
        add_taps(rest, y, sum);
    }
}

/// `y += Σ term(tap)` over the pixels of `taps`, two at a time.
#[inline(always)]
fn add_taps<T: Element, S: WindowSum<T>>(taps: &[T], y: &mut [T], sum: &S) {
    let channels = y.len();
    let mut pairs = taps.chunks_exact(2 * channels);
    for pair in &mut pairs {
        let (a, b) = pair.split_at(channels);
        y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = *y + sum.term(a) + sum.term(b));
    }
    y.iter_mut().zip(pairs.remainder()).for_each(|(y, &x)| *y += sum.term(x));
}

/// As [`sum_row`], `C` channels at a time.
fn sum_row_narrow<T: Element, S: WindowSum<T>, const C: usize>(
    g: &Pool2dGeometry,
    image: &[T],
    oy: usize,
    count_include_pad: bool,
    y: &mut [T],
    sum: &S,
) {
    let rows = g.rows(oy);
    for (ox, y) in y.chunks_exact_mut(g.channels).enumerate() {
        let columns = g.columns(ox);
        let count = T::from_f64(g.divisor(oy, ox, count_include_pad) as f64);
        for (part, y) in y.chunks_exact_mut(C).enumerate() {
            let mut totals = [T::ZERO; C];
            for iy in rows.clone() {
                for ix in columns.clone() {
                    let tap = &image[(iy * g.width + ix) * g.channels + part * C..][..C];
                    totals.iter_mut().zip(tap).for_each(|(total, &x)| *total += sum.term(x));
                }
            }
            y.iter_mut().zip(totals).for_each(|(y, total)| *y = sum.finish(total, count));
        }
    }
}

/// Where some pixels of one input row meet one window.
struct Crossing {
    /// Start of the window's channels in the output.
    window: usize,
    /// Row and column of the window.
    place: (usize, usize),
    /// Start of the first pixel's channels in the input.
    start: usize,
    /// Index of the first pixel in its image.
    index: usize,
}

/// What a window gives back to its pixels.
trait WindowGradient<T>: Sync {
    /// Adds to `grad_x`, the pixels of the crossing, or with `SET` overwrites them; returns how many of its elements were chosen
    /// (max-pool).
    fn give<const SET: bool>(&self, g: &Pool2dGeometry, at: &Crossing, grad_x: &mut [T]) -> u32;
}

/// `grad_x (+)= Σ gradient` over the windows that cover each pixel; returns the sum of what `gradient` counted.
fn gather<T: Element, G: WindowGradient<T>>(g: &Pool2dGeometry, accumulate: bool, grad_x: &mut [T], gradient: &G) -> Result<usize> {
    expect_len("out", grad_x.len(), g.input_len())?;
    let (row, item) = (g.input_row(), item_len(g.input_row()));
    let counted = AtomicUsize::new(0);
    parallel::for_each(grad_x.chunks_mut(item).enumerate(), cost(g), |(i, grad_x)| {
        let count = vectorized!(|| {
            let mut count = 0;
            for (r, grad_x) in grad_x.chunks_exact_mut(row).enumerate() {
                count += gather_row(g, i * (item / row) + r, accumulate, grad_x, gradient);
            }
            count
        });
        counted.fetch_add(count, Ordering::Relaxed);
    })?;
    Ok(counted.into_inner())
}

#[inline(always)]
fn gather_row<T: Element, G: WindowGradient<T>>(
    g: &Pool2dGeometry,
    line: usize,
    accumulate: bool,
    grad_x: &mut [T],
    gradient: &G,
) -> usize {
    let (image, iy) = (line / g.height, line % g.height);
    let rows = g.windows_down(iy);
    let (mut count, first) = (0, rows.start);
    // Columns that hold a value already. The others are set, not added to: no pass to clear them.
    let mut held = if accumulate { g.width } else { 0 };
    for oy in rows {
        for ox in 0..g.out_width {
            let columns = g.columns(ox);
            let mut give = |columns: Range<usize>, set: bool| {
                let at = Crossing {
                    window: ((image * g.out_height + oy) * g.out_width + ox) * g.channels,
                    place: (oy, ox),
                    start: (line * g.width + columns.start) * g.channels,
                    index: iy * g.width + columns.start,
                };
                let pixels = &mut grad_x[columns.start * g.channels..columns.end * g.channels];
                count += if set { gradient.give::<true>(g, &at, pixels) } else { gradient.give::<false>(g, &at, pixels) } as usize;
            };
            let middle = held.clamp(columns.start, columns.end);
            if columns.start < middle {
                give(columns.start..middle, false);
            }
            if middle < columns.end {
                give(middle..columns.end, true);
                if held < columns.start {
                    grad_x[held * g.channels..columns.start * g.channels].fill(T::ZERO);
                }
                held = columns.end;
            }
        }
        if oy == first {
            grad_x[held * g.channels..].fill(T::ZERO);
            held = g.width;
        }
    }
    grad_x[held * g.channels..].fill(T::ZERO); // a row that no window covers
    count
}

/// `grad_x (+)= Σ slope(output element, input element, 1 / pixels)` over all windows, image by image: for few channels.
fn scatter<T: Element>(
    g: &Pool2dGeometry,
    count_include_pad: bool,
    accumulate: bool,
    grad_x: &mut [T],
    slope: impl Fn(usize, usize, T) -> T + Sync,
) -> Result<()> {
    expect_len("out", grad_x.len(), g.input_len())?;
    parallel::for_each(grad_x.chunks_mut(g.input_image()).enumerate(), cost(g), |(image, grad_x)| {
        if !accumulate {
            grad_x.fill(T::ZERO);
        }
        by_channels!(g.channels, C => scatter_image::<T, C>(g, count_include_pad, image, grad_x, &slope));
    })
}

fn scatter_image<T: Element, const C: usize>(
    g: &Pool2dGeometry,
    count_include_pad: bool,
    image: usize,
    grad_x: &mut [T],
    slope: &impl Fn(usize, usize, T) -> T,
) {
    let (start, mut element) = (image * g.input_image(), image * g.out_height * g.output_row());
    for oy in 0..g.out_height {
        let rows = g.rows(oy);
        for ox in 0..g.out_width {
            let columns = g.columns(ox);
            let share = T::ONE / T::from_f64(g.divisor(oy, ox, count_include_pad) as f64);
            for part in (0..g.channels).step_by(C) {
                for iy in rows.clone() {
                    for ix in columns.clone() {
                        let at = (iy * g.width + ix) * g.channels + part;
                        for (c, grad_x) in grad_x[at..][..C].iter_mut().enumerate() {
                            *grad_x += slope(element + c, start + at + c, share);
                        }
                    }
                }
                element += C;
            }
        }
    }
}

#[cfg(test)]
mod tests;
