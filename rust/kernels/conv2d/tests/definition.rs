//! Every exact method against loops that follow the definition, on integers: the results are equal.

use super::*;

/// The methods that multiply directly and support a pass.
fn exact(pass: Pass, g: &Conv2dGeometry) -> impl Iterator<Item = &'static dyn Method<f32>> {
    methods::<f32>()
        .iter()
        .copied()
        .filter(|method| !method.name().starts_with("winograd"))
        .filter(move |method| method.supports(pass, g))
}

fn check(g: &Conv2dGeometry) {
    let (x, w, bias) =
        (integers(g.input_len(), 1), integers(g.weight_len(), 2), integers(g.out_channels, 3));
    let name = |method: &dyn Method<f32>| method.name();
    let (dy, activation_output) = (integers(g.output_len(), 4), integers(g.output_len(), 5));
    for method in exact(Pass::Forward, g) {
        let mut expected: Vec<f32> =
            (0..g.output_len()).map(|i| bias[i % g.out_channels]).collect();
        each_product(g, |i, k, o| expected[o] += x[i] * w[k]);
        for relu in [false, true] {
            let expected: Vec<f32> =
                expected.iter().map(|&v| if relu { v.max(0.0) } else { v }).collect();
            let mut y = vec![f32::NAN; g.output_len()];
            forward(g, &x, Weight::Plain(&w, method), Some(&bias), relu, &mut y).unwrap();
            assert_eq!(y, expected, "{} {g:?}", name(method));
            let prepared = PreparedWeight::new(&w, g, method).unwrap();
            let mut y = vec![f32::NAN; g.output_len()];
            forward(g, &x, Weight::Prepared(&prepared), Some(&bias), relu, &mut y).unwrap();
            assert_eq!(y, expected, "prepared {} {g:?}", name(method));
        }
    }
    for activation_output in [None, Some(activation_output.as_slice())] {
        let grad = |o: usize| {
            if activation_output.is_none_or(|activation_output| activation_output[o] > 0.0) {
                dy[o]
            } else {
                0.0
            }
        };
        for accumulate in [false, true] {
            let start = |len| if accumulate { integers(len, 6) } else { vec![0.0; len] };
            for method in exact(Pass::BackwardInput, g) {
                let mut expected = start(g.input_len());
                each_product(g, |i, k, o| expected[i] += w[k] * grad(o));
                let mut dx =
                    if accumulate { start(g.input_len()) } else { vec![f32::NAN; g.input_len()] };
                backward_input(g, &dy, activation_output, &w, accumulate, method, &mut dx).unwrap();
                assert_eq!(dx, expected, "{} {g:?}", name(method));
            }
            for method in exact(Pass::BackwardWeight, g) {
                let mut expected = start(g.weight_len());
                each_product(g, |i, k, o| expected[k] += x[i] * grad(o));
                let mut dw =
                    if accumulate { start(g.weight_len()) } else { vec![f32::NAN; g.weight_len()] };
                backward_weight(g, &dy, activation_output, &x, accumulate, method, (&mut dw, None))
                    .unwrap();
                assert_eq!(dw, expected, "{} {g:?}", name(method));
            }
        }
    }
}

#[test]
fn the_usual_shapes() {
    for (input, kernel, filters, stride, padding) in [
        ([2, 16, 16, 3], 5, 32, 1, 2),
        ([1, 9, 7, 32], 3, 33, 1, 1),
        ([3, 8, 8, 17], 1, 40, 1, 0),
        ([1, 15, 15, 8], 3, 16, 2, 1),
        ([1, 31, 17, 3], 7, 16, 2, 3),
        ([2, 1, 33, 4], 1, 5, 3, 0),
        ([1, 5, 5, 300], 3, 4, 1, 1),
    ] {
        check(&geometry(input, (kernel, kernel), filters, plain(stride, padding), 1).unwrap());
    }
}

