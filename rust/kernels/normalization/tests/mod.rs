//! Hand-written numbers, the definition in double precision, and central differences.

mod by_group;

use super::groups::{Gradient, Groups};
use super::local_response::LocalResponse;
use super::*;
use crate::kernels::parallel::set_num_threads;

/// Numbers from -1 to 1 without a pattern.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    (0..len)
        .map(|i| ((i + 1) as f64 * 0.754_877_666 + seed as f64 * 0.569_840_29).fract() * 2.0 - 1.0)
        .collect()
}

/// Output, mean and variance of the training forward pass.
fn forward<T: Element>(x: &[T], gamma: &[T], beta: &[T], epsilon: f64, relu: bool) -> [Vec<T>; 3] {
    let [mut y, mut mean, mut variance] =
        [x.len(), gamma.len(), gamma.len()].map(|len| vec![T::from_f64(7.0); len]);
    let batch = Groups::new(x.len(), 1, gamma.len(), gamma.len()).unwrap();
    groups::forward(&batch, Some(x), gamma, beta, &mut y, &mut mean, &mut variance, epsilon, relu)
        .unwrap();
    [y, mean, variance]
}

#[test]
fn two_channels_by_hand() {
    // Channel 0: 1, 3, 5, 7, mean 4, variance 5. Channel 1: always 2. With epsilon 4 the deviation
    // of channel 0 is 3.
    let x = [1.0f64, 2.0, 3.0, 2.0, 5.0, 2.0, 7.0, 2.0];
    let [y, mean, variance] = forward(&x, &[3.0, 10.0], &[0.5, -1.0], 4.0, false);
    assert_eq!((mean, variance), (vec![4.0, 2.0], vec![5.0, 0.0]));
    for (y, expected) in y.iter().zip([-2.5, -1.0, -0.5, -1.0, 1.5, -1.0, 3.5, -1.0]) {
        assert!((y - expected).abs() < 1e-15, "{y} {expected}");
    }
    let [cut, ..] = forward(&x, &[3.0, 10.0], &[0.5, -1.0], 4.0, true);
    assert_eq!(cut, y.iter().map(|&y| if y < 0.0 { 0.0 } else { y }).collect::<Vec<_>>());
}

#[test]
fn fixed_statistics_by_hand() {
    let mut y = [0.0f32; 6];
    scale_shift_forward(
        Some(&[1.0, 2.0, -3.0, f32::NAN, 0.5, 0.0]),
        &[2.0, -1.0],
        &[1.0, 0.5],
        &mut y,
        true,
    )
    .unwrap();
    assert_eq!((y[..3].to_vec(), y[4..].to_vec()), (vec![3.0, 0.0, 0.0], vec![2.0, 0.5]));
    assert!(y[3].is_nan());
    scale_shift_forward(
        Some(&[1.0, 2.0, -3.0, 4.0]),
        &[2.0, -1.0],
        &[1.0, 0.5],
        &mut y[..4],
        false,
    )
    .unwrap();
    assert_eq!(y[..4], [3.0, -1.5, -5.0, -3.5]);
}

/// Narrow, wide, with a partial last row, a single position, several blocks.
const SHAPES: [(usize, usize); 9] =
    [(1, 1), (1, 70), (7, 3), (70_001, 1), (9001, 3), (1000, 17), (500, 64), (333, 65), (40, 2049)];

#[test]
fn every_shape_like_the_definition() {
    for (positions, channels) in SHAPES {
        let x = numbers(positions * channels, 1);
        let (gamma, beta) = (numbers(channels, 2), numbers(channels, 3));
        let [y, mean, variance] = forward(&x, &gamma, &beta, 1e-3, false);
        for c in 0..channels {
            let column: Vec<f64> = x.iter().skip(c).step_by(channels).copied().collect();
            let expected = column.iter().sum::<f64>() / positions as f64;
            let spread =
                column.iter().map(|x| (x - expected).powi(2)).sum::<f64>() / positions as f64;
            assert!(
                (mean[c] - expected).abs() < 1e-13 && (variance[c] - spread).abs() < 1e-13,
                "{positions}x{channels}"
            );
            for p in (0..positions).step_by(positions / 50 + 1) {
                let i = p * channels + c;
                let expected = gamma[c] * (x[i] - expected) / (spread + 1e-3).sqrt() + beta[c];
                assert!((y[i] - expected).abs() < 1e-12, "{positions}x{channels}");
            }
        }
    }
}

