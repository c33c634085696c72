//! Hand-written numbers, and every pooling against loops over its windows.

use super::*;
use crate::kernels::geometry::Padding;

fn geometry(
    input: [usize; 4],
    output: (usize, usize),
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Pool2dGeometry {
    let padding = Padding { top: padding, bottom: padding, left: padding, right: padding };
    Pool2dGeometry::new(
        input,
        [input[0], output.0, output.1, input[3]],
        (kernel, kernel),
        (stride, stride),
        padding,
    )
    .unwrap()
}

#[test]
fn the_example_of_cs231n() {
    let x = [1., 1., 2., 4., 5., 6., 7., 8., 3., 2., 1., 0., 1., 2., 3., 4.0f32];
    let g = geometry([1, 4, 4, 1], (2, 2), 2, 2, 0);
    let (mut y, mut argmax) = ([0.0; 4], [0; 4]);
    max::forward(&g, &x, &mut y, &mut argmax).unwrap();
    assert_eq!((y, argmax), ([6., 8., 3., 4.], [5, 7, 8, 15]));
    let mut dx = [1.0; 16];
    max::backward(&g, &[10., 20., 30., 40.], &argmax, true, &mut dx).unwrap();
    let mut expected = [1.0; 16];
    for (i, v) in [(5, 10.), (7, 20.), (8, 30.), (15, 40.)] {
        expected[i] += v;
    }
    assert_eq!(dx, expected);
    let mut same = [1.0; 16];
    max::backward_by_index(1, 1, &[10., 20., 30., 40.], &argmax, true, &mut same).unwrap();
    assert_eq!(same, expected);
    assert!(max::backward(&g, &[1.0; 4], &[5, 7, 8, 0], false, &mut dx).is_err());
    assert!(max::backward_by_index(1, 1, &[1.0; 4], &[5, 7, 8, -1], false, &mut dx).is_err());
}

#[test]
fn nan_is_chosen_and_padding_is_not() {
    let g = geometry([1, 2, 2, 1], (2, 2), 2, 2, 1);
    let (mut y, mut argmax) = ([0.0; 4], [0; 4]);
    max::forward(&g, &[-1.0, f32::NAN, -3.0, -4.0], &mut y, &mut argmax).unwrap();
    assert!(y[0] == -1.0 && y[1].is_nan() && y[2] == -3.0 && y[3] == -4.0);
    let g = geometry([1, 2, 2, 1], (1, 1), 2, 2, 0);
    max::forward(&g, &[f32::NAN, 9.0, f32::NAN, 1.0], &mut y[..1], &mut argmax[..1]).unwrap();
    assert!(y[0].is_nan() && argmax[0] == 0);
}

#[test]
fn every_pooling_against_its_windows() {
    for (input, output, kernel, stride, padding) in [
        ([2, 7, 9, 3], (3, 4), 3, 2, 0),
        ([1, 5, 5, 17], (3, 3), 2, 2, 0), // ceil: the last window hangs over
        ([1, 8, 8, 2], (5, 5), 3, 2, 1),  // ceil with padding
        ([2, 6, 5, 4], (6, 5), 3, 1, 1),
        ([1, 9, 9, 1], (2, 2), 2, 5, 0),
        ([19, 7, 9, 6], (3, 4), 2, 2, 0), /* many images together, some alone; pixels that no
                                           * window covers */
        ([33, 9, 8, 3], (5, 4), 2, 2, 0), // ceil
        ([16, 40, 40, 6], (19, 19), 3, 2, 0),
        ([17, 90, 30, 5], (18, 6), 4, 5, 0),
    ] {
        let g = geometry(input, output, kernel, stride, padding);
        let x: Vec<f64> =
            (0..g.input_len()).map(|i| ((i * 7919) % 101) as f64 / 10.0 - 5.0).collect();
        let dy: Vec<f64> =
            (0..g.output_len()).map(|i| ((i * 104_729) % 37) as f64 - 18.0).collect();
        let (mut y, mut argmax) = (vec![0.0; dy.len()], vec![0; dy.len()]);
        let (mut dx, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let each = |f: &mut dyn FnMut(usize, Vec<usize>, usize, usize)| {
            for o in 0..g.output_len() {
                let (c, ox, oy) = (
                    o % g.channels,
                    o / g.channels % g.out_width,
                    o / g.channels / g.out_width % g.out_height,
                );
                let image = o / g.output_row() / g.out_height * g.height;
                let places = g.rows(oy).flat_map(|iy| {
                    g.columns(ox).map(move |ix| ((image + iy) * g.width + ix) * g.channels + c)
                });
                f(o, places.collect(), oy, ox);
            }
        };
        max::forward(&g, &x, &mut y, &mut argmax).unwrap();
        each(&mut |o, places, _, _| {
            let best =
                places.iter().copied().reduce(|a, b| if x[b] > x[a] { b } else { a }).unwrap();
            assert_eq!(y[o], x[best]);
            expected[best] += dy[o];
        });
        max::backward(&g, &dy, &argmax, false, &mut dx).unwrap();
        assert_eq!(dx, expected);
        for include in [false, true] {
            average::forward(&g, &x, include, &mut y).unwrap();
            expected.fill(0.0);
            each(&mut |o, places, oy, ox| {
                let divisor = g.divisor(oy, ox, include) as f64;
                assert!((y[o] - places.iter().map(|&p| x[p]).sum::<f64>() / divisor).abs() < 1e-12);
                places.iter().for_each(|&p| expected[p] += dy[o] / divisor);
            });
            average::backward(&g, &dy, include, false, &mut dx).unwrap();
            assert!(dx.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12));
        }
        for p in [1.0, 2.0, 3.5] {
            lp::forward(&g, &x, p, &mut y).unwrap();
            expected.fill(0.0);
            each(&mut |o, places, _, _| {
                let norm = places.iter().map(|&i| x[i].abs().powf(p)).sum::<f64>().powf(1.0 / p);
                assert!((y[o] - norm).abs() < 1e-12);
                places.iter().filter(|&&i| x[i] != 0.0).for_each(|&i| {
                    expected[i] += dy[o] * x[i].signum() * (x[i].abs() / norm).powf(p - 1.0)
                });
            });
            lp::backward(&g, &dy, &x, &y, p, false, &mut dx).unwrap();
            assert!(dx.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-10));
        }
    }
}