#[test]
fn depthwise_equals_the_definition() {
    for (channels, (height, width), kernel, stride, padding, dilation) in [
        (1, (6, 7), (3, 3), 1, 1, 1),
        (7, (9, 5), (3, 3), 1, 1, 1),
        (8, (5, 20), (5, 5), 1, 2, 1),
        (9, (12, 11), (3, 3), 2, 1, 1),
        (15, (1, 40), (1, 7), 1, 3, 1),
        (16, (14, 14), (3, 3), 2, 0, 1),
        (17, (9, 23), (3, 2), 3, 1, 1),
        (31, (7, 7), (3, 3), 1, 2, 2),
        (33, (4, 37), (2, 6), 1, 0, 1),
        (40, (2, 2), (3, 3), 1, 1, 1),
    ] {
        let window = Window { dilation: (dilation, dilation), ..plain(stride, padding) };
        let g = Conv2dGeometry::new(
            [3, height, width, channels],
            [kernel.0, kernel.1, 1, channels],
            window,
            channels,
        )
        .unwrap();
        assert!(channels == 1 || choose::<f32>(Pass::BackwardWeight, &g).name() == "depthwise");
        check(&g);
    }
}

#[test]
fn few_channels_equals_the_definition() {
    for (input, kernel, filters, stride, padding, dilation) in [
        ([2, 12, 40, 1], 5, 6, 1, 2, 1),
        ([1, 9, 33, 3], 3, 20, 1, 1, 1),
        ([2, 17, 31, 3], 7, 17, 2, 3, 1),
        ([1, 40, 37, 2], 5, 9, 4, 2, 1),
        ([1, 8, 16, 7], 3, 300, 1, 2, 2),
        ([1, 11, 15, 8], 1, 4, 3, 0, 1),
        ([1, 70, 9, 1], 3, 1, 1, 0, 3),
        ([18, 9, 19, 3], 3, 6, 1, 1, 1), // groups of images
        ([16, 8, 20, 2], 5, 9, 1, 2, 1),
        ([17, 19, 23, 1], 5, 7, 2, 2, 1),
    ] {
        let window = Window { dilation: (dilation, dilation), ..plain(stride, padding) };
        let g = geometry(input, (kernel, kernel), filters, window, 1).unwrap();
        assert!(
            choose::<f32>(Pass::BackwardInput, &g).name() == "few_channels" || g.width / stride < 8,
            "{g:?}"
        );
        check(&g);
    }
}

#[test]
fn a_large_depthwise_result_is_written_past_the_caches() {
    let g = geometry([1, 130, 130, 32], (2, 1), 32, plain(1, 0), 32).unwrap();
    let (x, w) = (integers(g.input_len(), 1), integers(g.weight_len(), 2));
    let mut expected = vec![0.0; g.output_len()];
    each_product(&g, |i, k, o| expected[o] += x[i] * w[k]);
    let mut y = AlignedBuffer::<f32>::zeroed(g.output_len()).unwrap();
    assert!(size_of_val(&*y) >= crate::kernels::tuning::MATMUL_STREAM_BYTES);
    forward(&g, &x, Weight::Plain(&w, &Depthwise), None, false, &mut y).unwrap();
    assert!(*y == *expected);
}

#[test]
fn no_images_is_no_work() {
    let g = geometry([0, 8, 8, 3], (3, 3), 4, plain(1, 1), 1).unwrap();
    forward(&g, &[], Weight::Plain(&vec![1.0; g.weight_len()], &Direct), None, false, &mut [])
        .unwrap();
    let mut dw = vec![f32::NAN; g.weight_len()];
    backward_weight(&g, &[], None, &[], false, &Direct, (&mut dw, None)).unwrap();
    assert!(dw.iter().all(|&v| v == 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shape(
        batch in 1usize..3, height in 1usize..12, width in 1usize..18, depth in 1usize..10, columns in 1usize..20, groups in 1usize..4,
        kernel in (1usize..5, 1usize..5), stride in (1usize..5, 1usize..5), dilation in (1usize..4, 1usize..4), sides in prop::array::uniform4(0usize..5),
    ) {
        let [top, bottom, left, right] = sides;
        let window = Window { stride, padding: Padding { top, bottom, left, right }, dilation };
        if let Some(g) = geometry([batch, height, width, depth * groups], kernel, columns * groups, window, groups) {
            check(&g);
        }
        if let Some(g) = geometry([batch, height, width, columns], kernel, columns, window, columns) {
            check(&g); // depthwise
        }
    }
}
