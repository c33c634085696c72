//! Winograd's method against the direct method.

use super::*;

/// Compares Winograd's method with the direct method. In `f64` they agree up to rounding, so the
/// transforms and all indices are right.
fn check_winograd(g: &Conv2dGeometry) {
    let value = |len: usize, seed: usize| -> Vec<f64> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f64 / 500.0 - 1.0).collect()
    };
    let (x, w, bias) =
        (value(g.input_len(), 1), value(g.weight_len(), 2), value(g.out_channels, 3));
    let (dy, activation_output) = (value(g.output_len(), 4), value(g.output_len(), 5));
    let near = |a: &[f64], b: &[f64]| {
        let scale = b.iter().fold(1e-3, |max: f64, v| max.max(v.abs()));
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * scale)
    };
    let name = |method: &dyn Method<f64>| method.name();
    let candidates = methods::<f64>().iter().copied();
    let candidates = candidates.filter(|method| method.name().starts_with("winograd"));
    for method in candidates.filter(|method| method.supports(Pass::Forward, g)) {
        for relu in [false, true] {
            let run = |method: &'static dyn Method<f64>| {
                let mut y = vec![f64::NAN; g.output_len()];
                forward(g, &x, Weight::Plain(&w, method), Some(&bias), relu, &mut y).unwrap();
                y
            };
            assert!(near(&run(method), &run(&Direct)), "{} {g:?}", name(method));
        }
        for (activation_output, accumulate) in
            [(None, false), (Some(activation_output.as_slice()), true)]
        {
            let run = |method: &dyn Method<f64>| {
                let (mut dx, mut dw) = (value(g.input_len(), 6), value(g.weight_len(), 7));
                if method.supports(Pass::BackwardInput, g) {
                    backward_input(g, &dy, activation_output, &w, accumulate, method, &mut dx)
                        .unwrap();
                } else {
                    backward_input(g, &dy, activation_output, &w, accumulate, &Direct, &mut dx)
                        .unwrap();
                }
                backward_weight(g, &dy, activation_output, &x, accumulate, method, (&mut dw, None))
                    .unwrap();
                (dx, dw)
            };
            let (a, b) = (run(method), run(&Direct));
            assert!(near(&a.0, &b.0) && near(&a.1, &b.1), "{} {g:?}", name(method));
        }
    }
}

#[test]
fn winograd_agrees_with_direct() {
    for (input, kernel, filters, padding) in [
        ([2, 16, 16, 8], 3, 16, 1),
        ([1, 9, 7, 17], 3, 33, 1),
        ([3, 8, 8, 4], 5, 40, 2),
        ([1, 15, 31, 70], 5, 7, 0),
        ([40, 5, 5, 3], 3, 4, 2),
        ([1, 3, 3, 1], 3, 1, 0),
        ([1, 4, 4, 600], 3, 35, 1),
        ([1, 22, 18, 96], 3, 100, 1), // several blocks of shared tiles
    ] {
        check_winograd(&geometry(input, (kernel, kernel), filters, plain(1, padding), 1).unwrap());
    }
}

#[test]
fn winograd_of_stride_two_agrees_with_direct() {
    for (input, filters, padding) in [
        ([2, 16, 16, 8], 16, [1, 1, 1, 1]),
        ([1, 9, 7, 17], 33, [0, 0, 0, 0]),
        ([3, 8, 10, 4], 40, [0, 1, 0, 1]),
        ([1, 15, 31, 70], 7, [2, 2, 2, 2]),
        ([1, 12, 13, 5], 3, [2, 0, 1, 1]),
        ([40, 5, 5, 3], 4, [2, 1, 2, 0]),
        ([1, 3, 3, 1], 1, [0, 0, 0, 0]),
        ([2, 4, 4, 600], 35, [1, 1, 1, 1]),
        ([3, 27, 18, 120], 260, [1, 1, 1, 1]), // shared tiles
        ([7, 33, 32, 96], 200, [1, 1, 1, 1]),  // several blocks of them
    ] {
        let [top, bottom, left, right] = padding;
        let window = Window {
            stride: (2, 2),
            padding: Padding { top, bottom, left, right },
            dilation: (1, 1),
        };
        let g = geometry(input, (3, 3), filters, window, 1).unwrap();
        assert!(Method::<f64>::supports(&WinogradStride2, Pass::Forward, &g));
        check_winograd(&g);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn winograd_takes_any_shape(
        batch in 1usize..3, height in 3usize..20, width in 3usize..20, depth in 1usize..40, columns in 1usize..40, kernel in 0usize..2,
        sides in prop::array::uniform4(0usize..3),
    ) {
        let [top, bottom, left, right] = sides;
        let window = Window { stride: (1, 1), padding: Padding { top, bottom, left, right }, dilation: (1, 1) };
        if let Some(g) = geometry([batch, height, width, depth], (3 + 2 * kernel, 3 + 2 * kernel), columns, window, 1) {
            check_winograd(&g);
        }
        if let Some(g) = geometry([batch, height, width, depth], (3, 3), columns, Window { stride: (2, 2), ..window }, 1) {
            check_winograd(&g);
        }
    }
}