#[test]
fn a_mean_far_from_zero_cancels_nothing() {
    let (positions, channels) = (30_000, 5);
    let x: Vec<f32> = numbers(positions * channels, 4)
        .iter()
        .enumerate()
        .map(|(i, &v)| (v + 4096.0 * (i % channels) as f64) as f32)
        .collect();
    let [_, mean, variance] = forward(&x, &[1.0; 5], &[0.0; 5], 1e-5, false);
    for c in 0..channels {
        let column: Vec<f64> = x.iter().skip(c).step_by(channels).map(|&x| f64::from(x)).collect();
        let expected = column.iter().sum::<f64>() / positions as f64;
        let spread = column.iter().map(|x| (x - expected).powi(2)).sum::<f64>() / positions as f64;
        assert!((f64::from(mean[c]) - expected).abs() < 1e-6 * expected.abs().max(1.0), "{c}");
        assert!(
            (f64::from(variance[c]) / spread - 1.0).abs() < 1e-5,
            "{c}: {} {spread}",
            variance[c]
        );
    }
}

/// The gradients of input, gamma and beta, added to ones or overwriting them.
fn backward<T: Element>(
    grad_output: &[T],
    x: &[T],
    [_, mean, variance]: &[Vec<T>; 3],
    [gamma, beta]: [&[T]; 2],
    epsilon: f64,
    relu: bool,
    accumulate: bool,
) -> [Vec<T>; 3] {
    let [mut grad_input, mut grad_gamma, mut grad_beta] =
        [x.len(), gamma.len(), gamma.len()].map(|len| vec![T::ONE; len]);
    let batch = Groups::new(x.len(), 1, gamma.len(), gamma.len()).unwrap();
    let mut run = |gradient: Gradient<'_, T>| {
        let parameters = (&mut grad_gamma, &mut grad_beta);
        groups::backward(
            &batch,
            gradient,
            x,
            mean,
            variance,
            gamma,
            beta,
            epsilon,
            relu,
            parameters.0,
            parameters.1,
            accumulate,
        )
        .unwrap();
    };
    run(Gradient::Onward { grad_output, grad_input: &mut grad_input, accumulate });
    if !accumulate {
        let mut in_place = grad_output.to_vec();
        run(Gradient::InPlace(&mut in_place));
        run(Gradient::Stop(grad_output));
        assert!(in_place == grad_input);
    }
    [grad_input, grad_gamma, grad_beta]
}

#[test]
fn backward_is_the_slope_of_forward() {
    for (positions, channels) in [(7, 3), (2, 70), (1000, 17), (333, 65)] {
        for relu in [false, true] {
            let (x, grad) = (numbers(positions * channels, 1), numbers(positions * channels, 5));
            let (gamma, beta) = (numbers(channels, 2), numbers(channels, 3));
            let outcome = forward(&x, &gamma, &beta, 1e-2, relu);
            let added = backward(&grad, &x, &outcome, [&gamma, &beta], 1e-2, relu, true);
            let set = backward(&grad, &x, &outcome, [&gamma, &beta], 1e-2, relu, false);
            for (added, set) in added.iter().zip(&set) {
                assert!(added.iter().zip(set).all(|(a, b)| (a - b - 1.0).abs() < 1e-13));
            }
            let loss = |x: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
                forward(x, gamma, beta, 1e-2, relu)[0].iter().zip(&grad).map(|(y, g)| y * g).sum()
            };
            let step = 1e-6;
            let check = |values: &[f64], slopes: &[f64], loss: &dyn Fn(&[f64]) -> f64| {
                for i in (0..values.len()).step_by(values.len() / 20 + 1) {
                    let at = |by: f64| {
                        loss(
                            &values
                                .iter()
                                .enumerate()
                                .map(|(j, v)| if i == j { v + by } else { *v })
                                .collect::<Vec<_>>(),
                        )
                    };
                    let expected = (at(step) - at(-step)) / (2.0 * step);
                    assert!(
                        (slopes[i] - expected).abs() < 1e-6,
                        "{positions}x{channels} {relu} {i}: {} {expected}",
                        slopes[i]
                    );
                }
            };
            check(&x, &set[0], &|x| loss(x, &gamma, &beta));
            check(&gamma, &set[1], &|gamma| loss(&x, gamma, &beta));
            check(&beta, &set[2], &|beta| loss(&x, &gamma, beta));
        }
    }
}

