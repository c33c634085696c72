//! A convolution as sweeps: which taps read where, for the forward pass and for the gradient of the
//! input.
//!
//! The forward pass is one sweep. The gradient of the input is one sweep for each residue of a
//! pixel's position modulo the stride, over the taps that reach it: a plain correlation of the
//! output's gradient with the turned filters. Work is cut into bands of rows.

use crate::kernels::geometry::Conv2dGeometry;

/// Bytes of input that a band of output rows may see: with the panels that stream past, it stays in
/// the second-level cache.
pub(super) const BAND_BYTES: usize = 192 << 10;

/// Items wanted, for balance among threads; a fixed number.
const ITEMS: usize = 16;

/// One tap of a sweep: where it reads relative to an output position, and which tap of the filter
/// it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub(super) row: isize,
    pub(super) column: isize,
    pub(super) filter: usize,
}

/// The output positions of one residue, and the taps that reach them.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) taps: Vec<Tap>,
    /// First output row and column of this residue.
    pub(super) first: (usize, usize),
    /// Rows and columns of the output in this residue.
    pub(super) size: (usize, usize),
    /// Where its packed weights start, in steps of the sum times panels.
    pub(super) packed_start: usize,
}

/// A correlation of `source` images with packed weights; shapes only, no data.
#[derive(Debug)]
pub struct Correlation {
    pub(super) batch: usize,
    pub(super) source: [usize; 3],
    pub(super) target: [usize; 3],
    pub(super) groups: usize,
    /// Source and target channels of one group.
    pub(super) depth: usize,
    pub(super) columns: usize,
    /// Source pixels from one output position of a sweep to the next.
    pub(super) step: (usize, usize),
    /// Output pixels from one position of a sweep to the next.
    pub(super) spread: (usize, usize),
    pub(super) sweeps: Vec<Sweep>,
    /// The filters are read with their two channel axes exchanged.
    pub(super) turned: bool,
    pub(super) multiply_adds: usize,
}

impl Correlation {
    /// The forward pass.
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

    /// The gradient of the input. Input pixel `i` is reached from output `o` by tap `k` where `o S
    /// + k D - P = i`.
    pub fn backward_input(g: &Conv2dGeometry) -> Self {
        let (padding, dilation, stride) = (g.window.padding, g.window.dilation, g.window.stride);
        let reach = |residue: usize,
                     before: usize,
                     kernel: usize,
                     dilation: usize,
                     stride: usize|
         -> Vec<(isize, usize)> {
            // From the last tap to the first, so that the places they read ascend.
            let offset = |k: usize| (residue + before) as isize - (k * dilation) as isize;
            let meets = |k: &usize| offset(*k).rem_euclid(stride as isize) == 0;
            (0..kernel)
                .rev()
                .filter(meets)
                .map(|k| (offset(k).div_euclid(stride as isize), k))
                .collect()
        };
        let mut sweeps = Vec::new();
        let mut packed_start = 0;
        // A stride beyond the image has no more residues than the image has pixels.
        for row in 0..stride.0.min(g.height) {
            let rows = reach(row, padding.top, g.kernel_h, dilation.0, stride.0);
            for column in 0..stride.1.min(g.width) {
                let columns = reach(column, padding.left, g.kernel_w, dilation.1, stride.1);
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

    /// Source rows that an output row sees.
    pub(super) fn reach(&self) -> usize {
        let rows = || self.sweeps.iter().flat_map(|sweep| &sweep.taps).map(|tap| tap.row);
        rows().max().zip(rows().min()).map_or(1, |(last, first)| (last - first) as usize + 1)
    }

    /// Output rows of a band: what the cache holds, but enough bands to go round; a multiple of the
    /// spread.
    pub(super) fn band_rows<T>(&self) -> usize {
        let [_, source_width, source_channels] = self.source;
        let row_bytes = source_width * source_channels * size_of::<T>() * self.step.0;
        let by_cache = (BAND_BYTES / row_bytes.max(1)).max(1);
        let by_balance = (self.target[0] * self.batch).div_ceil(ITEMS * self.spread.0).max(1);
        by_cache.min(by_balance).min(self.target[0].div_ceil(self.spread.0)) * self.spread.0
    }

    /// The bands of a target: image, first row, and the rows. A band ends at a multiple of the
    /// spread.
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
