//! Pooling of few channels: images are interleaved, one for each lane of a register, into one image
//! with many channels.
//!
//! With six channels most lanes of a register would stay empty. Strips of rows are transposed, so
//! that the values of all images at one place are adjacent, pooled like any other image, and
//! transposed back.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::kernels::Element;
use crate::kernels::dry_run;
use crate::kernels::error::Result;
use crate::kernels::geometry::{Padding, Pool2dGeometry};
use crate::kernels::memory::{Scratch, TileMut};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::lanes;
use crate::kernels::simd::matmul::pack::{turn, turn_indices};
use crate::kernels::simd::pool2d::backward::Band;
use crate::kernels::simd::pool2d::forward::LONGEST_WINDOW;

/// Bytes of input that a strip may take: with its output it stays in the second-level cache.
const STRIP_BYTES: usize = 192 << 10;

/// Bytes of the rows of one window above which transposing them costs more than it saves.
const WINDOW_BYTES: usize = 512 << 10;

/// How the images at the head of a batch are worked on together.
#[derive(Debug, Clone, Copy)]
pub struct Interleaving {
    /// Images that are worked on together: the lanes of a register.
    lanes: usize,
    /// Images in all, a multiple of `lanes`; the rest of the batch is not touched.
    pub images: usize,
    /// Output rows of a strip.
    rows: usize,
}

impl Interleaving {
    /// Where it pays; by the shape alone.
    pub fn new<T: Element>(g: &Pool2dGeometry) -> Option<Self> {
        let lanes = lanes::<T>();
        if g.batch < lanes {
            return None;
        }
        let row_bytes = g.input_row() * lanes * size_of::<T>();
        let pays = g.channels < lanes && g.input_row() >= lanes && g.output_row() >= lanes;
        let short = g.kernel.0.saturating_mul(g.width) < LONGEST_WINDOW
            && g.kernel.0.saturating_mul(row_bytes) <= WINDOW_BYTES;
        let rows = (STRIP_BYTES / row_bytes / g.stride.0).clamp(1, g.out_height.max(1));
        (pays && short && g.padding == Padding::default()).then(|| Self {
            lanes,
            images: g.batch / lanes * lanes,
            rows,
        })
    }

    /// `count` output rows from row `first` on, of all images as channels of one; and the first
    /// input row that they see.
    fn strip(&self, g: &Pool2dGeometry, first: usize, count: usize) -> (Pool2dGeometry, usize) {
        let start = first * g.stride.0;
        let height = ((count - 1) * g.stride.0 + g.kernel.0).min(g.height - start);
        (
            Pool2dGeometry {
                batch: 1,
                height,
                channels: g.channels * self.lanes,
                out_height: count,
                ..*g
            },
            start,
        )
    }

    /// Pools the images: `pool(strip, x, first, y, argmax)` does a strip that begins at output row
    /// `first`.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn forward<T: Element>(
        &self,
        g: &Pool2dGeometry,
        x: &[T],
        y: &mut [T],
        argmax: Option<&mut [i32]>,
        pool: impl Fn(&Pool2dGeometry, &[T], usize, &mut [T], &mut [i32]) + Sync,
    ) -> Result<()> {
        let (row, image) = (g.output_row(), g.out_height * g.output_row());
        let mut places = argmax.map(|argmax| {
            TileMut::new(argmax, self.images, image, image).into_parts(self.lanes, self.rows * row)
        });
        let strips =
            TileMut::new(y, self.images, image, image).into_parts(self.lanes, self.rows * row);
        let strips = strips.map(|strip| (strip, places.as_mut().and_then(Iterator::next)));
        let strips: Vec<_> = strips.collect();
        parallel::try_for_each(
            strips.into_iter(),
            super::cost(g),
            |((first_image, at, mut target), places)| {
                let (first, len) = (at / row, target.cols() * self.lanes);
                let (strip, start) = self.strip(g, first, target.cols() / row);
                let mut source = Scratch::<T>::take(strip.input_len())?;
                let mut pooled = Scratch::<T>::take(len)?;
                let mut chosen = Scratch::<i32>::take(if places.is_some() { len } else { 0 })?;
                dry_run::scratch_complete()?;
                let from = &x[first_image * g.input_image() + start * g.input_row()..];
                let mut lines =
                    TileMut::new(&mut source, strip.height * g.input_row(), self.lanes, self.lanes);
                turn(from, g.input_image(), &mut lines);
                pool(&strip, &source, first, &mut pooled, &mut chosen);
                turn(&pooled, self.lanes, &mut target);
                if let Some((_, _, mut places)) = places {
                    let before = (start * g.width) as i32;
                    chosen.iter_mut().for_each(|index| *index += before);
                    turn_indices(&chosen, self.lanes, &mut places);
                }
                Ok(())
            },
        )
    }

    /// Overwrites the gradient of the images, whose windows must not overlap. `at_pixel(strip,
    /// grad_output, argmax, first, bands)` does the rows of windows of a strip that begins at
    /// output row `first`, and returns a number. Returns the sum of these numbers.
    ///
    /// # Errors
    /// Out of memory; interrupted.
    pub fn backward<T: Element>(
        &self,
        g: &Pool2dGeometry,
        grad_output: &[T],
        argmax: Option<&[i32]>,
        grad_input: &mut [T],
        at_pixel: impl Fn(&Pool2dGeometry, &[T], &[i32], usize, &mut [Band<'_, T>]) -> usize + Sync,
    ) -> Result<usize> {
        let (row, image, out_image) =
            (g.input_row(), g.input_image(), g.out_height * g.output_row());
        let strips = TileMut::new(grad_input, self.images, image, image)
            .into_parts(self.lanes, self.rows * g.stride.0 * row);
        let met = AtomicUsize::new(0);
        parallel::try_for_each(strips, super::cost(g), |(first_image, at, mut target)| {
            let (start, height) = (at / row, target.cols() / row);
            let first = start / g.stride.0;
            let count = height.div_ceil(g.stride.0).min(g.out_height.saturating_sub(first));
            let strip = Pool2dGeometry {
                batch: 1,
                height,
                channels: g.channels * self.lanes,
                out_height: count,
                ..*g
            };
            let mut gradient = Scratch::<T>::take(strip.output_len())?;
            let mut chosen =
                Scratch::<i32>::take(if argmax.is_some() { strip.output_len() } else { 0 })?;
            let mut spread = Scratch::<T>::take(strip.input_len())?;
            dry_run::scratch_complete()?;
            if count > 0 {
                let from = first_image * out_image + first * g.output_row();
                let lines = count * g.output_row();
                turn(
                    &grad_output[from..],
                    out_image,
                    &mut TileMut::new(&mut gradient, lines, self.lanes, self.lanes),
                );
                if let Some(argmax) = argmax {
                    turn_indices(
                        &argmax[from..],
                        out_image,
                        &mut TileMut::new(&mut chosen, lines, self.lanes, self.lanes),
                    );
                    let before = (start * g.width) as i32;
                    chosen.iter_mut().for_each(|index| *index = index.wrapping_sub(before));
                }
            }
            let mut bands: Vec<_> = spread
                .chunks_mut(g.kernel.0 * strip.input_row())
                .enumerate()
                .map(|(oy, band)| (0, oy, band))
                .collect();
            met.fetch_add(
                at_pixel(&strip, &gradient, &chosen, first, &mut bands),
                Ordering::Relaxed,
            );
            turn(&spread, self.lanes, &mut target);
            Ok(())
        })?;
        Ok(met.into_inner())
    }
}
