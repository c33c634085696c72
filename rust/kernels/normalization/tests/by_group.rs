//! Group normalisation against its definition, and the checks of sizes.

use super::super::groups::{self, Gradient, Groups};
use super::*;

/// The definition of group normalisation, and of its gradient by central differences of the loss.
#[test]
fn groups_like_the_definition() {
    for (samples, positions, channels, groups) in
        [(3, 5, 6, 2), (2, 1, 8, 4), (4, 100, 3, 1), (2, 600, 16, 16), (2, 30, 70, 7)]
    {
        let g = Groups::new(samples * positions * channels, samples, channels, groups).unwrap();
        let (x, grad) = (
            numbers(samples * positions * channels, 1),
            numbers(samples * positions * channels, 2),
        );
        let (gamma, beta) = (numbers(channels, 3), numbers(channels, 4));
        let [mut mean, mut variance] = [0, 1].map(|_| vec![0.0; samples * groups]);
        let run = |x: &[f64], mean: &mut [f64], variance: &mut [f64]| {
            let mut y = vec![0.0; x.len()];
            groups::forward(&g, Some(x), &gamma, &beta, &mut y, mean, variance, 1e-2, false)
                .unwrap();
            y
        };
        let y = run(&x, &mut mean, &mut variance);
        let group_of =
            |i: usize| i / (positions * channels) * groups + i % channels / (channels / groups);
        for group in 0..samples * groups {
            let members: Vec<f64> =
                (0..x.len()).filter(|&i| group_of(i) == group).map(|i| x[i]).collect();
            let center = members.iter().sum::<f64>() / members.len() as f64;
            let spread =
                members.iter().map(|x| (x - center).powi(2)).sum::<f64>() / members.len() as f64;
            assert!(
                (mean[group] - center).abs() < 1e-13 && (variance[group] - spread).abs() < 1e-13
            );
        }
        for i in 0..x.len() {
            let group = group_of(i);
            let expected = gamma[i % channels] * (x[i] - mean[group])
                / (variance[group] + 1e-2).sqrt()
                + beta[i % channels];
            assert!((y[i] - expected).abs() < 1e-12);
        }
        let (mut grad_input, mut grad_gamma, mut grad_beta) =
            (vec![0.0; x.len()], vec![0.0; channels], vec![0.0; channels]);
        let gradient =
            Gradient::Onward { grad_output: &grad, grad_input: &mut grad_input, accumulate: false };
        groups::backward(
            &g,
            gradient,
            &x,
            &mean,
            &variance,
            &gamma,
            &beta,
            1e-2,
            false,
            &mut grad_gamma,
            &mut grad_beta,
            false,
        )
        .unwrap();
        let loss = |i: usize, by: f64| -> f64 {
            let moved: Vec<f64> =
                x.iter().enumerate().map(|(j, v)| if i == j { v + by } else { *v }).collect();
            let (mut mean, mut variance) = (mean.clone(), variance.clone());
            run(&moved, &mut mean, &mut variance).iter().zip(&grad).map(|(y, g)| y * g).sum()
        };
        for i in (0..x.len()).step_by(x.len() / 20 + 1) {
            let expected = (loss(i, 1e-6) - loss(i, -1e-6)) / 2e-6;
            assert!(
                (grad_input[i] - expected).abs() < 1e-6,
                "{samples} {positions} {channels} {groups}: {} {expected}",
                grad_input[i]
            );
        }
        for c in 0..channels {
            let members = (c..x.len()).step_by(channels);
            let normal =
                |i: usize| (x[i] - mean[group_of(i)]) / (variance[group_of(i)] + 1e-2).sqrt();
            assert!((grad_beta[c] - members.clone().map(|i| grad[i]).sum::<f64>()).abs() < 1e-12);
            assert!(
                (grad_gamma[c] - members.map(|i| grad[i] * normal(i)).sum::<f64>()).abs() < 1e-12
            );
        }
    }
}

#[test]
fn sizes_are_checked() {
    let (mut y, mut mean, mut variance) = ([0.0f32; 6], [0.0f32; 2], [0.0f32; 2]);
    assert!(
        Groups::new(6, 1, 4, 4).is_err()
            && Groups::new(6, 1, 6, 4).is_err()
            && Groups::new(6, 0, 2, 2).is_err()
    );
    assert!(Groups::new(6, 1, 2, 0).is_err() && Groups::new(6, usize::MAX, 2, 1).is_err());
    let g = Groups::new(6, 1, 2, 2).unwrap();
    assert!(
        groups::forward(
            &g,
            Some(&[0.0; 6]),
            &[1.0; 2],
            &[0.0; 3],
            &mut y,
            &mut mean,
            &mut variance,
            1e-5,
            false
        )
        .is_err()
    );
    assert!(
        groups::forward(
            &g,
            Some(&[0.0; 4]),
            &[1.0; 2],
            &[0.0; 2],
            &mut y,
            &mut mean,
            &mut variance,
            1e-5,
            false
        )
        .is_err()
    );
    assert!(
        groups::forward(
            &g,
            Some(&[0.0; 6]),
            &[1.0; 2],
            &[0.0; 2],
            &mut y,
            &mut mean,
            &mut variance[..1],
            1e-5,
            false
        )
        .is_err()
    );
    let empty = Groups::new(0, 1, 2, 2).unwrap();
    assert!(
        groups::forward::<f32>(
            &empty,
            Some(&[]),
            &[1.0; 2],
            &[0.0; 2],
            &mut [],
            &mut mean,
            &mut variance,
            1e-5,
            false
        )
        .is_err()
    );
    assert!(scale_shift_forward(Some(&[0.0; 6]), &[1.0; 2], &[0.0; 1], &mut y, false).is_err());
    assert!(scale_shift_forward(Some(&[0.0; 5]), &[1.0; 2], &[0.0; 2], &mut y, false).is_err());
    assert!(scale_shift_forward(None, &[], &[], &mut y, false).is_err());
    assert!(scale_shift_backward(Some(&[0.0; 6]), &[1.0; 2], None, false, &mut y[..5]).is_err());
    assert_eq!(scale_shift_forward::<f32>(Some(&[]), &[1.0; 2], &[0.0; 2], &mut [], false), Ok(()));
    let (zeros, ones) = ([0.0; 2], [1.0; 2]);
    let gradient =
        Gradient::Onward { grad_output: &[0.0f32; 5], grad_input: &mut y, accumulate: false };
    let error = groups::backward(
        &g,
        gradient,
        &[0.0; 6],
        &zeros,
        &ones,
        &ones,
        &zeros,
        1e-5,
        true,
        &mut mean,
        &mut variance,
        false,
    );
    assert!(error.unwrap_err().to_string().starts_with("grad_output: expected 6"));
    assert!(
        layer::forward(&[0.0f32; 6], &ones, &zeros, &mut y, &mut mean, &mut variance, 1e-5)
            .is_err()
    );
    assert!(
        layer::forward(&[0.0f32; 6], &[], &[], &mut y, &mut mean, &mut variance, 1e-5).is_err()
    );
}
