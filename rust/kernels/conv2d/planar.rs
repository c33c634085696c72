//! Correlation with few target channels: registers hold pixels of a row instead of channels.
//!
//! With one to eight target channels, registers of channels would stay almost empty: the gradient of an image with three channels, or a
//! first layer of six filters. Here the source rows of a band are transposed into planes, one for each channel, so that pixels
//! lie side by side; each target channel of a row is then a sum of shifted rows of the planes, and the channels are woven together at
//! the end. The gradient of the weights multiplies the planes of the input with those of the output's gradient.

use std::ops::Range;

use super::correlation::{Correlation, Sweep, Tap};
use super::direct_weight::combine;
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, with_scratch};
use crate::kernels::parallel;
use crate::kernels::rehearsal;
use crate::kernels::simd::gemm::{Finish, ROW_PADDING};
use crate::kernels::simd::pack::transpose;
use crate::kernels::simd::planar::{MAX_CHANNELS, MAX_TAPS, Place, Products, Segment, Sums, filters_at_once};
use crate::kernels::simd::{Kernel, Vector};

/// Fewest pixels of a row for which it beats registers of channels.
const MIN_PIXELS: usize = 8;

/// Shares of a gradient of the weights, at most.
const SHARES: usize = 8;

/// Registers of pixels of one band whose products are summed before they join the rest, at most: bounds the rounding error.
const BAND_REGISTERS: usize = 256;

/// Elements of the widest register.
const MAX_LANES: usize = 16;

/// Whether the forward pass can be computed so: pixels must lie side by side.
pub fn takes_forward(g: &Conv2dGeometry) -> bool {
    g.groups == 1 && g.window.stride.1 == 1
}

/// Whether the gradient of the input can be computed so.
pub fn takes_backward_input(g: &Conv2dGeometry) -> bool {
    g.groups == 1
}

/// Whether it pays for rows of `width` pixels of `channels`.
pub fn pays(channels: usize, width: usize) -> bool {
    channels <= MAX_CHANNELS && width >= MIN_PIXELS
}

/// `target (+)= source * weight` by the sweeps of `plan`, finished as asked. `gate` lets through the source where it is positive.
///
/// # Errors
/// Out of memory; interrupted.
pub fn run<T: Element>(
    plan: &Correlation,
    source: &[T],
    gate: Option<&[T]>,
    weight: &[T],
    target: &mut [T],
    finish: &Finish<'_, T>,
) -> Result<()> {
    let source_len = plan.source.iter().product::<usize>();
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(plan, weight, filters);
        let filters = &*filters;
        parallel::try_for_each(plan.bands(target).into_iter(), plan.multiply_adds, |(image, first_row, target)| {
            let part = image * source_len..(image + 1) * source_len;
            let (source, gate) = (&source[part.clone()], gate.map(|gate| &gate[part]));
            T::dispatch(Band { plan, source, gate, filters, target, first_row, finish })
        })
    })?
}

/// The columns from `first` on that are summed at a time.
fn group(plan: &Correlation, first: usize) -> Range<usize> {
    first..plan.columns.min(first + MAX_CHANNELS)
}

/// The filters of each group of columns, `[filter, depth, column]`.
fn arrange<T: Element>(plan: &Correlation, weight: &[T], filters: &mut [T]) {
    let (depth, columns) = (plan.depth, plan.columns);
    let steps = weight.len() / columns;
    for first in (0..columns).step_by(MAX_CHANNELS) {
        let group = group(plan, first);
        let rows = filters[steps * first..steps * group.end].chunks_exact_mut(group.len());
        for (step, row) in rows.enumerate() {
            for (value, column) in row.iter_mut().zip(group.clone()) {
                *value = if plan.turned {
                    weight[(step / depth * columns + column) * depth + step % depth]
                } else {
                    weight[step * columns + column]
                };
            }
        }
    }
}

/// A band of target rows of one image.
struct Band<'a, T> {
    plan: &'a Correlation,
    source: &'a [T],
    gate: Option<&'a [T]>,
    filters: &'a [T],
    target: &'a mut [T],
    first_row: usize,
    finish: &'a Finish<'a, T>,
}

/// The part of an image that a band sees, a plane for each channel: pixel (`top` + y, `left` + x) of channel `c` is element
/// `c * plane + y * row + x`. Zero outside the image.
#[derive(Clone, Copy)]
struct Planes {
    top: isize,
    /// The highest tap: `top` is where it reads for the band's first row.
    above: isize,
    left: isize,
    rows: usize,
    columns: usize,
    row: usize,
    plane: usize,
}

