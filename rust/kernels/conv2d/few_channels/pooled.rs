//! The forward pass of groups of images with a fused 2×2 max-pooling.

use super::band::Band;
use super::planes::Lanes;
use super::{Borders, Piece, arrange, images_together, rows_of_group};
use crate::kernels::Element;
use crate::kernels::conv2d::method::{Filters, MaxPooled};
use crate::kernels::conv2d::sweeps::Sweeps;
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::{TileMut, with_scratch};
use crate::kernels::parallel;
use crate::kernels::simd::matmul::micro_kernel::{Epilogue, lanes};

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
