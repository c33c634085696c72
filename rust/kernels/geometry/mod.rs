//! Sizes: the output-size formula, `"same"` padding, and the checked shapes of convolution and
//! pooling. The only home of these facts.

use super::error::{KernelError, Result, shape_error};

/// Largest size of anything along one axis, and largest stride, padding or dilation, in elements:
/// products of two stay below 2⁶³.
pub const MAX_SIZE: usize = i32::MAX as usize;

/// What happens to border pixels that no window reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// They are left unused: the field's convention.
    Floor,
    /// A last window hangs over the border.
    Ceil,
    /// It is an error.
    Exact,
}

impl Rounding {
    /// The rounding of this name.
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
    /// Pixels that the dilated window spans, `D (K - 1) + 1`.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }

    /// Output pixels: `(W - D (K - 1) - 1 + P_before + P_after) / S + 1`, which for a symmetric
    /// padding P is `(W - K + 2P) / S + 1`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] for a zero size, a window larger than the padded input, a size past
    /// [`MAX_SIZE`], or, with [`Rounding::Exact`], a stride that does not divide.
    pub fn output_size(&self, rounding: Rounding) -> Result<usize> {
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
        let span = padded - extent;
        let size = match rounding {
            Rounding::Floor => span / self.stride + 1,
            Rounding::Exact if span.is_multiple_of(self.stride) => span / self.stride + 1,
            Rounding::Exact => return Err(self.does_not_fit(span)),
            // A window that would start in the padding after the input is not made.
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

/// `"same"` padding: `(before, after)` such that the output has `ceil(W / S)` pixels; an odd pixel
/// goes after (bottom, right), as in TensorFlow.
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

/// The number of elements of a shape, refused where it or its bytes pass the address space.
///
/// # Errors
/// [`KernelError::Shape`] naming the argument.
pub fn element_count(name: &str, shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&count| count <= isize::MAX as usize / 8)
        .ok_or_else(|| {
            shape_error!("{name}: the shape {shape:?} has more elements than fit in memory")
        })
}

/// Four-sided padding in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

/// How a window slides: pairs are (height, width).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Pixels from one window to the next.
    pub stride: (usize, usize),
    /// Zeros around the image.
    pub padding: Padding,
    /// Distance between two pixels of the window.
    pub dilation: (usize, usize),
}

impl Window {
    /// The two axes of this window over an image.
    pub fn axes(&self, image: (usize, usize), kernel: (usize, usize)) -> (Axis, Axis) {
        let Self { stride, padding, dilation } = *self;
        (
            Axis {
                size: image.0,
                kernel: kernel.0,
                stride: stride.0,
                before: padding.top,
                after: padding.bottom,
                dilation: dilation.0,
            },
            Axis {
                size: image.1,
                kernel: kernel.1,
                stride: stride.1,
                before: padding.left,
                after: padding.right,
                dilation: dilation.1,
            },
        )
    }
}

/// The checked shape of a two-dimensional convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conv2dGeometry {
    /// Images.
    pub batch: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
    /// Filters.
    pub out_channels: usize,
    /// Rows of a filter.
    pub kernel_h: usize,
    /// Columns of a filter.
    pub kernel_w: usize,
    /// Stride, padding and dilation.
    pub window: Window,
    /// Groups of channels that do not see one another.
    pub groups: usize,
}

impl Conv2dGeometry {
    /// Checks an input of shape `(n, h, w, c)` against filters of shape `[kernel_h, kernel_w, c /
    /// groups, filters]`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] saying what does not fit.
    pub fn new(
        input: [usize; 4],
        weight: [usize; 4],
        window: Window,
        groups: usize,
    ) -> Result<Self> {
        let [batch, height, width, in_channels] = input;
        let [kernel_h, kernel_w, depth, out_channels] = weight;
        for (name, value) in [
            ("x: channels", in_channels),
            ("weight: channels", depth),
            ("weight: filters", out_channels),
            ("groups", groups),
        ] {
            if value == 0 {
                return Err(shape_error!("{name}: expected at least 1, got 0"));
            }
        }
        if !in_channels.is_multiple_of(groups) || !out_channels.is_multiple_of(groups) {
            return Err(shape_error!(
                "groups: {groups} does not divide both {in_channels} input channels and {out_channels} filters"
            ));
        }
        if in_channels / groups != depth {
            let split = if groups > 1 {
                format!(" in {groups} groups of {}", in_channels / groups)
            } else {
                String::new()
            };
            return Err(shape_error!(
                "weight: the filters have depth {depth}, but the input has {in_channels} channels{split}; the depth of a filter must equal the depth of its input"
            ));
        }
        let (rows, columns) = window.axes((height, width), (kernel_h, kernel_w));
        let name_axis = |axis: &'static str| {
            move |error| match error {
                KernelError::Shape(text) => shape_error!("{axis}: {text}"),
                other => other,
            }
        };
        let out_height = rows.output_size(Rounding::Floor).map_err(name_axis("height"))?;
        let out_width = columns.output_size(Rounding::Floor).map_err(name_axis("width"))?;
        element_count("x", &input)?;
        element_count("weight", &weight)?;
        element_count("output", &[batch, out_height, out_width, out_channels])?;
        Ok(Self {
            batch,
            height,
            width,
            in_channels,
            out_height,
            out_width,
            out_channels,
            kernel_h,
            kernel_w,
            window,
            groups,
        })
    }

    /// Input channels that one filter sees.
    pub fn group_in(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Filters of one group.
    pub fn group_out(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.in_channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height * self.out_width * self.out_channels
    }

    /// Elements of the filters.
    pub fn weight_len(&self) -> usize {
        self.kernel_h * self.kernel_w * self.group_in() * self.out_channels
    }

    /// Products that one output element sums.
    pub fn products_per_output(&self) -> usize {
        self.kernel_h * self.kernel_w * self.group_in()
    }

    /// Multiply-adds of the whole batch by the direct method.
    pub fn multiply_adds(&self) -> usize {
        self.output_len().saturating_mul(self.products_per_output())
    }
}