impl Planes {
    /// What the first `rows` rows of each sweep from row `first` on see.
    #[inline(always)]
    fn new(plan: &Correlation, first: usize, rows: usize) -> Self {
        let taps = || plan.sweeps.iter().flat_map(|sweep| &sweep.taps);
        let wide = plan.sweeps.iter().map(|sweep| sweep.size.1).max().unwrap_or(0);
        let (above, left) = (taps().map(|tap| tap.row).min().unwrap_or(0), taps().map(|tap| tap.column).min().unwrap_or(0));
        let (below, right) = (taps().map(|tap| tap.row).max().unwrap_or(0), taps().map(|tap| tap.column).max().unwrap_or(0));
        let tall = rows.saturating_sub(1) * plan.step.0 + (below - above) as usize + 1;
        let columns = wide.saturating_sub(1) * plan.step.1 + (right - left) as usize + 1;
        Self::of((first * plan.step.0) as isize + above, above, left, (tall, columns))
    }

    /// Rows of so many columns, with what a whole register reads past the last.
    #[inline(always)]
    fn of(top: isize, above: isize, left: isize, (rows, columns): (usize, usize)) -> Self {
        let row = (columns + MAX_LANES - 1).next_multiple_of(ROW_PADDING);
        // An odd number of cache lines: planes do not fall on the same cache sets.
        let plane = (rows * row).next_multiple_of(2 * ROW_PADDING) + ROW_PADDING;
        Self { top, above, left, rows, columns, row, plane }
    }

    /// Elements of the planes of so many channels, and of what may be read past them.
    #[inline(always)]
    fn len<T: Element, V: Vector<T>>(&self, channels: usize) -> usize {
        self.plane * channels + Sums::<T>::overhang::<V>()
    }

    /// Transposes the rows of an image, `shape` and let through where the gate is positive, into planes; `gated` holds such a row.
    #[inline(always)]
    fn fill<T: Element, V: Vector<T>>(&self, image: &[T], gate: Option<&[T]>, gated: &mut [T], shape: [usize; 3], pixels: &mut [T]) {
        let [height, width, channels] = shape;
        // Columns begin..end of a row of the planes lie inside the image.
        let begin = (-self.left).clamp(0, self.columns as isize) as usize;
        let end = (width as isize - self.left).clamp(begin as isize, self.columns as isize) as usize;
        for row in 0..self.rows {
            let place = row * self.row;
            let y = self.top + row as isize;
            let inside = (0..height as isize).contains(&y) && begin < end;
            let (begin, end) = if inside { (begin, end) } else { (self.row, self.row) };
            for channel in 0..channels {
                let line = &mut pixels[channel * self.plane + place..][..self.row];
                line[..begin].fill(T::ZERO);
                line[end..].fill(T::ZERO);
            }
            if !inside {
                continue;
            }
            let start = y as usize * width * channels;
            let mut line = &image[start..start + width * channels];
            if let Some(gate) = gate {
                for ((value, &grad), &gate) in gated.iter_mut().zip(line).zip(&gate[start..]) {
                    *value = if gate > T::ZERO { grad } else { T::ZERO };
                }
                line = gated;
            }
            let first = (begin as isize + self.left) as usize;
            transpose::<T, V>(&line[first * channels..], channels, (end - begin, channels), &mut pixels[place + begin..], self.plane);
        }
    }
}

