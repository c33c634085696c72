//! The algorithms of a convolution, what each takes, and the choice among them.

use std::sync::atomic::{AtomicU8, Ordering};

use super::winograd::Outputs;
use super::{depthwise, few_channels, winograd, winograd_stride2};
use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result};
use crate::kernels::geometry::{Conv2dGeometry, Padding};

/// 0: not decided yet, ask the environment; 1: off; 2: on.
static WINOGRAD: AtomicU8 = AtomicU8::new(0);

/// Lets the choice of algorithm use Winograd's, or not: plain accumulation everywhere. A forced
/// algorithm is not affected.
pub fn set_winograd(enabled: bool) {
    WINOGRAD.store(1 + u8::from(enabled), Ordering::Relaxed);
}

/// Whether the choice may use Winograd's algorithms: as set, else unless `CNNRS_WINOGRAD` is `off`
/// or `0`.
pub fn winograd_enabled() -> bool {
    match WINOGRAD.load(Ordering::Relaxed) {
        0 => {
            let enabled = !matches!(std::env::var("CNNRS_WINOGRAD").as_deref(), Ok("off" | "0"));
            set_winograd(enabled);
            enabled
        }
        state => state == 2,
    }
}

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Implicit matrix product; takes any geometry.
    Direct,
    /// A matrix product over channels: 1×1 filters, stride 1, no padding.
    Pointwise,
    /// Each channel a group of its own with one filter.
    Depthwise,
    /// Registers of pixels, or of images, instead of channels, for few target channels: not strided
    /// along a row, no groups.
    FewChannels,
    /// Winograd's method on tiles of 2×2 or 4×4 outputs: 3×3 and 5×5 filters, stride 1.
    Winograd(Outputs),
    /// Winograd's method on tiles of 4×4 outputs: 3×3 filters, stride 2.
    WinogradStrided,
}

/// Which of the three passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The output.
    Forward,
    /// The gradient of the input.
    BackwardInput,
    /// The gradient of the weights.
    BackwardWeight,
}

impl Pass {
    /// The pass of this name: `forward`, `backward_input` or `backward_weight`.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "forward" => Ok(Self::Forward),
            "backward_input" => Ok(Self::BackwardInput),
            "backward_weight" => Ok(Self::BackwardWeight),
            _ => Err(KernelError::Argument(format!(
                "direction: expected \"forward\", \"backward_input\" or \"backward_weight\", got {name:?}"
            ))),
        }
    }
}

impl Algorithm {
    /// All of them, the general one first.
    pub const ALL: [Self; 7] = [
        Self::Direct,
        Self::Pointwise,
        Self::Depthwise,
        Self::FewChannels,
        Self::Winograd(Outputs::Two),
        Self::Winograd(Outputs::Four),
        Self::WinogradStrided,
    ];

