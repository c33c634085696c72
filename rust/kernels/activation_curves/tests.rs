//! Curves against their definitions, and their gradients against differences.

use super::*;

const ALL: [Curve; 10] = [
    Curve::LeakyRelu(0.1),
    Curve::Elu { alpha: 1.5, scale: 1.0 },
    Curve::Elu { alpha: 1.673, scale: 1.051 },
    Curve::Gelu,
    Curve::GeluTanh,
    Curve::Silu,
    Curve::Softplus,
    Curve::HardSwish,
    Curve::HardSigmoid,
    Curve::Relu6,
];

fn at<T: Element>(curve: Curve, x: T) -> T {
    let mut y = [T::ZERO];
    forward(curve, Some(&[x]), &mut y).unwrap();
    y[0]
}

#[test]
fn values_by_hand() {
    assert_eq!(at(Curve::LeakyRelu(0.1), -2.0f64), -0.2);
    assert!(
        (at(Curve::Elu { alpha: 2.0, scale: 1.0 }, -1.0f64) - 2.0 * ((-1.0f64).exp() - 1.0)).abs()
            < 1e-15
    );
    assert!((at(Curve::Gelu, 1.0f64) - 0.841_344_746_068_542_9).abs() < 1e-15);
    assert!((at(Curve::GeluTanh, 1.0f64) - 0.841_191_990_608_301_5).abs() < 1e-12);
    assert!((at(Curve::Silu, 1.0f64) - 0.731_058_578_630_004_9).abs() < 1e-15);
    assert!((at(Curve::Softplus, 0.0f64) - 2.0f64.ln()).abs() < 1e-15);
    assert_eq!(at(Curve::HardSwish, 1.5f64), 1.125);
    assert_eq!([-4.0, 0.0, 4.0].map(|x: f64| at(Curve::HardSigmoid, x)), [0.0, 0.5, 1.0]);
    assert_eq!([-4.0, 2.5, 7.0].map(|x: f64| at(Curve::Relu6, x)), [0.0, 2.5, 6.0]);
}

#[test]
fn the_slope_is_the_derivative() {
    for curve in ALL {
        for i in 0..200 {
            let x = -5.0 + f64::from(i) * 0.051_3;
            let saved = if curve.reads_output() { at(curve, x) } else { x };
            let mut slope = [2.0];
            backward(curve, None, &[saved], false, &mut slope).unwrap();
            let measured = (at(curve, x + 1e-6) - at(curve, x - 1e-6)) / 1e-6;
            assert!(
                (slope[0] - measured).abs() < 1e-8,
                "{curve:?} at {x}: {} {measured}",
                slope[0]
            );
        }
    }
}

#[test]
fn nan_stays_and_infinities_go_where_the_curve_goes() {
    for curve in ALL {
        assert!(at(curve, f32::NAN).is_nan() && at(curve, f64::NAN).is_nan(), "{curve:?}");
        for x in [-1e4f32, 1e4, -1e38, 1e38] {
            let y = at(curve, x);
            let mut slope = [1.0];
            backward(curve, None, &[if curve.reads_output() { y } else { x }], false, &mut slope)
                .unwrap();
            assert!(y.is_finite() && slope[0].is_finite(), "{curve:?} {x}");
        }
        let ends = [f32::NEG_INFINITY, f32::INFINITY].map(|x| at(curve, x));
        assert!(
            !ends[0].is_nan()
                && ends[1]
                    == if matches!(curve, Curve::HardSigmoid) { 1.0 } else { ends[1].max(6.0) }
        );
    }
}

#[test]
fn lengths_and_names_that_do_not_fit() {
    assert!(forward(Curve::Silu, Some(&[1.0]), &mut [0.0, 0.0]).is_err());
    assert!(backward(Curve::Silu, None, &[1.0f32], true, &mut [0.0]).is_err());
    assert!(backward(Curve::Silu, Some(&[1.0f32]), &[1.0, 2.0], true, &mut [0.0]).is_err());
    assert!(Curve::named("swoosh", 0.0).is_err());
}
