//! Winograd's method for 3×3 filters with stride 2. This module has the constants; its submodules
//! have the transforms, the correlation and the gradient of the weights.
//!
//! Along an axis, an output `y_o = g_0 d_{2o} + g_1 d_{2o+1} + g_2 d_{2o+2}` is the sum of two
//! parts. The even part is a correlation of the even pixels with the taps `g_0` and `g_2`. The odd
//! part is the product of an odd pixel and `g_1`. Four outputs need five products for the even
//! part, by interpolation at 0, ±1 and ±2, and four products for the odd part: 9 instead of 12, and
//! in two dimensions 81 instead of 144. All odd products use the same tap, so there are only 6 × 6
//! transformed filters for 9 × 9 frequencies. The gradient of the input has the same structure: at
//! pixels of one parity it is a correlation with two taps, and at the other pixels a product with
//! the third tap. The gradient of the weights sums the frequencies that share a filter.

pub mod correlate;
pub mod transform;
pub mod weight_gradient;

/// Number of frequencies along an axis.
pub const SIDE: usize = 9;

/// Number of transformed filters along an axis.
pub const FILTER_SIDE: usize = 6;

/// Number of outputs of a tile along an axis. A tile of the gradient of the input has twice this
/// number of pixels.
pub const OUTPUTS: usize = 4;

/// Number of input pixels that the outputs of a tile depend on, along an axis.
pub const PIXELS: usize = 2 * OUTPUTS + 1;

/// Number of frequencies of the even part, along an axis.
const EVEN: usize = 5;

/// Number of output gradients that a tile of the gradient of the input depends on, along an axis.
pub const GRADIENTS: usize = EVEN;

/// The frequencies that are multiplied by transformed filter `filter`.
fn frequencies_of(filter: usize) -> impl Iterator<Item = usize> + Clone {
    let along = |place: usize| if place < EVEN { place..place + 1 } else { EVEN..SIDE };
    along(filter / FILTER_SIDE)
        .flat_map(move |row| along(filter % FILTER_SIDE).map(move |column| row * SIDE + column))
}
