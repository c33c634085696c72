//! One axis of a sliding window: the formula of the output size, and `"same"` padding.

use super::MAX_SIZE;
use crate::kernels::error::{KernelError, Result, shape_error};

/// How the output size is rounded where the stride does not divide the range of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Down: the last pixels of the input are unused. The usual convention.
    Floor,
    /// Up: the last window reaches past the border.
    Ceil,
    /// Not at all: such a stride is an error.
    Exact,
}

impl Rounding {
    /// Returns the rounding of a name.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for another name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "floor" => Ok(Self::Floor),
            "ceil" => Ok(Self::Ceil),
            "exact" => Ok(Self::Exact),
            _ => Err(KernelError::Argument(format!(
                "rounding: expected \"floor\", \"ceil\" or \"exact\", got {name:?}"
            ))),
        }
    }
}

/// One axis of a sliding window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Pixels of the input, W.
    pub size: usize,
    /// Pixels of the window, K.
    pub kernel: usize,
    /// Pixels from one window to the next, S.
    pub stride: usize,
    /// Zeros before the first pixel.
    pub before: usize,
    /// Zeros after the last pixel.
    pub after: usize,
    /// Distance between two pixels of the window, D.
    pub dilation: usize,
}

impl Axis {
    /// Pixels that the dilated window spans: `D (K - 1) + 1`.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Returns the number of output pixels: `(W - D (K - 1) - 1 + P_before + P_after) / S + 1`,
    /// which for an undilated window with a symmetric padding P is `(W - K + 2P) / S + 1`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] for a zero size, a window larger than the padded input, a size above
    /// [`MAX_SIZE`], or, with [`Rounding::Exact`], a stride that does not divide.
    pub fn output_size(&self, rounding: Rounding) -> Result<usize> {
        self.check()?;
        let span = self.size + self.before + self.after - self.extent();
        let size = match rounding {
            Rounding::Floor => span / self.stride + 1,
            Rounding::Exact if span.is_multiple_of(self.stride) => span / self.stride + 1,
            Rounding::Exact => return Err(self.does_not_fit(span)),
            // A window that would start in the padding after the input is left out.
            Rounding::Ceil => {
                let size = span.div_ceil(self.stride) + 1;
                if (size - 1) * self.stride >= self.size + self.before { size - 1 } else { size }
            }
        };
        if size > MAX_SIZE {
            return Err(shape_error!(
                "output: {size} pixels along one axis are more than {MAX_SIZE}"
            ));
        }
        Ok(size)
    }

    /// Checks the range of every size, and that the window fits into the padded input.
    fn check(&self) -> Result<()> {
        for (name, value) in [
            ("size", self.size),
            ("kernel_size", self.kernel),
            ("stride", self.stride),
            ("dilation", self.dilation),
        ] {
            if value == 0 {
                return Err(shape_error!("{name}: expected at least 1, got 0"));
            }
            if value > MAX_SIZE {
                return Err(shape_error!("{name}: expected at most {MAX_SIZE}, got {value}"));
            }
        }
        if self.before > MAX_SIZE || self.after > MAX_SIZE {
            return Err(shape_error!(
                "padding: expected at most {MAX_SIZE}, got {}",
                self.before.max(self.after)
            ));
        }
        let padded = self.size + self.before + self.after;
        let extent = self.extent();
        if extent > padded {
            let dilated = if self.dilation > 1 {
                format!(" (dilation {} makes it span {extent})", self.dilation)
            } else {
                String::new()
            };
            return Err(shape_error!(
                "kernel_size: {}{dilated} is larger than the padded input of {} + {} + {} = {padded} pixels",
                self.kernel,
                self.size,
                self.before,
                self.after
            ));
        }
        Ok(())
    }

    /// The error of a stride that does not divide `span`, with the nearest strides and paddings
    /// that fit.
    fn does_not_fit(&self, span: usize) -> KernelError {
        let Self { size, kernel, stride, before, after, dilation } = *self;
        let strides: Vec<String> =
            (1..=span.max(1)).filter(|s| span.is_multiple_of(*s)).map(|s| s.to_string()).collect();
        let near = |wanted: &dyn Fn(usize) -> bool| {
            strides.iter().filter(|s| wanted(s.parse().unwrap_or(0))).cloned().collect::<Vec<_>>()
        };
        let below = near(&|s| s < stride).pop();
        let above = near(&|s| s > stride).into_iter().next();
        let fitting: Vec<String> = below.into_iter().chain(above).collect();
        let base = size - self.extent().min(size);
        let fits =
            |p: &usize| (base + 2 * p).is_multiple_of(stride) && size + 2 * p >= self.extent();
        let wanted = before.midpoint(after);
        let lower = (0..wanted).rev().find(fits);
        let upper = (wanted..wanted + 2 * stride + 1).find(fits);
        let paddings: Vec<String> = lower.into_iter().chain(upper).map(|p| p.to_string()).collect();
        let dilated = if dilation > 1 { format!(", dilation {dilation}") } else { String::new() };
        shape_error!(
            "stride {stride} does not fit: (W - K + 2P) / S + 1 = ({size} - {kernel} + {padding}) / {stride} + 1 = {value:.2}{dilated} is not a whole number; \
             strides that fit: {strides}; paddings that fit with stride {stride}: {paddings}; or choose rounding=\"floor\" or \"ceil\"",
            padding =
                if before == after { format!("2*{before}") } else { format!("{before} + {after}") },
            value = span as f64 / stride as f64 + 1.0,
            strides = list(&fitting),
            paddings = list(&paddings),
        )
    }
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(" and ") }
}

/// Returns the `"same"` padding `(before, after)`, with which the output has `ceil(W / S)` pixels.
/// An odd pixel is added after the image (bottom, right), as in TensorFlow.
///
/// # Errors
/// [`KernelError::Shape`] for a zero or too large size.
pub fn same_padding(
    size: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
) -> Result<(usize, usize)> {
    for (name, value) in
        [("size", size), ("kernel_size", kernel), ("stride", stride), ("dilation", dilation)]
    {
        if value == 0 || value > MAX_SIZE {
            return Err(shape_error!("{name}: expected 1 to {MAX_SIZE}, got {value}"));
        }
    }
    let extent = dilation * (kernel - 1) + 1;
    let total = ((size.div_ceil(stride) - 1) * stride + extent).saturating_sub(size);
    Ok((total / 2, total - total / 2))
}
