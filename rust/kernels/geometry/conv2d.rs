//! The checked sizes of a two-dimensional convolution.

use super::{Rounding, Window, element_count};
use crate::kernels::error::{KernelError, Result, shape_error};

/// The checked sizes of a two-dimensional convolution.
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
    /// Groups: the filters of a group see only the input channels of that group.
    pub groups: usize,
}

impl Conv2dGeometry {
    /// Checks an input of shape `(n, h, w, c)` against filters of shape `[kernel_h, kernel_w, c /
    /// groups, filters]`, and computes the output size.
    ///
    /// # Errors
    /// [`KernelError::Shape`] if the shapes do not fit together.
    pub fn new(
        input: [usize; 4],
        weight: [usize; 4],
        window: Window,
        groups: usize,
    ) -> Result<Self> {
        let [batch, height, width, in_channels] = input;
        let [kernel_h, kernel_w, depth, out_channels] = weight;
        check_channels(in_channels, depth, out_channels, groups)?;
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

    /// Input channels of one group.
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

    /// Products that are summed into one output element.
    pub fn products_per_output(&self) -> usize {
        self.kernel_h * self.kernel_w * self.group_in()
    }

    /// Multiply-adds of the whole batch, computed directly.
    pub fn multiply_adds(&self) -> usize {
        self.output_len().saturating_mul(self.products_per_output())
    }
}

/// Checks that the depth of the filters and the groups fit the channels.
fn check_channels(
    in_channels: usize,
    depth: usize,
    out_channels: usize,
    groups: usize,
) -> Result<()> {
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
    Ok(())
}
