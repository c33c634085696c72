//! Hand-written numbers, and every pooling against loops over its windows.

use super::*;
use crate::kernels::geometry::Padding;

fn geometry(input: [usize; 4], output: (usize, usize), kernel: usize, stride: usize, padding: usize) -> Pool2dGeometry {
    let padding = Padding { top: padding, bottom: padding, left: padding, right: padding };
    Pool2dGeometry::new(input, [input[0], output.0, output.1, input[3]], (kernel, kernel), (stride, stride), padding).unwrap()
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
    ] {
        let g = geometry(input, output, kernel, stride, padding);
        let x: Vec<f64> = (0..g.input_len()).map(|i| ((i * 7919) % 101) as f64 / 10.0 - 5.0).collect();
        let dy: Vec<f64> = (0..g.output_len()).map(|i| ((i * 104_729) % 37) as f64 - 18.0).collect();
        let (mut y, mut argmax) = (vec![0.0; dy.len()], vec![0; dy.len()]);
        let (mut dx, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let each = |f: &mut dyn FnMut(usize, Vec<usize>, usize, usize)| {
            for o in 0..g.output_len() {
                let (c, ox, oy) = (o % g.channels, o / g.channels % g.out_width, o / g.channels / g.out_width % g.out_height);
                let image = o / g.output_row() / g.out_height * g.height;
                let places = g.rows(oy).flat_map(|iy| g.columns(ox).map(move |ix| ((image + iy) * g.width + ix) * g.channels + c));
                f(o, places.collect(), oy, ox);
            }
        };
        max::forward(&g, &x, &mut y, &mut argmax).unwrap();
        each(&mut |o, places, _, _| {
            let best = places.iter().copied().reduce(|a, b| if x[b] > x[a] { b } else { a }).unwrap();
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
                places
                    .iter()
                    .filter(|&&i| x[i] != 0.0)
                    .for_each(|&i| expected[i] += dy[o] * x[i].signum() * (x[i].abs() / norm).powf(p - 1.0));
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
