//! Every pass against loops that follow the definition, on whole numbers (exact) and on random
//! shapes.

use proptest::prelude::*;

use super::winograd::Outputs;
use super::*;
use crate::kernels::geometry::{Padding, Window};

/// Calls `f(input index, weight index, output index)` for every product of the convolution.
fn each_product(g: &Conv2dGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let Window { stride, padding, dilation } = g.window;
    for n in 0..g.batch {
        for oy in 0..g.out_height {
            for ox in 0..g.out_width {
                for o in 0..g.out_channels {
                    let group = o / g.group_out();
                    for ky in 0..g.kernel_h {
                        for kx in 0..g.kernel_w {
                            let (y, x) =
                                (oy * stride.0 + ky * dilation.0, ox * stride.1 + kx * dilation.1);
                            if y < padding.top
                                || x < padding.left
                                || y - padding.top >= g.height
                                || x - padding.left >= g.width
                            {
                                continue;
                            }
                            for c in 0..g.group_in() {
                                let input = ((n * g.height + y - padding.top) * g.width + x
                                    - padding.left)
                                    * g.in_channels
                                    + group * g.group_in()
                                    + c;
                                let weight = ((ky * g.kernel_w + kx) * g.group_in() + c)
                                    * g.out_channels
                                    + o;
                                let output = ((n * g.out_height + oy) * g.out_width + ox)
                                    * g.out_channels
                                    + o;
                                f(input, weight, output);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Small whole numbers: every product and sum is exact.
fn whole(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 13) as f32 - 6.0).collect()
}

/// The algorithms that multiply directly.
const EXACT: [Algorithm; 4] =
    [Algorithm::Direct, Algorithm::Pointwise, Algorithm::Depthwise, Algorithm::FewChannels];

/// Winograd's method against the direct one: in `f64` they agree to rounding, so the transforms and
/// all indices are right.
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
    let candidates = [
        Algorithm::Winograd(Outputs::Two),
        Algorithm::Winograd(Outputs::Four),
        Algorithm::WinogradStrided,
    ];
    for algorithm in candidates.into_iter().filter(|a| a.takes::<f64>(Pass::Forward, g)) {
        for relu in [false, true] {
            let run = |algorithm| {
                let mut y = vec![f64::NAN; g.output_len()];
                forward(g, &x, Weight::Plain(&w, algorithm), Some(&bias), relu, &mut y).unwrap();
                y
            };
            assert!(near(&run(algorithm), &run(Algorithm::Direct)), "{algorithm:?} {g:?}");
        }
        for (activation_output, accumulate) in
            [(None, false), (Some(activation_output.as_slice()), true)]
        {
            let run = |algorithm: Algorithm| {
                let (mut dx, mut dw) = (value(g.input_len(), 6), value(g.weight_len(), 7));
                if algorithm.takes::<f64>(Pass::BackwardInput, g) {
                    backward_input(g, &dy, activation_output, &w, accumulate, algorithm, &mut dx)
                        .unwrap();
                } else {
                    backward_input(
                        g,
                        &dy,
                        activation_output,
                        &w,
                        accumulate,
                        Algorithm::Direct,
                        &mut dx,
                    )
                    .unwrap();
                }
                backward_weight(
                    g,
                    &dy,
                    activation_output,
                    &x,
                    accumulate,
                    algorithm,
                    (&mut dw, None),
                )
                .unwrap();
                (dx, dw)
            };
            let (a, b) = (run(algorithm), run(Algorithm::Direct));
            assert!(near(&a.0, &b.0) && near(&a.1, &b.1), "{algorithm:?} {g:?}");
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
        assert!(Algorithm::WinogradStrided.takes::<f64>(Pass::Forward, &g));
        check_winograd(&g);
    }
}

fn check(g: &Conv2dGeometry) {
    let (x, w, bias) =
        (whole(g.input_len(), 1), whole(g.weight_len(), 2), whole(g.out_channels, 3));
    let (dy, activation_output) = (whole(g.output_len(), 4), whole(g.output_len(), 5));
    for algorithm in EXACT.into_iter().filter(|a| a.takes::<f32>(Pass::Forward, g)) {
        let mut expected: Vec<f32> =
            (0..g.output_len()).map(|i| bias[i % g.out_channels]).collect();
        each_product(g, |i, k, o| expected[o] += x[i] * w[k]);
        for relu in [false, true] {
            let expected: Vec<f32> =
                expected.iter().map(|&v| if relu { v.max(0.0) } else { v }).collect();
            let mut y = vec![f32::NAN; g.output_len()];
            forward(g, &x, Weight::Plain(&w, algorithm), Some(&bias), relu, &mut y).unwrap();
            assert_eq!(y, expected, "{algorithm:?} {g:?}");
            let prepared = PreparedWeight::new(&w, g, algorithm).unwrap();
            let mut y = vec![f32::NAN; g.output_len()];
            forward(g, &x, Weight::Prepared(&prepared), Some(&bias), relu, &mut y).unwrap();
            assert_eq!(y, expected, "prepared {algorithm:?} {g:?}");
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
            let start = |len| if accumulate { whole(len, 6) } else { vec![0.0; len] };
            for algorithm in EXACT.into_iter().filter(|a| a.takes::<f32>(Pass::BackwardInput, g)) {
                let mut expected = start(g.input_len());
                each_product(g, |i, k, o| expected[i] += w[k] * grad(o));
                let mut dx =
                    if accumulate { start(g.input_len()) } else { vec![f32::NAN; g.input_len()] };
                backward_input(g, &dy, activation_output, &w, accumulate, algorithm, &mut dx)
                    .unwrap();
                assert_eq!(dx, expected, "{algorithm:?} {g:?}");
            }
            for algorithm in EXACT.into_iter().filter(|a| a.takes::<f32>(Pass::BackwardWeight, g)) {
                let mut expected = start(g.weight_len());
                each_product(g, |i, k, o| expected[k] += x[i] * grad(o));
                let mut dw =
                    if accumulate { start(g.weight_len()) } else { vec![f32::NAN; g.weight_len()] };
                backward_weight(
                    g,
                    &dy,
                    activation_output,
                    &x,
                    accumulate,
                    algorithm,
                    (&mut dw, None),
                )
                .unwrap();
                assert_eq!(dw, expected, "{algorithm:?} {g:?}");
            }
        }
    }
}

fn geometry(
    input: [usize; 4],
    kernel: (usize, usize),
    filters: usize,
    window: Window,
    groups: usize,
) -> Option<Conv2dGeometry> {
    Conv2dGeometry::new(input, [kernel.0, kernel.1, input[3] / groups, filters], window, groups)
        .ok()
}

fn plain(stride: usize, padding: usize) -> Window {
    let padding = Padding { top: padding, bottom: padding, left: padding, right: padding };
    Window { stride: (stride, stride), padding, dilation: (1, 1) }
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
        assert!(
            channels == 1
                || Algorithm::choose::<f32>(Pass::BackwardWeight, &g) == Algorithm::Depthwise
        );
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
        ([18, 9, 19, 3], 3, 6, 1, 1, 1), // many images at a time
        ([16, 8, 20, 2], 5, 9, 1, 2, 1),
        ([17, 19, 23, 1], 5, 7, 2, 2, 1),
    ] {
        let window = Window { dilation: (dilation, dilation), ..plain(stride, padding) };
        let g = geometry(input, (kernel, kernel), filters, window, 1).unwrap();
        assert!(
            Algorithm::choose::<f32>(Pass::BackwardInput, &g) == Algorithm::FewChannels
                || g.width / stride < 8,
            "{g:?}"
        );
        check(&g);
    }
}

#[test]
fn a_large_depthwise_result_passes_by_the_caches_unharmed() {
    let g = geometry([1, 130, 130, 32], (2, 1), 32, plain(1, 0), 32).unwrap();
    let (x, w) = (whole(g.input_len(), 1), whole(g.weight_len(), 2));
    let mut expected = vec![0.0; g.output_len()];
    each_product(&g, |i, k, o| expected[o] += x[i] * w[k]);
    let mut y = AlignedBuffer::<f32>::zeroed(g.output_len()).unwrap();
    assert!(size_of_val(&*y) >= crate::kernels::matmul::STREAM_BYTES);
    forward(&g, &x, Weight::Plain(&w, Algorithm::Depthwise), None, false, &mut y).unwrap();
    assert!(*y == *expected);
}

#[test]
fn a_sample_has_the_same_bits_alone_and_in_a_batch() {
    // The image is as wide as the filter: its rows lie side by side in memory where a band needs no
    // padding, and do not where it does.
    let padding = Padding { top: 1, bottom: 1, left: 0, right: 0 };
    let narrow = Window { stride: (1, 1), padding, dilation: (1, 1) };
    for (size, kernel, window) in
        [((30, 3), 3, narrow), ((9, 9), 3, plain(1, 1)), ((12, 10), 5, plain(2, 2))]
    {
        let batch = geometry([40, size.0, size.1, 90], (kernel, kernel), 20, window, 1).unwrap();
        let one = Conv2dGeometry { batch: 1, ..batch };
        let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 500.0 - 1.0;
        let (x, w): (Vec<f32>, Vec<f32>) = (
            (0..batch.input_len()).map(value).collect(),
            (0..batch.weight_len()).map(value).collect(),
        );
        for algorithm in
            Algorithm::ALL.into_iter().filter(|a| a.takes::<f32>(Pass::Forward, &batch))
        {
            let (mut all, mut alone) = (vec![0.0; batch.output_len()], vec![0.0; one.output_len()]);
            forward(&batch, &x, Weight::Plain(&w, algorithm), None, false, &mut all).unwrap();
            for sample in [0, 7, 39] {
                forward(
                    &one,
                    &x[sample * one.input_len()..][..one.input_len()],
                    Weight::Plain(&w, algorithm),
                    None,
                    false,
                    &mut alone,
                )
                .unwrap();
                assert_eq!(
                    alone,
                    all[sample * one.output_len()..][..one.output_len()],
                    "{algorithm:?} {batch:?}"
                );
            }
        }
    }
}

#[test]
fn no_images_is_no_work() {
    let g = geometry([0, 8, 8, 3], (3, 3), 4, plain(1, 1), 1).unwrap();
    forward(
        &g,
        &[],
        Weight::Plain(&vec![1.0; g.weight_len()], Algorithm::Direct),
        None,
        false,
        &mut [],
    )
    .unwrap();
    let mut dw = vec![f32::NAN; g.weight_len()];
    backward_weight(&g, &[], None, &[], false, Algorithm::Direct, (&mut dw, None)).unwrap();
    assert!(dw.iter().all(|&v| v == 0.0));
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

#[test]
fn pooling_on_the_way_keeps_what_pooling_afterwards_would() {
    for (input, kernel, filters) in [
        ([37, 13, 18, 1], 5, 6),
        ([16, 9, 21, 3], 3, 11),
        ([3, 8, 8, 2], 3, 4),
        ([18, 8, 9, 20], 3, 20),
        ([16, 28, 28, 1], 5, 6),
    ] {
        let g = geometry(input, (kernel, kernel), filters, plain(1, 1), 1).unwrap();
        let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 500.0 - 1.0;
        let (x, w): (Vec<f32>, Vec<f32>) =
            ((0..g.input_len()).map(value).collect(), (0..g.weight_len()).map(value).collect());
        let bias: Vec<f32> = (0..filters).map(value).collect();
        let pooled = [g.batch, g.out_height / 2, g.out_width / 2, filters];
        let pool = Pool2dGeometry::new(
            [g.batch, g.out_height, g.out_width, filters],
            pooled,
            (2, 2),
            (2, 2),
            Padding::default(),
        )
        .unwrap();
        for algorithm in [Algorithm::FewChannels, Algorithm::choose::<f32>(Pass::Forward, &g)] {
            for relu in [false, true] {
                let (mut whole, mut expected) =
                    (vec![0.0; g.output_len()], vec![0.0; pool.output_len()]);
                let (mut places, mut y) = (vec![0; expected.len()], expected.clone());
                forward(&g, &x, Weight::Plain(&w, algorithm), Some(&bias), relu, &mut whole)
                    .unwrap();
                max::forward(&pool, &whole, &mut expected, &mut places).unwrap();
                forward_max_pool(&g, &x, Weight::Plain(&w, algorithm), Some(&bias), relu, &mut y)
                    .unwrap();
                assert!(y == expected, "{g:?} {algorithm:?}");
            }
        }
    }
}

#[test]
fn few_channels_of_many_images_has_the_bits_of_one() {
    for (input, kernel, filters, stride) in [
        ([35, 12, 40, 1], 5, 6, 1),
        ([16, 9, 33, 3], 3, 20, 1),
        ([17, 10, 19, 16], 5, 6, 1),
        ([16, 13, 18, 2], 7, 9, 3),
    ] {
        let g = geometry(input, (kernel, kernel), filters, plain(stride, kernel / 2), 1).unwrap();
        let one = Conv2dGeometry { batch: 1, ..g };
        let value = |i: usize| ((i * 2_654_435_761) % 1009) as f32 / 500.0 - 1.0;
        let values = |len: usize| -> Vec<f32> { (0..len).map(value).collect() };
        let (x, w, dy) = (values(g.input_len()), values(g.weight_len()), values(g.output_len()));
        let activation_output: Vec<f32> = (0..g.output_len()).map(|i| value(i + 7)).collect();
        let (mut y, mut dx) = (vec![0.0; g.output_len()], vec![0.0; g.input_len()]);
        let takes = Algorithm::FewChannels.takes::<f32>(Pass::Forward, &g);
        if takes {
            forward(&g, &x, Weight::Plain(&w, Algorithm::FewChannels), None, false, &mut y)
                .unwrap();
        }
        backward_input(
            &g,
            &dy,
            Some(&activation_output),
            &w,
            false,
            Algorithm::FewChannels,
            &mut dx,
        )
        .unwrap();
        for image in 0..g.batch {
            let (mut alone, mut dx_alone) =
                (vec![0.0; one.output_len()], vec![0.0; one.input_len()]);
            let (inputs, outputs) = (
                image * one.input_len()..(image + 1) * one.input_len(),
                image * one.output_len()..(image + 1) * one.output_len(),
            );
            if takes {
                forward(
                    &one,
                    &x[inputs.clone()],
                    Weight::Plain(&w, Algorithm::FewChannels),
                    None,
                    false,
                    &mut alone,
                )
                .unwrap();
                assert!(alone == y[outputs.clone()]);
            }
            backward_input(
                &one,
                &dy[outputs.clone()],
                Some(&activation_output[outputs]),
                &w,
                false,
                Algorithm::FewChannels,
                &mut dx_alone,
            )
            .unwrap();
            assert!(dx_alone == dx[inputs]);
        }
    }
}
