use super::*;

fn number(i: usize, seed: f64) -> f64 {
    ((i + 1) as f64 * 0.754_877_666 + seed).fract() - 0.5
}

#[test]
fn two_steps_by_hand() {
    let step = Sgd { learning_rate: 0.5, momentum: 0.5, dampening: 0.0, nesterov: false };
    let decay = Adjust { l2: 0.25, ..Adjust::NONE };
    let (mut w, mut v) = ([4.0f64], [0.0]);
    sgd_step(&mut w, &[1.0], Some(&mut v), &decay, &step).unwrap();
    assert_eq!((w, v), ([3.0], [2.0])); // g = 1 + 0.25 * 4 = 2
    sgd_step(&mut w, &[1.0], Some(&mut v), &decay, &Sgd { nesterov: true, ..step }).unwrap();
    assert_eq!((w, v), ([3.0 - 0.5 * (1.75 + 0.5 * 2.75)], [2.75]));
    sgd_step(&mut w, &[2.0], None, &Adjust::NONE, &step).unwrap();
    assert_eq!(w, [3.0 - 0.5 * 3.125 - 1.0]);
}

#[test]
fn the_gradient_is_scaled_then_clipped_then_penalised() {
    let step = Sgd { learning_rate: 1.0, momentum: 0.0, dampening: 0.0, nesterov: false };
    let mut w = [1.0f64, -1.0, 0.0, 2.0];
    sgd_step(
        &mut w,
        &[8.0, -8.0, 1.0, f64::NAN],
        None,
        &Adjust { scale: 0.5, limit: 3.0, l1: 0.25, l2: 0.0 },
        &step,
    )
    .unwrap();
    assert_eq!(w[..3], [1.0 - 3.25, -1.0 + 3.25, -0.5]);
    assert!(w[3].is_nan());
}

#[test]
fn pieces_cover_everything_once() {
    let size = 2 * ITEM_LEN + 37;
    let gradient: Vec<f64> = (0..size).map(|i| number(i, 0.1)).collect();
    let mut w = vec![1.0; size];
    let (mut m, mut s) = (vec![0.0; size], vec![0.0; size]);
    let adam = Adam { learning_rate: 0.1, betas: (0.9, 0.999), eps: 0.0, shrink: 1.0, step: 1 };
    adam_step(&mut w, &gradient, &mut m, &mut s, None, &Adjust::NONE, &adam).unwrap();
    for (i, (&w, &g)) in w.iter().zip(&gradient).enumerate() {
        assert!((w - (1.0 - 0.1 * g.signum())).abs() < 1e-12, "{i}"); // the first step of Adam is a sign
    }
    assert!(adam_step(&mut w, &gradient[1..], &mut m, &mut s, None, &Adjust::NONE, &adam).is_err());
    assert!(adam_step(&mut w, &gradient, &mut m[1..], &mut s, None, &Adjust::NONE, &adam).is_err());
}
