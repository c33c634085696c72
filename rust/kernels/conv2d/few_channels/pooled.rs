//! The forward pass of groups of images with a fused 2×2 max-pooling.

use super::band::Band;
use super::planes::Lanes;
use super::{Borders, Piece, arrange, images_together, rows_of_group};
use crate::kernels::Element;
use crate::kernels::conv2d::method::{Filters, MaxPooled};
use crate::kernels::conv2d::sweeps::Sweeps;
use crate::kernels::error::Result;
use crate::kernels::geometry::{Conv2dGeometry, Padding, Pool2dGeometry};
use crate::kernels::memory::{Scratch, TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, lanes};
use crate::kernels::simd::pool2d::forward::max_rows;

impl<T: Element> MaxPooled<T> for super::FewChannels {
    fn images(&self, g: &Conv2dGeometry, _prepared: bool) -> usize {
        images_together::<T>(g, true)
    }

    fn forward(
        &self,
        g: &Conv2dGeometry,
        x: &[T],
        filters: Filters<'_, T>,
        epilogue: &Epilogue<'_, T>,
        y: &mut [T],
    ) -> Result<()> {
        run_pooled(g, Borders::RowsLeftOut, x, filters.unpacked(), y, epilogue)
    }
}

/// The forward pass with a fused 2×2 max-pooling, for a batch of [`images_together`].
///
/// # Errors
/// Out of memory; interrupted.
pub fn run_pooled<T: Element>(
    g: &Conv2dGeometry,
    borders: Borders,
    x: &[T],
    weight: &[T],
    y: &mut [T],
    epilogue: &Epilogue<'_, T>,
) -> Result<()> {
    let sweeps = &Sweeps::forward(g);
    let (height, width) = (g.out_height / 2, g.out_width / 2);
    let (row, image) = (width * g.out_channels, height * width * g.out_channels);
    let count = lanes::<T>();
    let rows = rows_of_group::<T>(sweeps, y.len() / image / count, height).div_ceil(2);
    with_scratch(weight.len(), |filters: &mut [T]| {
        arrange(sweeps, weight, filters);
        let filters = &*filters;
        let images = TileMut::new(y, y.len() / image, image, image);
        let pieces = images.into_parts(count, rows * row);
        parallel::try_for_each(pieces, sweeps.multiply_adds, |(image, place, target)| {
            let rows = place / row * 2..(place + target.cols()) / row * 2;
            T::dispatch(Band {
                sweeps,
                borders,
                source: x,
                activation_output: None,
                filters,
                piece: Piece { lanes: Lanes::Images(count), image, rows },
                target,
                pooled: true,
                epilogue,
            })
        })
    })?
}

/// Max-pools two rows of a group of images into one.
pub(super) struct Pooling<T: Element> {
    geometry: Pool2dGeometry,
    largest: Scratch<T>,
    places: Scratch<i32>,
}

impl<T: Element> Pooling<T> {
    /// Takes scratch for rows of `width` pixels of `channels`, if they are `pooled`.
    pub(super) fn new(pooled: bool, width: usize, channels: usize) -> Result<Self> {
        let geometry = Pool2dGeometry {
            batch: 1,
            height: 2,
            width,
            channels,
            out_height: 1,
            out_width: width / 2,
            kernel: (2, 2),
            stride: (2, 2),
            padding: Padding::default(),
        };
        let len = if pooled { geometry.output_len() } else { 0 };
        Ok(Self { geometry, largest: Scratch::take(len)?, places: Scratch::take(len)? })
    }

    /// Stores the largest value of each window in [`Self::largest`].
    #[inline(always)]
    pub(super) fn max(&mut self, rows: &[T]) {
        max_rows(&self.geometry, rows, 0..1, &mut self.largest, &mut self.places);
    }

    /// The pooled row.
    pub(super) fn largest(&self) -> &[T] {
        &self.largest
    }
}