#[test]
fn whole_images_by_hand() {
    let mut y = [0.0f32; 2];
    global::average_forward(&[1.0, 10.0, 3.0, 30.0], 1, 2, &mut y).unwrap();
    assert_eq!(y, [2.0, 20.0]);
    let mut dx = [1.0f32; 4];
    global::average_backward(&[2.0, 4.0], 1, 2, true, &mut dx).unwrap();
    assert_eq!(dx, [2.0, 3.0, 2.0, 3.0]);
}

/// Pools of every kind: overlapping, with gaps, padded on one side, hanging over, larger than the
/// image, nothing at all.
fn geometries(channels: usize) -> Vec<Pool2dGeometry> {
    [
        ([2, 6, 8], (3, 4), (2, 2), (2, 2), [0; 4]),
        ([1, 9, 11], (4, 5), (3, 3), (2, 2), [0; 4]),
        ([2, 7, 8], (4, 4), (3, 3), (2, 2), [1; 4]),
        ([1, 6, 5], (5, 3), (3, 2), (1, 2), [1, 0, 0, 1]),
        ([3, 5, 5], (3, 3), (2, 2), (2, 2), [0; 4]),
        ([1, 9, 7], (2, 2), (2, 3), (5, 4), [0; 4]),
        ([2, 6, 7], (6, 4), (5, 4), (1, 2), [2, 2, 2, 1]),
        ([1, 5, 4], (1, 1), (5, 4), (1, 1), [0; 4]),
        ([0, 4, 4], (2, 2), (2, 2), (2, 2), [0; 4]),
        ([7, 40, 33], (20, 17), (2, 2), (2, 2), [0; 4]),
        ([35, 9, 17], (5, 8), (2, 2), (2, 2), [0; 4]), /* many images of few channels are
                                                        * interleaved */
        ([16, 11, 20], (5, 10), (3, 3), (2, 2), [0; 4]),
    ]
    .into_iter()
    .map(
        |(
            [images, height, width],
            (out_height, out_width),
            kernel,
            stride,
            [top, bottom, left, right],
        )| {
            let padding = Padding { top, bottom, left, right };
            Pool2dGeometry::new(
                [images, height, width, channels],
                [images, out_height, out_width, channels],
                kernel,
                stride,
                padding,
            )
            .unwrap()
        },
    )
    .collect()
}

