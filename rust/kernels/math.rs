//! Elementary functions for `f32` that the compiler can turn into SIMD: no tables, no branches.

/// The natural logarithm of 2 in two parts: multiples of the first, below 2¹⁰, are exact.
pub const LN2_HIGH: f32 = 0.693_359_4;
/// The rest of it.
pub const LN2_LOW: f32 = -2.121_944_4e-4;
/// `(e^r - 1 - r) / r²` for `|r| <= ln 2 / 2`, the highest power first (Cephes, Moshier 1992).
pub const EXP: [f32; 6] =
    [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// `e^x`, within 2 units in the last place; 0 far below, infinity far above, NaN for NaN.
///
/// `x = n ln 2 + r` with `|r| <= ln 2 / 2`; a polynomial of degree 7 for `e^r`, then a scaling by
/// `2^n` in two halves so that neither over- nor underflows on its own.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    let clamped = x.clamp(-104.0, 89.0);
    // Adding 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits.
    let shifted = clamped * std::f32::consts::LOG2_E + 12_582_912.0;
    let n = shifted - 12_582_912.0;
    let r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    let mut p = EXP[0];
    let mut i = 1;
    while i < EXP.len() {
        p = p * r + EXP[i];
        i += 1;
    }
    let value = p * r * r + r + 1.0;
    // `n as i32` would saturate, which is not made wide. For NaN any integer will do: `value` is
    // NaN then.
    let n = (shifted.to_bits() as i32).wrapping_sub(12_582_912.0f32.to_bits() as i32);
    let half = n >> 1;
    let scale = |power: i32| f32::from_bits((power.wrapping_add(127) << 23) as u32);
    let result = value * scale(half) * scale(n.wrapping_sub(half));
    if x > 88.722_84 {
        f32::INFINITY
    } else if x < -103.972_08 {
        0.0
    } else {
        result
    }
}

/// `tanh x`, within 3 units in the last place.
///
/// An odd rational-free polynomial below 0.625 (Cephes), `1 - 2 / (e^{2|x|} + 1)` above.
#[inline(always)]
pub fn tanh_f32(x: f32) -> f32 {
    let magnitude = x.abs();
    let s = x * x;
    let p = (((-5.704_988_7e-3 * s + 2.063_909e-2) * s - 5.373_971_5e-2) * s + 1.333_144_2e-1) * s
        - 3.333_327_5e-1;
    let small = p * s * x + x;
    let large = (1.0 - 2.0 / (exp_f32(2.0 * magnitude) + 1.0)).copysign(x);
    if magnitude < 0.625 { small } else { large }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, low: f32, high: f32) -> f64 {
        let steps = 400_000;
        (0..=steps)
            .map(|i| {
                let x = low + (high - low) * (i as f32 / steps as f32);
                let truth = exact(f64::from(x));
                let ulp = f64::from(f32::EPSILON) * truth.abs().max(f64::from(f32::MIN_POSITIVE));
                (f64::from(f(x)) - truth).abs() / ulp
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn within_a_few_units_in_the_last_place() {
        assert!(worst(exp_f32, f64::exp, -87.0, 88.7) < 2.0);
        assert!(worst(tanh_f32, f64::tanh, -20.0, 20.0) < 3.0);
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(exp_f32(0.0), 1.0);
        assert_eq!(exp_f32(1e4), f32::INFINITY);
        assert_eq!(exp_f32(f32::NEG_INFINITY), 0.0);
        assert!(exp_f32(f32::NAN).is_nan());
        assert_eq!(tanh_f32(1e4), 1.0);
        assert_eq!(tanh_f32(f32::NEG_INFINITY), -1.0);
        assert!(tanh_f32(f32::NAN).is_nan());
    }
}
