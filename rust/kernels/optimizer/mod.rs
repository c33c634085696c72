//! Optimizer steps: one pass over parameters, gradients and what the optimizer remembers, in place,
//! never left half done.
//!
//! A `Rule` says what happens to one element; `sweep` takes it over flat arrays on all threads.
//! `w` are parameters, `g` the gradient as [`Adjust`] makes it, η the learning rate. Conventions
//! are PyTorch's.

mod adaptive;
mod sgd;

pub use adaptive::{
    Adagrad, Adam, Lion, RmsProp, adagrad_step, adam_step, lion_step, rmsprop_step,
};
pub use sgd::{Sgd, sgd_step};

use super::Element;
use super::error::{Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;
use crate::kernels::tuning::ITEM_LEN;

/// What is done to the gradient first: `g = clip(scale · gradient, ±limit) + l1 sign(w) + l2 w`.
#[derive(Debug, Clone, Copy)]
pub struct Adjust {
    /// Multiplies the gradient.
    pub scale: f64,
    /// The largest absolute value after that; infinity for none.
    pub limit: f64,
    /// Of the L1 penalty.
    pub l1: f64,
    /// Of the L2 penalty: weight decay that goes through the gradient.
    pub l2: f64,
}

impl Adjust {
    /// Leaves the gradient as it is.
    pub const NONE: Self = Self { scale: 1.0, limit: f64::INFINITY, l1: 0.0, l2: 0.0 };

    fn typed<T: Element>(&self) -> Typed<T> {
        let [scale, limit, l1, l2] = [self.scale, self.limit, self.l1, self.l2].map(T::from_f64);
        Typed { scale, limit, l1, l2 }
    }
}

#[derive(Clone, Copy)]
struct Typed<T> {
    scale: T,
    limit: T,
    l1: T,
    l2: T,
}

impl<T: Element> Typed<T> {
    /// Without a limit and an L1 penalty, which most trainings do without, `PLAIN` leaves out what
    /// they cost; the bits are the same.
    #[inline(always)]
    fn apply<const PLAIN: bool>(&self, gradient: T, w: T) -> T {
        let g = self.scale * gradient;
        if PLAIN {
            return g + self.l2 * w;
        }
        // NaN compares false and stays.
        let g = if g > self.limit { self.limit } else { g };
        let g = if g < -self.limit { -self.limit } else { g };
        let l1 = if w > T::ZERO { self.l1 } else { T::ZERO }
            - if w < T::ZERO { self.l1 } else { T::ZERO };
        g + l1 + self.l2 * w
    }
}

/// What an optimizer does to one element, with `S` numbers remembered for it.
trait Rule<T, const S: usize>: Copy + Sync {
    /// The new parameter and the new memory; mark it `#[inline(always)]`.
    fn step(self, w: T, g: T, state: [T; S]) -> (T, [T; S]);
}

/// Applies a rule to all elements.
fn sweep<T: Element, const S: usize>(
    parameter: &mut [T],
    gradient: &[T],
    state: [(&str, &mut [T]); S],
    adjust: &Adjust,
    rule: impl Rule<T, S>,
) -> Result<()> {
    expect_len("gradient", gradient.len(), parameter.len())?;
    for (name, slice) in &state {
        expect_len(name, slice.len(), parameter.len())?;
    }
    let plain = adjust.limit == f64::INFINITY && adjust.l1 == 0.0;
    let (cost, adjust) = (parameter.len() * ELEMENT_COST * (2 + S) / 2, adjust.typed::<T>());
    let pieces = Pieces { parameter, gradient, state: state.map(|(_, slice)| slice) };
    parallel::for_each_uninterrupted(pieces, cost, |piece| {
        if plain {
            vectorized!(T, || sweep_piece::<T, S, true>(piece, &adjust, rule));
        } else {
            vectorized!(T, || sweep_piece::<T, S, false>(piece, &adjust, rule));
        }
    });
    Ok(())
}

#[inline(always)]
fn sweep_piece<T: Element, const S: usize, const PLAIN: bool>(
    piece: Pieces<'_, T, S>,
    adjust: &Typed<T>,
    rule: impl Rule<T, S>,
) {
    let Pieces { parameter, gradient, state } = piece;
    let count = parameter.len();
    let gradient = &gradient[..count];
    let state = state.map(
        #[inline(always)]
        |slice| &mut slice[..count],
    );
    for i in 0..count {
        let (w, mut memory) = (parameter[i], [T::ZERO; S]);
        for s in 0..S {
            memory[s] = state[s][i];
        }
        let (w, memory) = rule.step(w, adjust.apply::<PLAIN>(gradient[i], w), memory);
        parameter[i] = w;
        for s in 0..S {
            state[s][i] = memory[s];
        }
    }
}

/// Flat arrays of one length, to be handed out in pieces of [`ITEM_LEN`].
struct Pieces<'a, T, const S: usize> {
    parameter: &'a mut [T],
    gradient: &'a [T],
    state: [&'a mut [T]; S],
}

impl<T, const S: usize> Iterator for Pieces<'_, T, S> {
    type Item = Self;

    fn next(&mut self) -> Option<Self> {
        let count = ITEM_LEN.min(self.parameter.len());
        if count == 0 {
            return None;
        }
        let (gradient, rest) = self.gradient.split_at(count);
        self.gradient = rest;
        let state = self.state.each_mut().map(|slice| take(slice, count));
        Some(Self { parameter: take(&mut self.parameter, count), gradient, state })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.parameter.len().div_ceil(ITEM_LEN);
        (count, Some(count))
    }
}

impl<T, const S: usize> ExactSizeIterator for Pieces<'_, T, S> {}

/// Cuts off the first `count` elements.
fn take<'a, T>(slice: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    let (head, rest) = std::mem::take(slice).split_at_mut(count);
    *slice = rest;
    head
}

#[cfg(test)]
mod tests;
