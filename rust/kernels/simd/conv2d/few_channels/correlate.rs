//! Correlation for few target channels. Each target channel has one, two or four registers of sums,
//! and each step loads the pixels once for all channels.

// Plain indices: the compiler fully unrolls such loops in its first pass, so that values stay in
// registers. It does not do so for iterators.
#![allow(clippy::needless_range_loop)]

use std::ops::Range;

use crate::kernels::Element;
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::{Kernel, Shuffle, Vector};

/// Largest number of target channels of a [`Correlate`].
pub const MAX_CHANNELS: usize = 8;

/// Largest number of pixel registers that are summed at a time.
const MAX_REGISTERS: usize = 4;

/// Steps of a sum for which the filters are adjacent and the pixels equally spaced.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// Position of the first step in the filters, counted in steps.
    pub filters: usize,
    /// Start of the segment's pixels in the planes, for the first pixel of the target.
    pub pixels: usize,
    /// Elements from the pixels of one step to the pixels of the next.
    pub pixel_step: usize,
    /// Number of steps.
    pub steps: usize,
    /// Row of the tap.
    pub row: isize,
    /// Column of the tap, or of the first tap if there are several.
    pub column: isize,
}

/// The taps that are used for a row of the target.
#[derive(Debug, Clone)]
pub struct Taps {
    /// Use the taps whose row is in this range.
    pub rows: Range<isize>,
    /// Width of the source, and source columns from one pixel of the target to the next. If given,
    /// a call leaves out the taps that are outside the source, on the same side, for all pixels
    /// that it computes. Only for [`Place::Registers`], where a call computes few pixels.
    pub columns: Option<(usize, usize)>,
}

impl Taps {
    /// Rows and columns of the taps that at least one of the pixels `first..end` may need.
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

/// Correlation of planes with the filters of a few channels.
pub struct Correlate<'a, T> {
    channels: usize,
    filters: &'a [T],
    planes: &'a [T],
    /// Elements of the planes from one register of a row to the next.
    register: usize,
    chunks: &'a [Vec<Segment>],
    /// Elements of the planes from the first pixel to the end of the last pixel that a step reads.
    reach: usize,
}

/// Where the sums go.
pub enum Place<'a, T> {
    /// The channels of a pixel are adjacent. The epilogue is applied.
    Woven(&'a mut [T]),
    /// Each channel is a separate plane; the number is the elements from one plane to the next. The
    /// epilogue is not applied.
    Planes(&'a mut [T], usize),
    /// The registers of all channels for the same pixels are adjacent, and are written whole; the
    /// number is the elements from these to the registers of the next pixels. The epilogue is
    /// applied.
    Registers(&'a mut [T], usize),
}

impl<'a, T: Element> Correlate<'a, T> {
    /// Creates a correlation. In `filters`, the channels of a step are adjacent. The segments of a
    /// chunk are summed in registers, in the order of their rows. Then the sums of the chunks are
    /// added in order.
    ///
    /// # Panics
    /// When there are too many channels, or a segment is outside the filters.
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

    /// Computes the sums over `taps` for `pixels` pixels or, with [`Place::Registers`], for
    /// `pixels` registers. The first one starts at `start` in the planes.
    ///
    /// Whole registers are read, so up to [`Correlate::overhang`] elements past the last pixel may
    /// be read.
    ///
    /// # Panics
    /// When pixels are outside the planes, or results are outside `place`.
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

    /// Largest number of elements past the last pixel of a row that may be read.
    pub fn overhang<V: Vector<T>>() -> usize {
        MAX_REGISTERS * V::LANES
    }
}

/// How a call writes its sums.
#[derive(Clone, Copy)]
enum Layout {
    /// As [`Place::Woven`], with the number of pixels.
    Woven(usize),
    /// As [`Place::Planes`], with the elements from one plane to the next.
    Planes(usize),
    /// As [`Place::Registers`], with the elements from the registers of some pixels to the next.
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
        // SAFETY: `new` checked that the segments are within the filters. `row` checked that whole
        // registers of pixels are within the planes, and that the target has room for the results:
        // for all channels of the pixels, or for whole registers of each channel.
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