/// Everything that pooling gives for `x` and `dy`, element by element: outputs, then gradients,
/// each `dx` over 1 and added to 1.
fn everything(g: &Pool2dGeometry, x: &[f32], dy: &[f32]) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let (mut outputs, mut gradients) = (Vec::new(), Vec::new());
    let (mut y, mut argmax) = (vec![7.0; dy.len()], vec![7; dy.len()]);
    max::forward(g, x, &mut y, &mut argmax).unwrap();
    outputs.extend([y.clone(), argmax.iter().map(|&index| index as f32).collect()]);
    for accumulate in [false, true] {
        let mut dx = vec![1.0; x.len()];
        max::backward(g, dy, &argmax, accumulate, &mut dx).unwrap();
        let mut same = vec![1.0; x.len()];
        max::backward_by_index(g.batch, g.channels, dy, &argmax, accumulate, &mut same).unwrap();
        assert_eq!(dx, same);
        gradients.push(dx);
        for include in [false, true] {
            let mut dx = vec![1.0; x.len()];
            average::forward(g, x, include, &mut y).unwrap();
            average::backward(g, dy, include, accumulate, &mut dx).unwrap();
            outputs.push(y.clone());
            gradients.push(dx);
        }
        for p in [1.0, 2.0, 2.5] {
            let mut dx = vec![1.0; x.len()];
            lp::forward(g, x, p, &mut y).unwrap();
            lp::backward(g, dy, x, &y, p, accumulate, &mut dx).unwrap();
            outputs.push(y.clone());
            gradients.push(dx);
        }
    }
    (outputs, gradients)
}

#[test]
fn many_channels_are_like_one() {
    for channels in [2, 5, 6, 15, 16, 17, 40] {
        for (g, one) in geometries(channels).into_iter().zip(geometries(1)) {
            let x: Vec<f32> =
                (0..g.input_len()).map(|i| ((i * 7919) % 31) as f32 / 4.0 - 4.0).collect(); // ties and zeros
            let dy: Vec<f32> =
                (0..g.output_len()).map(|i| ((i * 104_729) % 37) as f32 - 18.0).collect();
            let (outputs, gradients) = everything(&g, &x, &dy);
            for c in 0..channels {
                let channel = |values: &[f32]| {
                    values.iter().skip(c).step_by(channels).copied().collect::<Vec<_>>()
                };
                let (output, gradient) = everything(&one, &channel(&x), &channel(&dy));
                assert_eq!(
                    outputs.iter().map(|values| channel(values)).collect::<Vec<_>>(),
                    output,
                    "{g:?}"
                );
                assert_eq!(
                    gradients.iter().map(|values| channel(values)).collect::<Vec<_>>(),
                    gradient,
                    "{g:?}"
                );
            }
        }
    }
}

