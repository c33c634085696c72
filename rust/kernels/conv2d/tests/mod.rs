//! Tests of every method and every pass.

mod bits;
mod choice;
mod definition;
mod max_pool;
mod winograd;

use proptest::prelude::*;

use super::*;
use crate::kernels::geometry::{Padding, Window};

/// Calls `f(input index, weight index, output index)` for every product of the convolution.
fn each_product(g: &Conv2dGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let Window { stride, padding, dilation } = g.window;
    for n in 0..g.batch {
        for oy in 0..g.out_height {
            for ox in 0..g.out_width {
                for o in 0..g.out_channels {
                    let group = o / g.group_out();
                    for ky in 0..g.kernel_h {
                        for kx in 0..g.kernel_w {
                            let (y, x) =
                                (oy * stride.0 + ky * dilation.0, ox * stride.1 + kx * dilation.1);
                            if y < padding.top
                                || x < padding.left
                                || y - padding.top >= g.height
                                || x - padding.left >= g.width
                            {
                                continue;
                            }
                            for c in 0..g.group_in() {
                                let input = ((n * g.height + y - padding.top) * g.width + x
                                    - padding.left)
                                    * g.in_channels
                                    + group * g.group_in()
                                    + c;
                                let weight = ((ky * g.kernel_w + kx) * g.group_in() + c)
                                    * g.out_channels
                                    + o;
                                let output = ((n * g.out_height + oy) * g.out_width + ox)
                                    * g.out_channels
                                    + o;
                                f(input, weight, output);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Small integers: every product and sum is exact.
fn integers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 13) as f32 - 6.0).collect()
}

fn geometry(
    input: [usize; 4],
    kernel: (usize, usize),
    filters: usize,
    window: Window,
    groups: usize,
) -> Option<Conv2dGeometry> {
    Conv2dGeometry::new(input, [kernel.0, kernel.1, input[3] / groups, filters], window, groups)
        .ok()
}

fn plain(stride: usize, padding: usize) -> Window {
    let padding = Padding { top: padding, bottom: padding, left: padding, right: padding };
    Window { stride: (stride, stride), padding, dilation: (1, 1) }
}

/// Values between -1 and 1 that are not exact sums.
fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 2_654_435_761) % 1009) as f32 / 500.0 - 1.0).collect()
}