#[test]
fn a_fixed_scale_passes_gradients_on() {
    for (positions, channels) in SHAPES {
        let (grad, scale, activation_output) = (
            numbers(positions * channels, 5),
            numbers(channels, 2),
            numbers(positions * channels, 6),
        );
        for (accumulate, gated) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut grad_input = vec![1.0; grad.len()];
            scale_shift_backward(
                Some(&grad),
                &scale,
                gated.then_some(&activation_output),
                accumulate,
                &mut grad_input,
            )
            .unwrap();
            for (i, &came) in grad_input.iter().enumerate() {
                let open = !gated || activation_output[i] > 0.0;
                let expected = if open { grad[i] * scale[i % channels] } else { 0.0 }
                    + if accumulate { 1.0 } else { 0.0 };
                assert!((came - expected).abs() < 1e-15);
            }
        }
    }
    let mut grad_input = [7.0f32; 2];
    scale_shift_backward(Some(&[f32::NAN, 3.0]), &[2.0], Some(&[0.0, 2.0]), false, &mut grad_input)
        .unwrap();
    assert_eq!(grad_input, [0.0, 6.0], "a closed activation_output stops even NaN");
}

#[test]
fn the_same_bits_with_any_number_of_threads() {
    let (positions, channels) = (20_011, 7);
    let single: Vec<f32> = numbers(positions * channels, 1).into_iter().map(|x| x as f32).collect();
    let run = |threads: usize| {
        set_num_threads(threads).unwrap();
        let outcome = forward(&single, &[1.5; 7], &[0.1; 7], 1e-5, true);
        let gradients =
            backward(&single, &single, &outcome, [&[1.5; 7], &[0.1; 7]], 1e-5, true, false);
        [outcome, gradients].map(|arrays| {
            arrays.map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        })
    };
    let alone = run(1);
    assert_eq!(alone, run(2));
    assert_eq!(alone, run(5));
}

#[test]
fn local_response_by_hand() {
    let p = LocalResponse { size: 3, alpha: 3.0, beta: 1.0, k: 2.0 };
    let mut y = [0.0f64; 3];
    local_response::forward(&p, 3, &[1.0, 2.0, 3.0], &mut y).unwrap();
    assert_eq!(y, [1.0 / 7.0, 2.0 / 16.0, 3.0 / 15.0]); // 2 + 1 + 4, 2 + 1 + 4 + 9, 2 + 4 + 9
    let p = LocalResponse { size: 2, ..p };
    local_response::forward(&p, 3, &[1.0, 2.0, 3.0], &mut y).unwrap();
    assert_eq!(y, [1.0 / 3.5, 2.0 / 9.5, 3.0 / 21.5]); // a window of two: itself and the channel before
    let p = LocalResponse { size: 1 << 40, ..p };
    assert!(
        local_response::forward(&p, 3, &[1.0, 2.0, 3.0], &mut y).is_ok(),
        "a window wider than the channels"
    );
    assert!(local_response::forward(&p, 2, &[1.0, 2.0, 3.0], &mut y).is_err());
}
