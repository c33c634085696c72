//! Special functions that activations need. Written for SIMD where they are `f32`; exact to a few
//! units in the last place as `f64`.

use super::Element;

/// `e^x - 1` for `x <= 0`, without the loss of digits near 0: `2 t / (1 - t)` with `t = tanh(x /
/// 2)`.
#[inline(always)]
pub fn exp_m1_nonpositive<T: Element>(x: T) -> T {
    let t = (x * T::from_f64(0.5)).tanh();
    (t + t) / (T::ONE - t)
}

/// `ln(1 + u)` for `0 <= u <= 1`: `2 artanh(s)` with `s = u / (2 + u) <= 1/3`, as its series.
#[inline(always)]
pub fn ln_1p_unit<T: Element>(u: T) -> T {
    let terms = if size_of::<T>() == 4 { 8 } else { 17 };
    let s = u / (T::from_f64(2.0) + u);
    let square = s * s;
    let mut sum = T::ZERO;
    for n in (0..terms).rev() {
        sum = sum * square + T::from_f64(1.0 / f64::from(2 * n + 1));
    }
    (s + s) * sum
}

/// The error function within 5e-7: Eigen's rational function on the interval beyond which
/// it is ±1.
#[inline(always)]
pub fn erf_f32(x: f32) -> f32 {
    const END: f32 = 3.832_507;
    let s = x * x;
    // Written out: a loop over coefficients would keep the one around it from being made wide.
    let numerator =
        (((-2.726_142_3e-10 * s + 2.770_681_4e-8) * s - 2.101_024e-6) * s - 5.692_506_5e-5) * s;
    let numerator = ((numerator - 7.349_906_3e-4) * s - 2.954_6e-3) * s - 1.609_603_3e-2;
    let denominator =
        (((-1.456_607_2e-5 * s - 2.133_740_6e-4) * s - 1.682_827e-3) * s - 7.373_329e-3) * s
            - 1.426_473_9e-2;
    let inside = x * numerator / denominator;
    if x.abs() > END { 1.0f32.copysign(x) } else { inside }
}

/// The error function: the series `2/√π x e^{-x²} Σ (2x²)^n / (1·3·…·(2n+1))` up to 3, the
/// continued fraction of its complement above.
pub fn erf_f64(x: f64) -> f64 {
    const TWO_BY_ROOT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;
    let (magnitude, square) = (x.abs(), x * x);
    if magnitude < 3.0 {
        let (mut term, mut sum, mut odd) = (1.0, 1.0, 1.0);
        while term > sum * 1e-17 {
            odd += 2.0;
            term *= 2.0 * square / odd;
            sum += term;
        }
        return TWO_BY_ROOT_PI * x * (-square).exp() * sum;
    }
    let mut fraction = 0.0;
    for k in (1..=60).rev() {
        fraction = 0.5 * f64::from(k) / (magnitude + fraction);
    }
    (1.0 - 0.5 * TWO_BY_ROOT_PI * (-square).exp() / (magnitude + fraction)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From tables (Abramowitz & Stegun 7.1, Wolfram).
    const ERF: [(f64, f64); 6] = [
        (0.0, 0.0),
        (0.1, 0.112_462_916_018_284_9),
        (0.5, 0.520_499_877_813_046_5),
        (1.0, 0.842_700_792_949_714_9),
        (2.5, 0.999_593_047_982_555_1),
        (3.5, 0.999_999_256_901_627_7),
    ];

    #[test]
    fn the_error_function_of_tables() {
        for (x, value) in ERF {
            assert!((erf_f64(x) - value).abs() < 2e-15, "{x} {}", erf_f64(x));
            assert!((erf_f64(-x) + value).abs() < 2e-15);
        }
        assert_eq!(erf_f64(30.0), 1.0);
        assert_eq!(erf_f64(f64::NEG_INFINITY), -1.0);
        assert!(erf_f64(f64::NAN).is_nan() && erf_f32(f32::NAN).is_nan());
        for i in -50_000..=50_000 {
            let x = i as f32 / 10_000.0;
            assert!((f64::from(erf_f32(x)) - erf_f64(f64::from(x))).abs() < 5e-7, "{x}");
        }
        assert_eq!(erf_f32(30.0), 1.0);
        // the two halves meet
        assert!((erf_f64(3.0 - 1e-15) - erf_f64(3.0)).abs() < 1e-15);
    }

    #[test]
    fn exponential_less_one_and_logarithm_of_one_more() {
        for i in 0..=20_000 {
            let x = -f64::from(i) / 1000.0;
            let (wanted, single) = (x.exp_m1(), x as f32);
            assert!((exp_m1_nonpositive(x) - wanted).abs() <= 1e-15 * wanted.abs(), "{x}");
            assert!(
                (f64::from(exp_m1_nonpositive(single)) - f64::from(single).exp_m1()).abs()
                    <= 1.2e-6 * wanted.abs(),
                "{x}"
            );
            let u = f64::from(i) / 20_000.0;
            assert!((ln_1p_unit(u) - u.ln_1p()).abs() <= 1e-15 * u.ln_1p(), "{u}");
            assert!(
                (f64::from(ln_1p_unit(u as f32)) - f64::from(u as f32).ln_1p()).abs()
                    <= 6e-7 * u.ln_1p(),
                "{u}"
            );
        }
        assert_eq!(exp_m1_nonpositive(f32::NEG_INFINITY), -1.0);
        assert!(exp_m1_nonpositive(-1e-10f32) == -1e-10);
    }
}
