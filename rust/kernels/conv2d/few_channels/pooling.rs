//! Max-pools pairs of rows while a band is computed.

use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::geometry::{Padding, Pool2dGeometry};
use crate::kernels::memory::Scratch;
use crate::kernels::simd::pool2d::forward::max_rows;

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
