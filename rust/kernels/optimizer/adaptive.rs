//! Optimizers with a separate rate for every element, and Lion.

use super::super::Element;
use super::super::error::Result;
use super::{Adjust, Rule, sweep};

/// Constants of a step of Adam or, with `shrink`, AdamW.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// η
    pub learning_rate: f64,
    /// β₁ and β₂
    pub betas: (f64, f64),
    /// ε
    pub eps: f64,
    /// By what `w` is multiplied first: `1 - η λ` in AdamW, 1 in Adam.
    pub shrink: f64,
    /// Number of this step, from 1.
    pub step: u64,
}

/// `m = β₁ m + (1 - β₁) g; s = β₂ s + (1 - β₂) g²; w -= η m / (1 - β₁ᵗ) / (√(s / (1 - β₂ᵗ)) + ε)`;
/// with `largest`, the largest `s` so far is used under the root (AMSGrad).
///
/// # Errors
/// Slices of different lengths.
pub fn adam_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    square: &mut [T],
    largest: Option<&mut [T]>,
    adjust: &Adjust,
    step: &Adam,
) -> Result<()> {
    let (first, second) = step.betas;
    let t = step.step as f64;
    let rule = AdamRule {
        shrink: T::from_f64(step.shrink),
        rate: T::from_f64(step.learning_rate / (1.0 - first.powf(t))),
        first: T::from_f64(1.0 - first),
        second: T::from_f64(second),
        second_rest: T::from_f64(1.0 - second),
        root: T::from_f64((1.0 - second.powf(t)).sqrt().recip()),
        eps: T::from_f64(step.eps),
    };
    match largest {
        None => sweep(parameter, gradient, [("mean", mean), ("square", square)], adjust, rule),
        Some(largest) => sweep(
            parameter,
            gradient,
            [("mean", mean), ("square", square), ("largest", largest)],
            adjust,
            rule,
        ),
    }
}

#[derive(Clone, Copy)]
struct AdamRule<T> {
    shrink: T,
    rate: T,
    first: T,
    second: T,
    second_rest: T,
    root: T,
    eps: T,
}

impl<T: Element> AdamRule<T> {
    #[inline(always)]
    fn moments(&self, g: T, m: T, s: T) -> (T, T) {
        (m + self.first * (g - m), self.second * s + self.second_rest * g * g)
    }

    #[inline(always)]
    fn moved(&self, w: T, m: T, s: T) -> T {
        self.shrink * w - self.rate * m / (s.sqrt() * self.root + self.eps)
    }
}

impl<T: Element> Rule<T, 2> for AdamRule<T> {
    #[inline(always)]
    fn step(self, w: T, g: T, [m, s]: [T; 2]) -> (T, [T; 2]) {
        let (m, s) = self.moments(g, m, s);
        (self.moved(w, m, s), [m, s])
    }
}

impl<T: Element> Rule<T, 3> for AdamRule<T> {
    #[inline(always)]
    fn step(self, w: T, g: T, [m, s, top]: [T; 3]) -> (T, [T; 3]) {
        let (m, s) = self.moments(g, m, s);
        let top = top.max_propagating(s);
        (self.moved(w, m, top), [m, s, top])
    }
}

/// Constants of a step of RMSprop.
#[derive(Debug, Clone, Copy)]
pub struct RmsProp {
    /// η
    pub learning_rate: f64,
    /// α
    pub alpha: f64,
    /// ε
    pub eps: f64,
    /// μ
    pub momentum: f64,
}

/// `s = α s + (1 - α) g²; d = g / (√s + ε); w -= η d`. With `mean`, `m = α m + (1 - α) g` and the
/// root is of `s - m²`; with `velocity`, `v = μ v + d; w -= η v`.
///
/// # Errors
/// Slices of different lengths.
pub fn rmsprop_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    square: &mut [T],
    mean: Option<&mut [T]>,
    velocity: Option<&mut [T]>,
    adjust: &Adjust,
    step: &RmsProp,
) -> Result<()> {
    let [rate, alpha, rest, eps, momentum] =
        [step.learning_rate, step.alpha, 1.0 - step.alpha, step.eps, step.momentum]
            .map(T::from_f64);
    let square = ("square", square);
    match (mean, velocity) {
        (None, None) => sweep(
            parameter,
            gradient,
            [square],
            adjust,
            RmsRule::<T, false> { rate, alpha, rest, eps, momentum },
        ),
        (None, Some(velocity)) => {
            let state = [square, ("velocity", velocity)];
            sweep(
                parameter,
                gradient,
                state,
                adjust,
                RmsRule::<T, false> { rate, alpha, rest, eps, momentum },
            )
        }
        (Some(mean), None) => {
            let state = [square, ("mean", mean)];
            sweep(
                parameter,
                gradient,
                state,
                adjust,
                RmsRule::<T, true> { rate, alpha, rest, eps, momentum },
            )
        }
        (Some(mean), Some(velocity)) => {
            let state = [square, ("mean", mean), ("velocity", velocity)];
            sweep(
                parameter,
                gradient,
                state,
                adjust,
                RmsRule::<T, true> { rate, alpha, rest, eps, momentum },
            )
        }
    }
}

