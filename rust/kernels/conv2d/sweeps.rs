//! Sweeps: which taps of the filters read which pixels, in the forward pass and in the gradient of
//! the input.
//!
//! The forward pass is one sweep over the output. The gradient of the input is a correlation of
//! the output's gradient with the flipped filters: with stride `S`, one sweep for each residue of
//! a pixel's row and column modulo `S`, over the taps that reach such pixels. The target is cut
//! into bands of rows.

use crate::kernels::geometry::Conv2dGeometry;

/// Bytes of source rows that a band of target rows may read. With the panels of packed filters
/// that stream past, they stay in the second-level cache.
pub(super) const BAND_BYTES: usize = 192 << 10;

/// Bands wanted, for balance among threads. A fixed number: it must not depend on the threads.
const ITEMS: usize = 16;

/// One tap of a sweep: where it reads relative to a position of the sweep, and the tap's number in
/// the filter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub(super) row: isize,
    pub(super) column: isize,
    pub(super) filter: usize,
}

/// The target pixels of one residue, and the taps that reach them.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) taps: Vec<Tap>,
    /// First target row and column of this residue.
    pub(super) first: (usize, usize),
    /// Rows and columns of the target in this residue.
    pub(super) size: (usize, usize),
    /// Where the packed filters of the sweep start, in steps of the sum times panels.
    pub(super) packed_start: usize,
}

/// A correlation of source images with filters, as sweeps over the target. Sizes only, no data.
#[derive(Debug)]
pub struct Sweeps {
    pub(super) batch: usize,
    /// Height, width and channels of a source image.
    pub(super) source: [usize; 3],
    /// Height, width and channels of a target image.
    pub(super) target: [usize; 3],
    pub(super) groups: usize,
    /// Source channels of one group.
    pub(super) depth: usize,
    /// Target channels of one group.
    pub(super) columns: usize,
    /// Source pixels from one position of a sweep to the next.
    pub(super) step: (usize, usize),
    /// Target pixels from one position of a sweep to the next.
    pub(super) spread: (usize, usize),
    sweeps: Vec<Sweep>,
    /// The filters are flipped, and read with their two channel axes exchanged.
    pub(super) turned: bool,
    pub(super) multiply_adds: usize,
}

impl Sweeps {
    /// The sweep of the forward pass.
    pub fn forward(g: &Conv2dGeometry) -> Self {
        let (padding, dilation) = (g.window.padding, g.window.dilation);
        let taps = (0..g.kernel_h * g.kernel_w)
            .map(|filter| Tap {
                row: (filter / g.kernel_w * dilation.0) as isize - padding.top as isize,
                column: (filter % g.kernel_w * dilation.1) as isize - padding.left as isize,
                filter,
            })
            .collect();
        Self {
            batch: g.batch,
            source: [g.height, g.width, g.in_channels],
            target: [g.out_height, g.out_width, g.out_channels],
            groups: g.groups,
            depth: g.group_in(),
            columns: g.group_out(),
            step: g.window.stride,
            spread: (1, 1),
            sweeps: vec![Sweep {
                taps,
                first: (0, 0),
                size: (g.out_height, g.out_width),
                packed_start: 0,
            }],
            turned: false,
            multiply_adds: g.multiply_adds(),
        }
    }

    /// The sweeps of the gradient of the input. Tap `k` connects input pixel `i` and output pixel
    /// `o` where `o S + k D - P = i`.
    pub fn backward_input(g: &Conv2dGeometry) -> Self {
        let (padding, dilation, stride) = (g.window.padding, g.window.dilation, g.window.stride);
        let mut sweeps = Vec::new();
        let mut packed_start = 0;
        // An image has no more residues than pixels.
        for row in 0..stride.0.min(g.height) {
            let rows = taps_of_residue(row, padding.top, g.kernel_h, dilation.0, stride.0);
            for column in 0..stride.1.min(g.width) {
                let columns =
                    taps_of_residue(column, padding.left, g.kernel_w, dilation.1, stride.1);
                let taps: Vec<Tap> = rows
                    .iter()
                    .flat_map(|&(dy, ky)| {
                        columns.iter().map(move |&(dx, kx)| Tap {
                            row: dy,
                            column: dx,
                            filter: ky * g.kernel_w + kx,
                        })
                    })
                    .collect();
                let steps = taps.len() * g.group_out();
                let size =
                    ((g.height - row).div_ceil(stride.0), (g.width - column).div_ceil(stride.1));
                sweeps.push(Sweep { taps, first: (row, column), size, packed_start });
                packed_start += steps;
            }
        }
        Self {
            batch: g.batch,
            source: [g.out_height, g.out_width, g.out_channels],
            target: [g.height, g.width, g.in_channels],
            groups: g.groups,
            depth: g.group_out(),
            columns: g.group_in(),
            step: (1, 1),
            spread: stride,
            sweeps,
            turned: true,
            multiply_adds: g.multiply_adds(),
        }
    }

    /// The sweeps.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Sweep> {
        self.sweeps.iter()
    }

    /// All taps of all sweeps.
    pub(super) fn taps(&self) -> impl Iterator<Item = &Tap> {
        self.sweeps.iter().flat_map(|sweep| &sweep.taps)
    }

    /// Source rows that a target row reads, from the first to the last.
    pub(super) fn reach(&self) -> usize {
        let rows = || self.taps().map(|tap| tap.row);
        rows().max().zip(rows().min()).map_or(1, |(last, first)| (last - first) as usize + 1)
    }

    /// Target rows of a band, a multiple of the spread: as many as the cache holds, but few enough
    /// to give every thread a band.
    pub(super) fn band_rows<T>(&self) -> usize {
        let [_, source_width, source_channels] = self.source;
        let row_bytes = source_width * source_channels * size_of::<T>() * self.step.0;
        let by_cache = (BAND_BYTES / row_bytes.max(1)).max(1);
        let by_balance = (self.target[0] * self.batch).div_ceil(ITEMS * self.spread.0).max(1);
        by_cache.min(by_balance).min(self.target[0].div_ceil(self.spread.0)) * self.spread.0
    }

    /// Cuts a target into bands of rows: the image, the first row, and the rows. A band begins at a
    /// multiple of the spread.
    pub(super) fn bands<'a, T>(&self, target: &'a mut [T]) -> Vec<(usize, usize, &'a mut [T])> {
        let [height, width, channels] = self.target;
        let band_rows = self.band_rows::<T>();
        target
            .chunks_mut(height * width * channels)
            .enumerate()
            .flat_map(|(image, pixels)| {
                pixels
                    .chunks_mut(band_rows * width * channels)
                    .enumerate()
                    .map(move |(i, band)| (image, i * band_rows, band))
            })
            .collect()
    }
}

/// The taps along one axis that reach the pixels of a residue modulo the stride: the offset that
/// each reads at, and its number. From the last tap to the first, so that the offsets ascend.
fn taps_of_residue(
    residue: usize,
    before: usize,
    kernel: usize,
    dilation: usize,
    stride: usize,
) -> Vec<(isize, usize)> {
    let (start, stride) = ((residue + before) as isize, stride as isize);
    (0..kernel)
        .rev()
        .map(|tap| (start - (tap * dilation) as isize, tap))
        .filter(|(offset, _)| offset.rem_euclid(stride) == 0)
        .map(|(offset, tap)| (offset.div_euclid(stride), tap))
        .collect()
}
