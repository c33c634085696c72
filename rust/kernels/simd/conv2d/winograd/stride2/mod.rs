//! Winograd's method for 3×3 filters of stride 2: constants, and in the modules transforms, blocks
//! and the gradient of the weights.
//!
//! Along an axis, outputs `y_o = g_0 d_{2o} + g_1 d_{2o+1} + g_2 d_{2o+2}` are a correlation of the
//! even pixels with two taps and a product of the odd ones with the third. Four outputs take five
//! products for the even part, by interpolation at 0, ±1 and ±2, and four for the odd one: 9
//! instead of 12, in two dimensions 81 instead of 144. All odd products have the same filter, so
//! there are only 6 × 6 transformed filters for 9 × 9 frequencies. The gradient of the input has
//! the same shape, its even and odd pixels exchanged with the output's two parts; the gradient of
//! the weights sums the frequencies that share a filter.

pub mod correlate;
pub mod transform;
pub mod weight_gradient;

/// Frequencies along an axis.
pub const SIDE: usize = 9;

/// Transformed filters along an axis.
pub const FILTER_SIDE: usize = 6;

/// Outputs of a tile along an axis; their pixels are twice as many.
pub const OUTPUTS: usize = 4;

/// Pixels of the input that a tile's outputs see, along an axis.
pub const PIXELS: usize = 2 * OUTPUTS + 1;

/// Frequencies of the even part, along an axis.
const EVEN: usize = 5;

/// Gradients of the output that a tile of the input sees, along an axis.
pub const GRADIENTS: usize = EVEN;

/// The frequencies that have transformed filter `filter`.
fn frequencies_of(filter: usize) -> impl Iterator<Item = usize> + Clone {
    let along = |place: usize| if place < EVEN { place..place + 1 } else { EVEN..SIDE };
    along(filter / FILTER_SIDE)
        .flat_map(move |row| along(filter % FILTER_SIDE).map(move |column| row * SIDE + column))
}
