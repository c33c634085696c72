//! The correlation: each target channel a register (or two, or four) of sums, each step one load of
//! pixels for all of them.

// Plain indices: the compiler unrolls such loops whole in its first pass, so that values stay in
// registers; iterators it does not.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::{Kernel, Shuffle, Vector};

/// Most target channels of one [`Correlate`].
pub const MAX_CHANNELS: usize = 8;

/// Most registers of pixels that are summed at a time.
const MAX_REGISTERS: usize = 4;

/// Steps of a sum for which filters lie side by side, and pixels at equal distances.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// First step of the filters.
    pub filters: usize,
    /// Where its pixels start in the planes, for the first pixel of the target.
    pub pixels: usize,
    /// Elements from the pixels of one step to those of the next.
    pub pixel_step: usize,
    /// Steps.
    pub steps: usize,
    /// Row of the tap.
    pub row: isize,
    /// Column of the tap; of the first, if there are several.
    pub column: isize,
}

/// The taps that count in a row of the target.
#[derive(Debug, Clone)]
pub struct Taps {
    /// Those whose row is one of these.
    pub rows: Range<isize>,
    /// With the width of the source, and its columns from one pixel of the target to the next:
    /// where a call computes pixels for which a tap reads beside the source, that tap is left
    /// out. Only for [`Place::Registers`], where a call's pixels are few.
    pub columns: Option<(usize, usize)>,
}

impl Taps {
    /// Rows and columns of the taps that some of the pixels `first..end` need.
    #[inline(always)]
    fn needed(&self, first: usize, end: usize) -> (Range<isize>, Range<isize>) {
        let columns = match self.columns {
            None => isize::MIN..isize::MAX,
            Some((width, step)) => {
                -(((end - 1) * step) as isize)..width as isize - (first * step) as isize
            }
        };
        (self.rows.clone(), columns)
    }
}

/// Correlations of planes with the filters of a few channels.
pub struct Correlate<'a, T> {
    channels: usize,
    filters: &'a [T],
    planes: &'a [T],
    /// Elements of the planes from one register of a row to the next.
    register: usize,
    chunks: &'a [Vec<Segment>],
    /// Elements of the planes that the steps reach beyond the first pixel.
    reach: usize,
}