impl<T: Element> Kernel<T> for Band<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let Self { plan, source, gate, filters, target, first_row, finish } = self;
        let [_, width, channels] = plan.target;
        let rows = target.len() / (width * channels);
        let first = first_row / plan.spread.0;
        let planes = Planes::new(plan, first, rows.div_ceil(plan.spread.0));
        let mut pixels = Scratch::<T>::take(planes.len::<T, V>(plan.depth))?;
        let stride = plan.target[1].next_multiple_of(MAX_LANES) + Sums::<T>::overhang::<V>();
        let woven = plan.spread.1 == 1 && channels <= MAX_CHANNELS && !finish.accumulate;
        let mut sums = Scratch::<T>::take(if woven { 0 } else { MAX_CHANNELS * stride })?;
        let mut gated = Scratch::<T>::take(if gate.is_some() { plan.source[1] * plan.source[2] } else { 0 })?;
        rehearsal::nothing_more_is_taken()?;
        planes.fill::<T, V>(source, gate, &mut gated, plan.source, &mut pixels);
        for sweep in &plan.sweeps {
            let chunks = chunks(plan, sweep, &planes);
            for column in (0..channels).step_by(MAX_CHANNELS) {
                let group = group(plan, column);
                let steps = filters.len() / channels;
                let filters = &filters[steps * group.start..steps * group.end];
                let correlation = Sums::new(group.len(), filters, &pixels, &chunks);
                for row in 0..rows.saturating_sub(sweep.first.0).div_ceil(plan.spread.0) {
                    let start = row * plan.step.0 * planes.row;
                    // Rows outside the image are left out.
                    let above = -(((first + row) * plan.step.0) as isize);
                    let taps = above..above + plan.source[0] as isize;
                    let place = (sweep.first.0 + row * plan.spread.0) * width + sweep.first.1;
                    let line = &mut target[place * channels..];
                    if woven {
                        correlation.row::<V>(start, taps, sweep.size.1, finish, Place::Woven(line));
                    } else {
                        correlation.row::<V>(start, taps, sweep.size.1, finish, Place::Planes(&mut sums, stride));
                        scatter(&sums, stride, sweep.size.1, group.clone(), finish, line, (channels, plan.spread.1 * channels));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Finishes the channels of `group` of some pixels, `spread` apart: channel `i` of them is row `i` of `sums`.
#[inline(always)]
fn scatter<T: Element>(
    sums: &[T],
    stride: usize,
    pixels: usize,
    group: Range<usize>,
    finish: &Finish<'_, T>,
    target: &mut [T],
    (channels, spread): (usize, usize),
) {
    let Finish { accumulate, bias, relu } = *finish;
    for (i, pixel) in target.chunks_mut(spread).take(pixels).enumerate() {
        for (column, value) in group.clone().zip(&mut pixel[..channels][group.clone()]) {
            let mut sum = sums[(column - group.start) * stride + i];
            if accumulate {
                sum = *value + sum;
            }
            if let Some(bias) = bias {
                sum += bias[column];
            }
            *value = if relu { T::ZERO.max_propagating(sum) } else { sum };
        }
    }
}

/// Cuts the taps of a sweep into chunks of at most [`CHUNK`] steps.
#[inline(always)]
fn chunks(plan: &Correlation, sweep: &Sweep, planes: &Planes) -> Vec<Vec<Segment>> {
    let mut chunks: Vec<Vec<Segment>> = vec![Vec::new()];
    let mut steps_so_far = 0;
    let mut add = |segment: Segment| {
        if steps_so_far + segment.steps > CHUNK {
            chunks.push(Vec::new());
            steps_so_far = 0;
        }
        steps_so_far += segment.steps;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(segment);
        }
    };
    let place = |tap: &Tap| (tap.row - planes.above) as usize * planes.row + (tap.column - planes.left) as usize;
    // A grey image: the steps of a segment are the taps of a row instead of the channels of a tap.
    let by_rows = plan.depth == 1 && !plan.turned;
    for taps in sweep.taps.chunk_by(|a, b| by_rows && a.row == b.row) {
        let first = &taps[0];
        if by_rows {
            let gap = taps.get(1).map_or(1, |second| (second.column - first.column) as usize);
            add(Segment { filters: first.filter, pixels: place(first), pixel_step: gap, steps: taps.len(), row: first.row });
            continue;
        }
        let parts = plan.depth.div_ceil(CHUNK);
        for part in 0..parts {
            let (from, to) = (part * plan.depth / parts, (part + 1) * plan.depth / parts);
            add(Segment {
                filters: first.filter * plan.depth + from,
                pixels: from * planes.plane + place(first),
                pixel_step: planes.plane,
                steps: to - from,
                row: first.row,
            });
        }
    }
    chunks
}

/// Whether the gradient of the weights can be computed so.
pub fn takes_backward_weight(g: &Conv2dGeometry) -> bool {
    g.groups == 1 && g.window.stride.1 == 1
}

/// The gradient of the weights: the products of the input's planes, shifted by each tap, with those of the output's gradient.
///
/// # Errors
/// Out of memory; interrupted.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    grad_y: &[T],
    gate: Option<&[T]>,
    x: &[T],
    accumulate: bool,
    grad_weight: &mut [T],
) -> Result<()> {
    let plan = Correlation::forward(g);
    let rows = (BAND_REGISTERS * MAX_LANES / g.out_width.next_multiple_of(MAX_LANES)).clamp(1, g.out_height);
    let bands = g.batch * g.out_height.div_ceil(rows);
    let (len, shares) = (g.weight_len(), SHARES.min(bands).max(1));
    with_scratch(len * shares, |partials: &mut [T]| {
        parallel::try_for_each(partials.chunks_mut(len).enumerate(), g.multiply_adds(), |(share, partial)| {
            let bands = share * bands / shares..(share + 1) * bands / shares;
            T::dispatch(Share { g, plan: &plan, grad_y, gate, x, rows, bands, partial })
        })?;
        combine(partials, len, accumulate, grad_weight)
    })?
}

/// A fixed set of bands, summed into one partial gradient.
struct Share<'a, T> {
    g: &'a Conv2dGeometry,
    plan: &'a Correlation,
    grad_y: &'a [T],
    gate: Option<&'a [T]>,
    x: &'a [T],
    /// Rows of a band.
    rows: usize,
    bands: Range<usize>,
    partial: &'a mut [T],
}

impl<T: Element> Kernel<T> for Share<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let Self { g, plan, grad_y, gate, x, rows, bands, partial } = self;
        let (depth, columns, kernel_w) = (g.in_channels, g.out_channels, g.kernel_w);
        let (gap, gap_down) = (g.window.dilation.1, g.window.dilation.0);
        let at_once = filters_at_once::<T, V>();
        // A register of sums for each element of the gradient, in the order in which they are made.
        let mut sums = Scratch::<T>::take(partial.len() * V::LANES)?;
        let (tallest, widest) = (Planes::new(plan, 0, rows), Planes::of(0, 0, 0, (rows, g.out_width)));
        let mut pixels = Scratch::<T>::take(tallest.len::<T, V>(depth))?;
        let mut gradients = Scratch::<T>::take(widest.len::<T, V>(columns))?;
        let mut gated = Scratch::<T>::take(if gate.is_some() { g.out_width * columns } else { 0 })?;
        rehearsal::nothing_more_is_taken()?;
        sums.fill(T::ZERO);
        let per_image = g.out_height.div_ceil(rows);
        for band in bands {
            let (image, first) = (band / per_image, band % per_image * rows);
            let count = rows.min(g.out_height - first);
            let planes = Planes::new(plan, first, count);
            let image_of = |array: &'_ [T], shape: [usize; 3]| image * shape.iter().product::<usize>()..array.len();
            planes.fill::<T, V>(&x[image_of(x, plan.source)], None, &mut [], plan.source, &mut pixels);
            let turned = Planes::of(first as isize, 0, 0, (count, g.out_width));
            let part = image_of(grad_y, plan.target);
            turned.fill::<T, V>(&grad_y[part.clone()], gate.map(|gate| &gate[part]), &mut gated, plan.target, &mut gradients);
            let mut rest = &mut *sums;
            for (row, channel) in (0..g.kernel_h).flat_map(|row| (0..depth).map(move |channel| (row, channel))) {
                for tap in (0..kernel_w).step_by(MAX_TAPS) {
                    for filter in (0..columns).step_by(at_once) {
                        let count_of = (MAX_TAPS.min(kernel_w - tap), at_once.min(columns - filter));
                        let (here, after) = rest.split_at_mut(count_of.0 * count_of.1 * V::LANES);
                        rest = after;
                        Products {
                            x: &pixels[channel * planes.plane + row * gap_down * planes.row + tap * gap..],
                            x_row: g.window.stride.0 * planes.row,
                            gap,
                            gradient: &gradients[filter * turned.plane..],
                            row: turned.row,
                            plane: turned.plane,
                            size: (count, g.out_width),
                            count: count_of,
                            sums: here,
                        }
                        .add::<V>();
                    }
                }
            }
        }
        let mut registers = sums.chunks_exact(V::LANES);
        for (row, channel) in (0..g.kernel_h).flat_map(|row| (0..depth).map(move |channel| (row, channel))) {
            for tap in (0..kernel_w).step_by(MAX_TAPS) {
                for filter in (0..columns).step_by(at_once) {
                    for tap in tap..kernel_w.min(tap + MAX_TAPS) {
                        for filter in filter..columns.min(filter + at_once) {
                            let register = registers.next().unwrap_or_default();
                            let at = ((row * kernel_w + tap) * depth + channel) * columns + filter;
                            partial[at] = register.iter().fold(T::ZERO, |sum, &value| sum + value);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
