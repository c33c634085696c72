//! Optimizer steps: one pass over all parameters, in place, never left half done.

use super::Element;
use super::error::{Result, expect_len};
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Elements of one item.
const CHUNK: usize = 16 << 10;

/// Constants of a step of stochastic gradient descent, in PyTorch's convention.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    /// η
    pub learning_rate: f64,
    /// μ
    pub momentum: f64,
    /// τ
    pub dampening: f64,
    /// λ
    pub weight_decay: f64,
    /// Look ahead along the velocity.
    pub nesterov: bool,
}

/// `g = gradient + λ w; v = μ v + (1 - τ) g; w -= η (nesterov ? g + μ v : v)`, and without a velocity `w -= η g`.
///
/// # Errors
/// Slices of different lengths.
pub fn sgd_step<T: Element>(parameter: &mut [T], gradient: &[T], velocity: Option<&mut [T]>, step: &Sgd) -> Result<()> {
    expect_len("gradient", gradient.len(), parameter.len())?;
    let [rate, momentum, kept, decay] = [step.learning_rate, step.momentum, 1.0 - step.dampening, step.weight_decay].map(T::from_f64);
    let cost = parameter.len() * ELEMENT_COST;
    let Some(velocity) = velocity else {
        parallel::for_each_uninterrupted(parameter.chunks_mut(CHUNK).zip(gradient.chunks(CHUNK)), cost, |(parameter, gradient)| {
            vectorized!(|| {
                for (w, &g) in parameter.iter_mut().zip(gradient) {
                    *w = *w - rate * (g + decay * *w);
                }
            });
        });
        return Ok(());
    };
    expect_len("velocity", velocity.len(), parameter.len())?;
    let items = parameter.chunks_mut(CHUNK).zip(gradient.chunks(CHUNK)).zip(velocity.chunks_mut(CHUNK));
    parallel::for_each_uninterrupted(items, cost, |((parameter, gradient), velocity)| {
        vectorized!(|| {
            for ((w, &g), v) in parameter.iter_mut().zip(gradient).zip(velocity) {
                let g = g + decay * *w;
                *v = momentum * *v + kept * g;
                *w = *w - rate * if step.nesterov { g + momentum * *v } else { *v };
            }
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let step = Sgd { learning_rate: 0.5, momentum: 0.5, dampening: 0.0, weight_decay: 0.25, nesterov: false };
        let (mut w, mut v) = ([4.0f64], [0.0]);
        sgd_step(&mut w, &[1.0], Some(&mut v), &step).unwrap();
        assert_eq!((w, v), ([3.0], [2.0])); // g = 1 + 0.25 * 4 = 2
        sgd_step(&mut w, &[1.0], Some(&mut v), &Sgd { nesterov: true, ..step }).unwrap();
        assert_eq!((w, v), ([3.0 - 0.5 * (1.75 + 0.5 * 2.75)], [2.75]));
        sgd_step(&mut w, &[2.0], None, &Sgd { weight_decay: 0.0, ..step }).unwrap();
        assert_eq!(w, [3.0 - 0.5 * 3.125 - 1.0]);
    }
}