/// The checked shape of a two-dimensional pooling. The padding after the image is what the windows
/// need: it may reach past the padding that was asked for (a last window that hangs over, ceil
/// mode), and then counts as outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pool2dGeometry {
    /// Images.
    pub batch: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels of input and output.
    pub channels: usize,
    /// Rows of the output.
    pub out_height: usize,
    /// Columns of the output.
    pub out_width: usize,
    /// Rows and columns of the window.
    pub kernel: (usize, usize),
    /// Pixels from one window to the next.
    pub stride: (usize, usize),
    /// Padding as asked for.
    pub padding: Padding,
}

impl Pool2dGeometry {
    /// Checks a pooling of `input` `(n, h, w, c)` to an output of shape `output`, which must be
    /// what floor or ceil rounding gives.
    ///
    /// # Errors
    /// [`KernelError::Shape`] saying what does not fit.
    pub fn new(
        input: [usize; 4],
        output: [usize; 4],
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: Padding,
    ) -> Result<Self> {
        let [batch, height, width, channels] = input;
        let Padding { top, bottom, left, right } = padding;
        if 2 * top.max(bottom) > kernel.0 || 2 * left.max(right) > kernel.1 {
            return Err(shape_error!(
                "padding: {padding:?} is more than half of the window {kernel:?}"
            ));
        }
        if channels == 0 {
            return Err(shape_error!("x: channels: expected at least 1, got 0"));
        }
        let (rows, columns) =
            Window { stride, padding, dilation: (1, 1) }.axes((height, width), kernel);
        let mut sizes = [0; 2];
        for (size, (axis, came, name)) in
            sizes.iter_mut().zip([(rows, output[1], "height"), (columns, output[2], "width")])
        {
            let (floor, ceil) =
                (axis.output_size(Rounding::Floor)?, axis.output_size(Rounding::Ceil)?);
            if came != floor && came != ceil {
                return Err(shape_error!(
                    "output {name}: expected {floor} (floor) or {ceil} (ceil), got {came}"
                ));
            }
            *size = came;
        }
        if output[0] != batch || output[3] != channels {
            return Err(shape_error!(
                "output: expected {batch} images of {channels} channels, got {} of {}",
                output[0],
                output[3]
            ));
        }
        element_count("x", &input)?;
        Ok(Self {
            batch,
            height,
            width,
            channels,
            out_height: sizes[0],
            out_width: sizes[1],
            kernel,
            stride,
            padding,
        })
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height * self.out_width * self.channels
    }

    /// Input rows that output row `y` sees, without the padding.
    pub fn rows(&self, y: usize) -> std::ops::Range<usize> {
        Self::span(y * self.stride.0, self.padding.top, self.kernel.0, self.height)
    }

    /// Input columns that output column `x` sees, without the padding.
    pub fn columns(&self, x: usize) -> std::ops::Range<usize> {
        Self::span(x * self.stride.1, self.padding.left, self.kernel.1, self.width)
    }

    fn span(start: usize, before: usize, kernel: usize, size: usize) -> std::ops::Range<usize> {
        start.saturating_sub(before)..(start + kernel).saturating_sub(before).min(size)
    }

    /// Pixels of the window at (`y`, `x`) that average pooling divides by: those inside the image,
    /// or, with `count_include_pad`, inside the image and the padding that was asked for
    /// (PyTorch's rule).
    pub fn divisor(&self, y: usize, x: usize, count_include_pad: bool) -> usize {
        if count_include_pad {
            let inside =
                |start: usize, kernel: usize, limit: usize| (start + kernel).min(limit) - start;
            inside(
                y * self.stride.0,
                self.kernel.0,
                self.height + self.padding.top + self.padding.bottom,
            ) * inside(
                x * self.stride.1,
                self.kernel.1,
                self.width + self.padding.left + self.padding.right,
            )
        } else {
            self.rows(y).len() * self.columns(x).len()
        }
    }
}

#[cfg(test)]
mod tests;