#[test]
fn ties_and_nan_are_found_in_row_major_order() {
    let nan = f32::NAN;
    for channels in [1, 6, 16] {
        let g = geometry([1, 2, 2, channels], (1, 1), 2, 2, 0);
        for (pixels, index) in [
            ([3.0, 3.0, 3.0, 3.0], 0),
            ([1.0, 3.0, 3.0, 0.0], 1),
            ([0.0, -0.0, 0.0, -0.0], 0),
            ([f32::NEG_INFINITY; 4], 0),
            ([1.0, nan, 5.0, nan], 1),
            ([nan, 9.0, 9.0, 9.0], 0),
            ([9.0, 9.0, f32::INFINITY, nan], 3),
        ] {
            let x: Vec<f32> = pixels.iter().flat_map(|&pixel| vec![pixel; channels]).collect();
            let (mut y, mut argmax) = (vec![7.0; channels], vec![7; channels]);
            max::forward(&g, &x, &mut y, &mut argmax).unwrap();
            assert_eq!(argmax, vec![index; channels], "{pixels:?}");
            assert!(y.iter().all(|y| y.to_bits() == pixels[index as usize].to_bits()));
        }
    }
}

#[test]
fn indices_are_not_trusted() {
    for channels in [1, 16] {
        let g = geometry([1, 4, 4, channels], (2, 2), 2, 2, 0);
        let (dy, mut dx) = (vec![1.0f32; 4 * channels], vec![0.0f32; 16 * channels]);
        let mut argmax: Vec<i32> =
            [5, 7, 8, 15].iter().flat_map(|&index| vec![index; channels]).collect();
        max::backward(&g, &dy, &argmax, false, &mut dx).unwrap();
        for wrong in [2, 8, -1, 16, i32::MAX, i32::MIN] {
            argmax[0] = wrong;
            let text = max::backward(&g, &dy, &argmax, false, &mut dx).unwrap_err().to_string();
            assert!(text.contains(&format!("1 of its {} indices", 4 * channels)), "{text}");
            assert_eq!(
                max::backward_by_index(1, channels, &dy, &argmax, false, &mut dx).is_ok(),
                (0..16).contains(&wrong)
            );
        }
    }
}

#[test]
fn whole_images_alone_or_in_a_batch() {
    for (images, pixels, channels) in
        [(3, 49, 512), (2, 1, 5), (2, 40_000, 3), (5, 4, 1), (700, 9, 2)]
    {
        let x: Vec<f32> =
            (0..images * pixels * channels).map(|i| ((i * 7919) % 1009) as f32 / 1009.0).collect();
        let mut y = vec![7.0f32; images * channels];
        global::average_forward(&x, images, channels, &mut y).unwrap();
        for (image, (x, y)) in x.chunks(pixels * channels).zip(y.chunks(channels)).enumerate() {
            let mut alone = vec![7.0f32; channels];
            global::average_forward(x, 1, channels, &mut alone).unwrap();
            assert_eq!(alone, y, "{image}");
            for (c, &mean) in y.iter().enumerate() {
                let exact = x.iter().skip(c).step_by(channels).map(|&x| f64::from(x)).sum::<f64>()
                    / pixels as f64;
                assert!((f64::from(mean) - exact).abs() < 1e-7, "{mean} {exact}");
            }
        }
        let mut dx = vec![1.0f32; x.len()];
        global::average_backward(&y, images, channels, true, &mut dx).unwrap();
        for (i, &dx) in dx.iter().enumerate() {
            let expected = 1.0 + y[i / channels / pixels * channels + i % channels] / pixels as f32;
            assert!((dx - expected).abs() < 1e-6);
        }
    }
    assert!(global::average_forward(&[0.0f32; 5], 1, 2, &mut [0.0; 2]).is_err());
    assert!(global::average_forward::<f32>(&[], 1, 2, &mut [0.0; 2]).is_err());
    assert!(global::average_forward::<f32>(&[], 0, 2, &mut []).is_ok());
    assert!(global::average_backward(&[0.0f32; 1], 1, 2, false, &mut [0.0; 4]).is_err());
}