#[derive(Clone, Copy)]
struct RmsRule<T, const CENTERED: bool> {
    rate: T,
    alpha: T,
    rest: T,
    eps: T,
    momentum: T,
}

impl<T: Element, const CENTERED: bool> RmsRule<T, CENTERED> {
    #[inline(always)]
    fn square(&self, g: T, s: T) -> T {
        self.alpha * s + self.rest * g * g
    }

    /// The mean of gradients, and the direction.
    #[inline(always)]
    fn centered(&self, g: T, s: T, m: T) -> (T, T) {
        let m = m + self.rest * (g - m);
        (m, g / ((s - m * m).sqrt() + self.eps))
    }
}

impl<T: Element> Rule<T, 1> for RmsRule<T, false> {
    #[inline(always)]
    fn step(self, w: T, g: T, [s]: [T; 1]) -> (T, [T; 1]) {
        let s = self.square(g, s);
        (w - self.rate * g / (s.sqrt() + self.eps), [s])
    }
}

impl<T: Element> Rule<T, 2> for RmsRule<T, false> {
    #[inline(always)]
    fn step(self, w: T, g: T, [s, v]: [T; 2]) -> (T, [T; 2]) {
        let s = self.square(g, s);
        let v = self.momentum * v + g / (s.sqrt() + self.eps);
        (w - self.rate * v, [s, v])
    }
}

impl<T: Element> Rule<T, 2> for RmsRule<T, true> {
    #[inline(always)]
    fn step(self, w: T, g: T, [s, m]: [T; 2]) -> (T, [T; 2]) {
        let s = self.square(g, s);
        let (m, direction) = self.centered(g, s, m);
        (w - self.rate * direction, [s, m])
    }
}

impl<T: Element> Rule<T, 3> for RmsRule<T, true> {
    #[inline(always)]
    fn step(self, w: T, g: T, [s, m, v]: [T; 3]) -> (T, [T; 3]) {
        let s = self.square(g, s);
        let (m, direction) = self.centered(g, s, m);
        let v = self.momentum * v + direction;
        (w - self.rate * v, [s, m, v])
    }
}

/// Constants of a step of Adagrad.
#[derive(Debug, Clone, Copy)]
pub struct Adagrad {
    /// η of this step
    pub learning_rate: f64,
    /// ε
    pub eps: f64,
    /// What the sums start from; added under the root, so that memory may start from zeros.
    pub start: f64,
}

/// `s += g²; w -= η g / (√(s + start) + ε)`
///
/// # Errors
/// Slices of different lengths.
pub fn adagrad_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    square: &mut [T],
    adjust: &Adjust,
    step: &Adagrad,
) -> Result<()> {
    let [rate, eps, start] = [step.learning_rate, step.eps, step.start].map(T::from_f64);
    sweep(parameter, gradient, [("square", square)], adjust, AdagradRule { rate, eps, start })
}

#[derive(Clone, Copy)]
struct AdagradRule<T> {
    rate: T,
    eps: T,
    start: T,
}

impl<T: Element> Rule<T, 1> for AdagradRule<T> {
    #[inline(always)]
    fn step(self, w: T, g: T, [s]: [T; 1]) -> (T, [T; 1]) {
        let s = s + g * g;
        (w - self.rate * g / ((s + self.start).sqrt() + self.eps), [s])
    }
}

/// Constants of a step of Lion.
#[derive(Debug, Clone, Copy)]
pub struct Lion {
    /// η
    pub learning_rate: f64,
    /// β₁ and β₂
    pub betas: (f64, f64),
    /// By what `w` is multiplied first: `1 - η λ`.
    pub shrink: f64,
}

/// `w -= η sign(β₁ m + (1 - β₁) g); m = β₂ m + (1 - β₂) g`
///
/// # Errors
/// Slices of different lengths.
pub fn lion_step<T: Element>(
    parameter: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    adjust: &Adjust,
    step: &Lion,
) -> Result<()> {
    let [rate, first, second, shrink] =
        [step.learning_rate, 1.0 - step.betas.0, 1.0 - step.betas.1, step.shrink].map(T::from_f64);
    sweep(parameter, gradient, [("mean", mean)], adjust, LionRule { rate, first, second, shrink })
}

#[derive(Clone, Copy)]
struct LionRule<T> {
    rate: T,
    first: T,
    second: T,
    shrink: T,
}

impl<T: Element> Rule<T, 1> for LionRule<T> {
    #[inline(always)]
    fn step(self, w: T, g: T, [m]: [T; 1]) -> (T, [T; 1]) {
        let c = m + self.first * (g - m);
        let up = if c > T::ZERO { self.rate } else { T::ZERO };
        let down = if c < T::ZERO { self.rate } else { T::ZERO };
        (self.shrink * w - up + down, [m + self.second * (g - m)])
    }
}
