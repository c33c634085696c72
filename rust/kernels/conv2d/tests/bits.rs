//! A sample has the same bits alone and in a batch.

use super::*;

#[test]
fn a_sample_has_the_same_bits_alone_and_in_a_batch() {
    // The image is as wide as the filter: its rows are adjacent in memory where a band needs no
    // padding, and are not where it does.
    let padding = Padding { top: 1, bottom: 1, left: 0, right: 0 };
    let narrow = Window { stride: (1, 1), padding, dilation: (1, 1) };
    for (size, kernel, window) in
        [((30, 3), 3, narrow), ((9, 9), 3, plain(1, 1)), ((12, 10), 5, plain(2, 2))]
    {
        let batch = geometry([40, size.0, size.1, 90], (kernel, kernel), 20, window, 1).unwrap();
        let one = Conv2dGeometry { batch: 1, ..batch };
        let (x, w) = (values(batch.input_len()), values(batch.weight_len()));
        for method in methods().iter().copied().filter(|m| m.supports(Pass::Forward, &batch)) {
            let (mut all, mut alone) = (vec![0.0; batch.output_len()], vec![0.0; one.output_len()]);
            forward(&batch, &x, Weight::Plain(&w, method), None, false, &mut all).unwrap();
            for sample in [0, 7, 39] {
                forward(
                    &one,
                    &x[sample * one.input_len()..][..one.input_len()],
                    Weight::Plain(&w, method),
                    None,
                    false,
                    &mut alone,
                )
                .unwrap();
                assert_eq!(
                    alone,
                    all[sample * one.output_len()..][..one.output_len()],
                    "{} {batch:?}",
                    method.name()
                );
            }
        }
    }
}

#[test]
fn few_channels_has_the_same_bits_for_a_group_of_images() {
    for (input, kernel, filters, stride) in [
        ([35, 12, 40, 1], 5, 6, 1),
        ([16, 9, 33, 3], 3, 20, 1),
        ([17, 10, 19, 16], 5, 6, 1),
        ([16, 13, 18, 2], 7, 9, 3),
    ] {
        let g = geometry(input, (kernel, kernel), filters, plain(stride, kernel / 2), 1).unwrap();
        let one = Conv2dGeometry { batch: 1, ..g };
        let (x, w, dy) = (values(g.input_len()), values(g.weight_len()), values(g.output_len()));
        let activation_output = values(g.output_len() + 7).split_off(7);
        let (mut y, mut dx) = (vec![0.0; g.output_len()], vec![0.0; g.input_len()]);
        let supported = Method::<f32>::supports(&FewChannels, Pass::Forward, &g);
        if supported {
            forward(&g, &x, Weight::Plain(&w, &FewChannels), None, false, &mut y).unwrap();
        }
        backward_input(&g, &dy, Some(&activation_output), &w, false, &FewChannels, &mut dx)
            .unwrap();
        for image in 0..g.batch {
            let (mut alone, mut dx_alone) =
                (vec![0.0; one.output_len()], vec![0.0; one.input_len()]);
            let (inputs, outputs) = (
                image * one.input_len()..(image + 1) * one.input_len(),
                image * one.output_len()..(image + 1) * one.output_len(),
            );
            if supported {
                forward(
                    &one,
                    &x[inputs.clone()],
                    Weight::Plain(&w, &FewChannels),
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
                &FewChannels,
                &mut dx_alone,
            )
            .unwrap();
            assert!(dx_alone == dx[inputs]);
        }
    }
}
