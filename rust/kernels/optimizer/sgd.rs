//! Stochastic gradient descent with momentum.

use super::super::Element;
use super::super::error::Result;
use super::{Adjust, Rule, sweep};

/// Constants of a step of stochastic gradient descent.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    /// η
    pub learning_rate: f64,
    /// μ
    pub momentum: f64,
    /// τ
    pub dampening: f64,
    /// Look ahead along the velocity.
    pub nesterov: bool,
}

/// `v = μ v + (1 - τ) g; w -= η (nesterov ? g + μ v : v)`, and without a velocity `w -= η g`.
///
/// # Errors
/// Slices of different lengths.
pub fn sgd_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    velocity: Option<&mut [T]>,
    adjust: &Adjust,
    step: &Sgd,
) -> Result<()> {
    let [rate, momentum, kept] =
        [step.learning_rate, step.momentum, 1.0 - step.dampening].map(T::from_f64);
    match velocity {
        None => sweep(parameter, gradient, [], adjust, Plain { rate }),
        Some(velocity) if step.nesterov => sweep(
            parameter,
            gradient,
            [("velocity", velocity)],
            adjust,
            Momentum::<T, true> { rate, momentum, kept },
        ),
        Some(velocity) => sweep(
            parameter,
            gradient,
            [("velocity", velocity)],
            adjust,
            Momentum::<T, false> { rate, momentum, kept },
        ),
    }
}

#[derive(Clone, Copy)]
struct Plain<T> {
    rate: T,
}

impl<T: Element> Rule<T, 0> for Plain<T> {
    #[inline(always)]
    fn step(self, w: T, g: T, state: [T; 0]) -> (T, [T; 0]) {
        (w - self.rate * g, state)
    }
}

#[derive(Clone, Copy)]
struct Momentum<T, const NESTEROV: bool> {
    rate: T,
    momentum: T,
    kept: T,
}

impl<T: Element, const NESTEROV: bool> Rule<T, 1> for Momentum<T, NESTEROV> {
    #[inline(always)]
    fn step(self, w: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let v = self.momentum * v + self.kept * g;
        (w - self.rate * if NESTEROV { g + self.momentum * v } else { v }, [v])
    }
}
