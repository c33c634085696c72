//! Tests: output sizes computed by hand, and the sizes that are refused.

use super::*;

fn axis(size: usize, kernel: usize, stride: usize, padding: usize) -> Axis {
    Axis { size, kernel, stride, before: padding, after: padding, dilation: 1 }
}

#[test]
fn the_formula() {
    assert_eq!(axis(32, 5, 1, 0).output_size(Rounding::Floor), Ok(28));
    assert_eq!(axis(7, 3, 2, 0).output_size(Rounding::Exact), Ok(3));
    assert_eq!(axis(7, 3, 3, 0).output_size(Rounding::Floor), Ok(2));
    assert_eq!(axis(7, 3, 3, 0).output_size(Rounding::Ceil), Ok(3));
    assert_eq!(Axis { dilation: 2, ..axis(7, 3, 1, 0) }.output_size(Rounding::Floor), Ok(3));
}

#[test]
fn an_exact_stride_that_does_not_fit_is_explained() {
    let text = axis(7, 3, 3, 0).output_size(Rounding::Exact).unwrap_err().to_string();
    for part in [
        "(7 - 3 + 2*0) / 3 + 1 = 2.33",
        "strides that fit: 2 and 4",
        "paddings that fit with stride 3: 1",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn same_puts_the_odd_pixel_after() {
    assert_eq!(same_padding(32, 5, 1, 1), Ok((2, 2)));
    assert_eq!(same_padding(32, 2, 1, 1), Ok((0, 1)));
    assert_eq!(same_padding(224, 7, 2, 1), Ok((2, 3)));
}

#[test]
fn depths_must_agree() {
    let window = Window { stride: (1, 1), padding: Padding::default(), dilation: (1, 1) };
    let text = Conv2dGeometry::new([1, 8, 8, 4], [5, 5, 3, 1], window, 1).unwrap_err().to_string();
    assert!(text.contains("depth 3") && text.contains("4 channels"), "{text}");
    assert!(Conv2dGeometry::new([usize::MAX / 2, 8, 8, 4], [3, 3, 4, 1], window, 1).is_err());
}
