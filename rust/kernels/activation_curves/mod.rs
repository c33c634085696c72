//! The activations beyond ReLU, sigmoid and tanh: element-wise curves, some with a
//! parameter.
//!
//! `backward` takes what the derivative is written in: the output `y` where that says enough (then
//! the input need not be kept), else the input `x`; [`Curve::reads_output`] tells which. NaN stays
//! NaN; nothing overflows, and infinities go where the curve goes.

use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len};
use crate::kernels::parallel::{self, ELEMENT_COST};
use crate::kernels::simd::vectorized;
use crate::kernels::special::{exp_m1_nonpositive, ln_1p_unit};

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
mod tests;
