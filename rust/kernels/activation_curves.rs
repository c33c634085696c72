//! The activations beyond ReLU, sigmoid and tanh: element-wise curves, some with a number of their
//! own.
//!
//! `backward` takes what the derivative is written in: the output `y` where that says enough (then
//! the input need not be kept), else the input `x`; [`Curve::reads_output`] tells which. NaN stays
//! NaN; nothing overflows, and infinities go where the curve goes.

use super::Element;
use super::error::{KernelError, Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use super::special::{exp_m1_nonpositive, ln_1p_unit};

/// Elements of one item: 32 KB of `f32`, which stay in the cache between copying and computing.
const CHUNK: usize = 8 << 10;

/// What a curve costs beside a copy.
const COST: usize = 4 * ELEMENT_COST;

/// Which activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// `x` above 0, `slope x` below.
    LeakyRelu(f64),
    /// `scale x` above 0, `scale alpha (e^x - 1)` below.
    Elu {
        /// Where it tends to on the left, before scaling.
        alpha: f64,
        /// The slope on the right.
        scale: f64,
    },
    /// `x Φ(x)`, with the distribution function of the normal distribution.
    Gelu,
    /// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`
    GeluTanh,
    /// `x / (1 + e^-x)`
    Silu,
    /// `ln(1 + e^x)`
    Softplus,
    /// `x` times the hard sigmoid.
    HardSwish,
    /// `(x + 3) / 6` between 0 and 1.
    HardSigmoid,
    /// `x` between 0 and 6.
    Relu6,
}

impl Curve {
    /// The curve of that name.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for an unknown name.
    pub fn named(name: &str, parameter: f64) -> Result<Self> {
        Ok(match name {
            "leaky_relu" => Self::LeakyRelu(parameter),
            "elu" => Self::Elu { alpha: parameter, scale: 1.0 },
            "selu" => Self::Elu { alpha: 1.673_263_242_354_377_2, scale: 1.050_700_987_355_480_5 },
            "gelu" => Self::Gelu,
            "gelu_tanh" => Self::GeluTanh,
            "silu" => Self::Silu,
            "softplus" => Self::Softplus,
            "hard_swish" => Self::HardSwish,
            "hard_sigmoid" => Self::HardSigmoid,
            "relu6" => Self::Relu6,
            _ => {
                return Err(KernelError::Argument(format!(
                    "activation: no curve is called {name:?}"
                )));
            }
        })
    }

    /// Whether the derivative is written in the output `y`; else in the input `x`.
    pub fn reads_output(self) -> bool {
        !matches!(self, Self::Gelu | Self::GeluTanh | Self::Silu | Self::HardSwish)
    }
}

/// A curve with its numbers in the type of the elements.
trait Function<T>: Copy + Sync {
    /// `f(x)`
    fn value(self, x: T) -> T;
    /// `f'(x)`, from `y = f(x)` or from `x`.
    fn slope(self, saved: T) -> T;
}

