//! The steps of a program, and the parameters that each takes.

use super::crop::Border;
use super::resize::Interpolation;
use crate::kernels::error::{KernelError, Result, shape_error};

/// Largest height or width, in pixels.
const MAX_SIDE: f64 = 1_048_576.0;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $(($mode:ty))? = $name:literal, $parameters:expr, $constants:expr;)*) => {
        /// What a step does, with its mode if it has several. A line tells its parameters for each
        /// sample, then its constants.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind $(($mode))?),* }

        impl Kind {
            /// The kind of this name, in the mode of this name: a border, an interpolation, or
            /// empty.
            ///
            /// # Errors
            /// [`KernelError::Argument`] for a name or a mode that is not known.
            pub fn parse(name: &str, mode: &str) -> Result<Self> {
                match name {
                    $($name => Ok(Self::$kind $((<$mode>::parse(mode)?))?),)*
                    _ => Err(KernelError::Argument(format!("steps: there is no step {name:?}"))),
                }
            }

            /// Number of parameters of a sample, and the smallest number of constants.
            fn counts(self) -> (usize, usize) {
                match self { $(Self::$kind { .. } => ($parameters, $constants)),* }
            }
        }
    };
}

kinds! {
    /// top, left, height, width; fill of each channel.
    Crop(Border) = "crop", 4, 1;
    /// Left becomes right.
    FlipHorizontal = "flip_horizontal", 0, 0;
    /// Top becomes bottom.
    FlipVertical = "flip_vertical", 0, 0;
    /// top, left, height, width of the window, height, width of the result.
    Resize(Interpolation) = "resize", 6, 0;
    /// The matrix from the result to the source row by row, height, width of the result; fill of
    /// each channel.
    Warp(Interpolation) = "warp", 11, 1;
    /// Two draws, strength in x and y, deviation in y and x, in pixels; fill of each channel.
    Elastic(Interpolation) = "elastic", 6, 1;
    /// top, left, height, width, two draws; whether noise, value of each channel.
    Erase = "erase", 6, 2;
    /// Deviation in y and x, in pixels; radius in y and x.
    GaussianBlur = "gaussian_blur", 2, 2;
    /// Factor.
    Sharpness = "sharpness", 1, 0;
    /// Two draws, mean, deviation, in shares of the peak; whether to cut off.
    GaussianNoise = "gaussian_noise", 4, 1;
    /// Places of brightness, contrast, saturation and hue in the order of the changes, from 0 to 3;
    /// factors of brightness, contrast and saturation, turn of the hue.
    ColorJitter = "color_jitter", 8, 0;
    /// Number of channels that remain.
    Grey = "grey", 0, 1;
    /// A summand for each of three channels, in shares of the peak.
    Add = "add", 3, 0;
    /// Dark becomes bright.
    Invert = "invert", 0, 0;
    /// Threshold.
    Solarize = "solarize", 1, 0;
    /// Bits.
    Posterize = "posterize", 1, 0;
    /// The range stretched.
    AutoContrast = "autocontrast", 0, 0;
    /// The histogram made level.
    Equalize = "equalize", 0, 0;
    /// No parameters; the peak of the result, then factor and summand of each channel.
    Affine = "affine", 0, 3;
}

/// A step with the parameters of every sample.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What it does.
    pub kind: Kind,
    /// Which samples take it; all, if absent.
    pub apply: Option<&'a [bool]>,
    /// The parameters of each sample one after the other, or once for all.
    pub parameters: &'a [f64],
    /// What is the same for all samples.
    pub constants: &'a [f64],
}

impl Step<'_> {
    /// Checks the lengths against a number of samples.
    pub(super) fn check(&self, samples: usize) -> Result<()> {
        let (parameters, constants) = self.kind.counts();
        let (kind, came) = (self.kind, self.parameters.len());
        if came != parameters && came != parameters.saturating_mul(samples) {
            return Err(shape_error!(
                "steps: {kind:?} takes {parameters} parameters for each of {samples} samples, got {came} in all"
            ));
        }
        if self.constants.len() < constants {
            return Err(shape_error!(
                "steps: {kind:?} takes at least {constants} constants, got {}",
                self.constants.len()
            ));
        }
        match self.apply {
            Some(apply) if apply.len() != samples => {
                Err(shape_error!("apply: expected {samples} values, got {}", apply.len()))
            }
            _ => Ok(()),
        }
    }

    /// The parameters of a sample, or nothing when it does not take the step.
    #[inline]
    pub(super) fn of(&self, sample: usize) -> Option<&[f64]> {
        if self.apply.is_some_and(|apply| !apply[sample]) {
            return None;
        }
        let count = self.kind.counts().0;
        let start = if self.parameters.len() == count { 0 } else { sample * count };
        Some(&self.parameters[start..][..count])
    }

    /// The constants from `start` on, as values for `channels` channels.
    pub(super) fn per_channel(&self, start: usize, channels: usize) -> Result<PerChannel<'_>> {
        PerChannel::new(&self.constants[start..], channels)
    }

    /// Factors, summands and the peak of the result of [`Kind::Affine`].
    pub(super) fn affine(&self, channels: usize) -> Result<(PerChannel<'_>, PerChannel<'_>, f32)> {
        let (factors, summands) = self.constants[1..].split_at((self.constants.len() - 1) / 2);
        Ok((
            PerChannel::new(factors, channels)?,
            PerChannel::new(summands, channels)?,
            self.constants[0] as f32,
        ))
    }
}

/// A value for each channel, or one for all.
#[derive(Debug, Clone, Copy)]
pub struct PerChannel<'a>(&'a [f64]);

impl<'a> PerChannel<'a> {
    /// # Errors
    /// If there is neither one value nor one for each channel.
    pub fn new(values: &'a [f64], channels: usize) -> Result<Self> {
        if values.len() != 1 && values.len() != channels {
            return Err(shape_error!(
                "images: {} values per channel for pictures of {channels} channels",
                values.len()
            ));
        }
        Ok(Self(values))
    }

    /// The value of a channel.
    #[inline(always)]
    pub fn of(self, channel: usize) -> f32 {
        self.0[if self.0.len() == 1 { 0 } else { channel }] as f32
    }
}

/// A height and width of a result.
pub(super) fn size(height: f64, width: f64) -> Result<[usize; 2]> {
    let sides = [height, width];
    if sides.iter().all(|side| (1.0..=MAX_SIDE).contains(side)) {
        Ok(sides.map(|side| side as usize))
    } else {
        Err(shape_error!("images: a picture cannot become {height}x{width}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_modes_go_by_name() {
        assert_eq!(Kind::parse("crop", "reflect"), Ok(Kind::Crop(Border::Reflect)));
        assert_eq!(Kind::parse("warp", "nearest"), Ok(Kind::Warp(Interpolation::Nearest)));
        assert_eq!(Kind::parse("invert", ""), Ok(Kind::Invert));
        for (kind, mode) in [("crop", "nearest"), ("crop", ""), ("resize", "cubic"), ("fold", "")] {
            assert!(Kind::parse(kind, mode).is_err(), "{kind} {mode}");
        }
    }
}