/// Where the sums go.
pub enum Place<'a, T> {
    /// The channels of a pixel side by side, finished.
    Woven(&'a mut [T]),
    /// Each channel for itself, so many elements apart, as they are.
    Planes(&'a mut [T], usize),
    /// The channels of a register side by side, whole and finished; registers so many elements
    /// apart.
    Registers(&'a mut [T], usize),
}

impl<'a, T: Element> Correlate<'a, T> {
    /// `filters` holds the channels of a step side by side. The segments of a chunk, in the order
    /// of their rows, are added up in registers; then the chunks are added.
    ///
    /// # Panics
    /// When there are too many channels, or a segment lies outside the filters.
    pub fn new(
        channels: usize,
        filters: &'a [T],
        planes: &'a [T],
        register: usize,
        chunks: &'a [Vec<Segment>],
    ) -> Self {
        assert!((1..=MAX_CHANNELS).contains(&channels));
        let segments = || chunks.iter().flatten().filter(|segment| segment.steps > 0);
        assert!(
            segments().all(|segment| (segment.filters + segment.steps) * channels <= filters.len()),
            "filters outside their slice"
        );
        let reach = segments()
            .map(|segment| segment.pixels + (segment.steps - 1) * segment.pixel_step + 1)
            .max()
            .unwrap_or(0);
        Self { channels, filters, planes, register, chunks, reach }
    }

    /// The sums of `pixels` pixels (or, with [`Place::Registers`], registers), the first of which
    /// is at `start` of the planes, over `taps`.
    ///
    /// Whole registers are read: of pixels, up to [`Correlate::overhang`] elements past the last.
    ///
    /// # Panics
    /// When pixels lie outside the planes, or results outside their place.
    #[inline(always)]
    pub fn row<V: Vector<T>>(
        &self,
        start: usize,
        taps: &Taps,
        pixels: usize,
        finish: &Epilogue<'_, T>,
        mut place: Place<'_, T>,
    ) {
        let most = (2 * V::ROWS / self.channels).min(MAX_REGISTERS);
        let all =
            if matches!(place, Place::Registers(..)) { pixels } else { pixels.div_ceil(V::LANES) };
        let mut first = 0;
        while first < all {
            let registers = match (all - first).min(most) {
                4.. => 4,
                few => few.min(2),
            };
            let reach = (first + registers - 1) * self.register + V::LANES;
            assert!(
                start + reach + self.reach <= self.planes.len() + 1,
                "pixels outside their planes"
            );
            let pixel = first * V::LANES;
            let count = (registers * V::LANES).min(pixels.saturating_sub(pixel));
            let (to, layout) = match &mut place {
                Place::Woven(target) => (
                    &mut target[pixel * self.channels..(pixel + count) * self.channels],
                    Layout::Woven(count),
                ),
                Place::Planes(target, stride) => {
                    assert!(
                        *stride >= pixel + registers * V::LANES
                            && target.len() >= self.channels * *stride
                    );
                    (&mut target[pixel..], Layout::Planes(*stride))
                }
                Place::Registers(target, step) => {
                    let end = (first + registers - 1) * *step + self.channels * V::LANES;
                    (&mut target[first * *step..end], Layout::Registers(*step))
                }
            };
            let start = start + first * self.register;
            let (rows, columns) = taps.needed(first, first + registers);
            let call =
                Call { sums: self, start, rows, columns, finish, to: to.as_mut_ptr(), layout };
            macro_rules! by_size {
                ($($channels:literal)*) => {
                    match (self.channels, registers) {
                        $(($channels, 1) => V::call(Registers::<T, $channels, 1>(call)),
                        ($channels, 2) => V::call(Registers::<T, $channels, 2>(call)),
                        ($channels, _) => V::call(Registers::<T, $channels, 4>(call)),)*
                        _ => unreachable!("as many channels as `new` let through"),
                    }
                };
            }
            by_size!(1 2 3 4 5 6 7 8);
            first += registers;
        }
    }

    /// Elements past the last pixel of a row that may be read.
    pub fn overhang<V: Vector<T>>() -> usize {
        MAX_REGISTERS * V::LANES
    }
}

/// How a call writes its sums.
#[derive(Clone, Copy)]
enum Layout {
    /// As [`Place::Woven`], so many pixels.
    Woven(usize),
    /// As [`Place::Planes`], so many elements apart.
    Planes(usize),
    /// As [`Place::Registers`], so many elements apart.
    Registers(usize),
}

struct Call<'a, 's, T> {
    sums: &'a Correlate<'s, T>,
    start: usize,
    rows: Range<isize>,
    columns: Range<isize>,
    finish: &'a Epilogue<'s, T>,
    to: *mut T,
    layout: Layout,
}

struct Registers<'a, 's, T, const CHANNELS: usize, const REGISTERS: usize>(Call<'a, 's, T>);

impl<T: Element, const CHANNELS: usize, const REGISTERS: usize> Kernel<T>
    for Registers<'_, '_, T, CHANNELS, REGISTERS>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Shuffle<T>>(self) {
        let Call {
            sums: &Correlate { filters, planes, register, chunks, .. },
            start,
            rows,
            columns,
            finish,
            to,
            layout,
        } = self.0;
        let mut totals = [[V::zero(); REGISTERS]; CHANNELS];
        // SAFETY: `new` saw that the segments lie within the filters, `row` that whole registers of
        // pixels lie within the planes and that the results have room: so many pixels of
        // all channels, or whole registers of each channel.
        unsafe {
            for (i, chunk) in chunks.iter().enumerate() {
                let mut sums = [[V::zero(); REGISTERS]; CHANNELS];
                for segment in chunk {
                    if !rows.contains(&segment.row) || !columns.contains(&segment.column) {
                        continue;
                    }
                    let mut filter = filters.as_ptr().add(segment.filters * CHANNELS);
                    let mut from = planes.as_ptr().add(start + segment.pixels);
                    for _ in 0..segment.steps {
                        let mut pixels = [V::zero(); REGISTERS];
                        for r in 0..REGISTERS {
                            pixels[r] = V::load(from.add(r * register));
                        }
                        for c in 0..CHANNELS {
                            let value = V::splat(*filter.add(c));
                            for r in 0..REGISTERS {
                                sums[c][r] = value.mul_add(pixels[r], sums[c][r]);
                            }
                        }
                        filter = filter.wrapping_add(CHANNELS);
                        from = from.wrapping_add(segment.pixel_step);
                    }
                }
                for c in 0..CHANNELS {
                    for r in 0..REGISTERS {
                        totals[c][r] =
                            if i == 0 { sums[c][r] } else { totals[c][r].add(sums[c][r]) };
                    }
                }
            }
            if let Layout::Planes(stride) = layout {
                for c in 0..CHANNELS {
                    for r in 0..REGISTERS {
                        totals[c][r].store(to.add(c * stride + r * V::LANES));
                    }
                }
                return;
            }
            if let Some(bias) = finish.bias {
                for c in 0..CHANNELS {
                    let bias = V::splat(bias[c]);
                    for r in 0..REGISTERS {
                        totals[c][r] = totals[c][r].add(bias);
                    }
                }
            }
            if finish.relu {
                for c in 0..CHANNELS {
                    for r in 0..REGISTERS {
                        totals[c][r] = totals[c][r].relu();
                    }
                }
            }
            if let Layout::Registers(step) = layout {
                for r in 0..REGISTERS {
                    for c in 0..CHANNELS {
                        totals[c][r].store(to.add(r * step + c * V::LANES));
                    }
                }
                return;
            }
            let Layout::Woven(count) = layout else { return };
            for r in 0..REGISTERS {
                let mut pixels = [V::zero(); CHANNELS];
                for c in 0..CHANNELS {
                    pixels[c] = totals[c][r];
                }
                V::store_interleaved(
                    pixels,
                    to.add(r * V::LANES * CHANNELS),
                    (count - r * V::LANES).min(V::LANES),
                );
            }
        }
    }
}