    /// Its name in `cnnrs.ops`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Pointwise => "pointwise",
            Self::Depthwise => "depthwise",
            Self::FewChannels => "few_channels",
            Self::Winograd(Outputs::Two) => "winograd_2x2",
            Self::Winograd(Outputs::Four) => "winograd_4x4",
            Self::WinogradStrided => "winograd_stride2",
        }
    }

    /// The algorithm of this name, if it can compute this geometry.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for an unknown name or an algorithm that does not apply.
    pub fn parse<T: Element>(name: &str, pass: Pass, geometry: &Conv2dGeometry) -> Result<Self> {
        let known =
            Self::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(|| {
                let names = Self::ALL.map(Self::name).join(", ");
                KernelError::Argument(format!("algorithm: expected one of {names}, got {name:?}"))
            })?;
        if known.takes::<T>(pass, geometry) {
            Ok(known)
        } else {
            Err(KernelError::Argument(format!(
                "algorithm: {name:?} cannot compute this convolution: {geometry:?}"
            )))
        }
    }

    /// Whether it can compute this pass of this geometry.
    pub fn takes<T: Element>(self, pass: Pass, g: &Conv2dGeometry) -> bool {
        match self {
            Self::Direct => true,
            Self::Pointwise => {
                let Padding { top, bottom, left, right } = g.window.padding;
                let plain =
                    (g.kernel_h, g.kernel_w, g.groups) == (1, 1, 1) && g.window.stride == (1, 1);
                plain && top + bottom + left + right == 0 && pass != Pass::BackwardWeight
            }
            Self::Depthwise => depthwise::takes(g),
            Self::FewChannels => match pass {
                Pass::Forward => few_channels::takes_forward(g),
                Pass::BackwardInput => few_channels::takes_backward_input(g),
                Pass::BackwardWeight => few_channels::takes_backward_weight(g),
            },
            Self::Winograd(_) => winograd::takes(g, pass == Pass::Forward),
            Self::WinogradStrided => winograd_stride2::takes(g, pass == Pass::BackwardInput),
        }
    }

    /// The fastest one, by the geometry of one sample: Winograd's method for `f32` where there are
    /// channels enough to pay for the transforms (see `BENCHMARKS.md`).
    pub fn choose<T: Element>(pass: Pass, geometry: &Conv2dGeometry) -> Self {
        let g = geometry;
        let single = size_of::<T>() == size_of::<f32>();
        if Self::Pointwise.takes::<T>(pass, g) {
            return Self::Pointwise;
        }
        if g.groups > 1 && Self::Depthwise.takes::<T>(pass, g) {
            return Self::Depthwise;
        }
        let (channels, width) = match pass {
            Pass::BackwardInput => (g.in_channels, g.width.div_ceil(g.window.stride.1)),
            Pass::Forward | Pass::BackwardWeight => (g.out_channels, g.out_width),
        };
        if Self::FewChannels.takes::<T>(pass, g) && few_channels::pays(channels, width) {
            return Self::FewChannels;
        }
        let four = Self::Winograd(Outputs::Four);
        let channels = g.in_channels.min(g.out_channels);
        let winograd = single && winograd_enabled() && g.out_height.min(g.out_width) >= 3;
        if winograd && four.takes::<T>(pass, g) && channels >= WINOGRAD_CHANNELS {
            return four;
        }
        let pays = channels >= STRIDED_CHANNELS
            && (pass != Pass::BackwardWeight
                || g.in_channels * g.out_channels >= STRIDED_WEIGHT_CHANNELS);
        if winograd && Self::WinogradStrided.takes::<T>(pass, g) && pays {
            return Self::WinogradStrided;
        }
        Self::Direct
    }

    /// The fastest one for a prediction of one sample, whose filters are prepared once: where a
    /// whole sample is one tile of 4×4 and the transformed filters of many channels would come
    /// from memory for it alone, those of F(2×2) are less than half as large.
    pub fn choose_for_prediction<T: Element>(geometry: &Conv2dGeometry) -> Self {
        let g = geometry;
        match Self::choose::<T>(Pass::Forward, g) {
            Self::Winograd(Outputs::Four)
                if g.kernel_h == 3
                    && g.out_height.max(g.out_width) <= 4
                    && g.in_channels * g.out_channels >= SINGLE_TILE_FILTERS =>
            {
                Self::Winograd(Outputs::Two)
            }
            Self::WinogradStrided
                if g.out_height.max(g.out_width) <= 4
                    && g.in_channels * g.out_channels >= SINGLE_TILE_FILTERS =>
            {
                Self::Direct
            }
            algorithm => algorithm,
        }
    }
}

/// Input channels times filters from which a sample of one tile is bound by the filters' way from
/// memory.
const SINGLE_TILE_FILTERS: usize = 192 * 192;

/// Fewest channels, in and out, for which transforming them pays.
const WINOGRAD_CHANNELS: usize = 16;

/// The same for stride 2.
const STRIDED_CHANNELS: usize = 32;

/// Input channels times filters from which the gradient of the weights, too, pays for its
/// transforms at stride 2.
const STRIDED_WEIGHT_CHANNELS: usize = 128 * 128;