/// Between two bounds; NaN stays.
#[inline(always)]
fn between<T: Element>(x: T, low: T, high: T) -> T {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[derive(Clone, Copy)]
struct LeakyRelu<T>(T);

impl<T: Element> Function<T> for LeakyRelu<T> {
    #[inline(always)]
    fn value(self, x: T) -> T {
        if x < T::ZERO { x * self.0 } else { x }
    }
    #[inline(always)]
    fn slope(self, y: T) -> T {
        if y > T::ZERO { T::ONE } else { self.0 }
    }
}

#[derive(Clone, Copy)]
struct Elu<T> {
    left: T,
    right: T,
}

impl<T: Element> Function<T> for Elu<T> {
    #[inline(always)]
    fn value(self, x: T) -> T {
        let below = self.left * exp_m1_nonpositive(if x > T::ZERO { T::ZERO } else { x });
        if x > T::ZERO { self.right * x } else { below }
    }
    #[inline(always)]
    fn slope(self, y: T) -> T {
        if y > T::ZERO { self.right } else { y + self.left }
    }
}

/// Beyond this the normal distribution's density is 0, and products with infinity are avoided.
#[inline(always)]
fn far<T: Element>() -> T {
    T::from_f64(50.0)
}

#[derive(Clone, Copy)]
struct Gelu;

impl<T: Element> Function<T> for Gelu {
    #[inline(always)]
    fn value(self, x: T) -> T {
        let half = T::from_f64(0.5);
        let share = half + half * (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf();
        (if x < -far::<T>() { T::ZERO } else { x }) * share
    }
    #[inline(always)]
    fn slope(self, x: T) -> T {
        let (half, x) = (T::from_f64(0.5), between(x, -far::<T>(), far()));
        let share = half + half * (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf();
        share + x * (-half * x * x).exp() * T::from_f64(0.398_942_280_401_432_7)
    }
}

#[derive(Clone, Copy)]
struct GeluTanh;

const ROOT_2_BY_PI: f64 = 0.797_884_560_802_865_4;
const CUBIC: f64 = 0.044_715;

impl<T: Element> Function<T> for GeluTanh {
    #[inline(always)]
    fn value(self, x: T) -> T {
        let (half, near) = (T::from_f64(0.5), between(x, -far::<T>(), far()));
        let inner = T::from_f64(ROOT_2_BY_PI) * near * (T::ONE + T::from_f64(CUBIC) * near * near);
        half * (if x < -far::<T>() { T::ZERO } else { x }) * (T::ONE + inner.tanh())
    }
    #[inline(always)]
    fn slope(self, x: T) -> T {
        let (half, x) = (T::from_f64(0.5), between(x, -far::<T>(), far()));
        let tanh = (T::from_f64(ROOT_2_BY_PI) * x * (T::ONE + T::from_f64(CUBIC) * x * x)).tanh();
        let inner = T::from_f64(ROOT_2_BY_PI) * (T::ONE + T::from_f64(3.0 * CUBIC) * x * x);
        half * (T::ONE + tanh) + half * x * (T::ONE - tanh * tanh) * inner
    }
}

/// `1 / (1 + e^-x)`, without overflow.
#[inline(always)]
fn sigmoid<T: Element>(x: T) -> T {
    let small = (-x.abs()).exp();
    (if x < T::ZERO { small } else { T::ONE }) / (T::ONE + small)
}

#[derive(Clone, Copy)]
struct Silu;

impl<T: Element> Function<T> for Silu {
    #[inline(always)]
    fn value(self, x: T) -> T {
        let low = T::from_f64(-1e4); // here the sigmoid is 0 already
        (if x < low { low } else { x }) * sigmoid(x)
    }
    #[inline(always)]
    fn slope(self, x: T) -> T {
        let x = between(x, T::from_f64(-1e4), T::from_f64(1e4));
        let y = sigmoid(x);
        y + x * y * (T::ONE - y)
    }
}

#[derive(Clone, Copy)]
struct Softplus;

impl<T: Element> Function<T> for Softplus {
    #[inline(always)]
    fn value(self, x: T) -> T {
        (if x < T::ZERO { T::ZERO } else { x }) + ln_1p_unit((-x.abs()).exp())
    }
    #[inline(always)]
    fn slope(self, y: T) -> T {
        -exp_m1_nonpositive(-y)
    }
}

#[derive(Clone, Copy)]
struct HardSwish;

impl<T: Element> Function<T> for HardSwish {
    #[inline(always)]
    fn value(self, x: T) -> T {
        let three = T::from_f64(3.0);
        let inside = between(x, -three, three);
        let inside = inside * (inside + three) * T::from_f64(1.0 / 6.0);
        if x > three { x } else { inside }
    }
    #[inline(always)]
    fn slope(self, x: T) -> T {
        let three = T::from_f64(3.0);
        let inside = (x + x + three) * T::from_f64(1.0 / 6.0);
        let inside = if x < -three { T::ZERO } else { inside };
        if x > three { T::ONE } else { inside }
    }
}

#[derive(Clone, Copy)]
struct HardSigmoid;

impl<T: Element> Function<T> for HardSigmoid {
    #[inline(always)]
    fn value(self, x: T) -> T {
        between((x + T::from_f64(3.0)) * T::from_f64(1.0 / 6.0), T::ZERO, T::ONE)
    }
    #[inline(always)]
    fn slope(self, y: T) -> T {
        if (y > T::ZERO) & (y < T::ONE) { T::from_f64(1.0 / 6.0) } else { T::ZERO }
    }
}

#[derive(Clone, Copy)]
struct Relu6;

impl<T: Element> Function<T> for Relu6 {
    #[inline(always)]
    fn value(self, x: T) -> T {
        between(x, T::ZERO, T::from_f64(6.0))
    }
    #[inline(always)]
    fn slope(self, y: T) -> T {
        if (y > T::ZERO) & (y < T::from_f64(6.0)) { T::ONE } else { T::ZERO }
    }
}

/// Calls `$function($f, ...)` with the function of a curve.
macro_rules! by_curve {
    ($curve:expr, $function:ident($($argument:expr),*)) => {
        match $curve {
            Curve::LeakyRelu(slope) => $function(LeakyRelu(T::from_f64(slope)), $($argument),*),
            Curve::Elu { alpha, scale } => {
                $function(Elu { left: T::from_f64(scale * alpha), right: T::from_f64(scale) }, $($argument),*)
            }
            Curve::Gelu => $function(Gelu, $($argument),*),
            Curve::GeluTanh => $function(GeluTanh, $($argument),*),
            Curve::Silu => $function(Silu, $($argument),*),
            Curve::Softplus => $function(Softplus, $($argument),*),
            Curve::HardSwish => $function(HardSwish, $($argument),*),
            Curve::HardSigmoid => $function(HardSigmoid, $($argument),*),
            Curve::Relu6 => $function(Relu6, $($argument),*),
        }
    };
}

/// `out = f(x)`; without `x`, `out = f(out)`.
///
/// # Errors
/// Slices of different lengths; interrupted.
pub fn forward<T: Element>(curve: Curve, x: Option<&[T]>, out: &mut [T]) -> Result<()> {
    if let Some(x) = x {
        expect_len("out", out.len(), x.len())?;
    }
    by_curve!(curve, forward_of(x, out))
}

fn forward_of<T: Element, F: Function<T>>(f: F, x: Option<&[T]>, out: &mut [T]) -> Result<()> {
    let cost = out.len() * COST;
    parallel::for_each(out.chunks_mut(CHUNK).enumerate(), cost, |(i, out)| {
        if let Some(x) = x {
            out.copy_from_slice(&x[i * CHUNK..][..out.len()]);
        }
        vectorized!(T, || out.iter_mut().for_each(|out| *out = f.value(*out)));
    })
}

/// `out (+)= grad_output f'`; without `grad_output`, `out = out f'`.
///
/// # Shapes
/// All of one length; `saved` is the output of the curve if it [`Curve::reads_output`], else its
/// input.
///
/// # Errors
/// Slices of different lengths, accumulation without `grad_output`; interrupted.
pub fn backward<T: Element>(
    curve: Curve,
    grad_output: Option<&[T]>,
    saved: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    expect_len("saved", saved.len(), out.len())?;
    match grad_output {
        Some(grad) => expect_len("grad_output", grad.len(), out.len())?,
        None if accumulate => {
            return Err(KernelError::Argument(
                "out: cannot be grad_output itself with accumulate".into(),
            ));
        }
        None => {}
    }
    by_curve!(curve, backward_of(grad_output, saved, accumulate, out))
}

fn backward_of<T: Element, F: Function<T>>(
    f: F,
    grad: Option<&[T]>,
    saved: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let cost = out.len() * COST;
    parallel::for_each(
        out.chunks_mut(CHUNK).zip(saved.chunks(CHUNK)).enumerate(),
        cost,
        |(i, (out, saved))| {
            let grad = grad.map(|grad| &grad[i * CHUNK..][..out.len()]);
            if let (Some(grad), true) = (grad, accumulate) {
                vectorized!(T, || out
                    .iter_mut()
                    .zip(grad)
                    .zip(saved)
                    .for_each(|((out, &grad), &saved)| *out += grad * f.slope(saved)));
                return;
            }
            if let Some(grad) = grad {
                out.copy_from_slice(grad);
            }
            vectorized!(T, || out
                .iter_mut()
                .zip(saved)
                .for_each(|(out, &saved)| *out = *out * f.slope(saved)));
        },
    )
}

#[cfg(test)]
mod tests {
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
            (at(Curve::Elu { alpha: 2.0, scale: 1.0 }, -1.0f64) - 2.0 * ((-1.0f64).exp() - 1.0))
                .abs()
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
                backward(
                    curve,
                    None,
                    &[if curve.reads_output() { y } else { x }],
                    false,
                    &mut slope,
                )
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
}
