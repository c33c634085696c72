//! Every kernel against numbers by hand or a slow obvious reference in double precision.

use super::resize::Interpolation;
use super::*;
use crate::kernels::augment::crop::Border;

/// Bytes without a pattern.
fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn step<'a>(kind: Kind, parameters: &'a [f64], constants: &'a [f64]) -> Step<'a> {
    Step { kind, apply: None, parameters, constants }
}

/// One picture of bytes through steps, to floats.
fn through(
    pixels: &[u8],
    [height, width, channels]: [usize; 3],
    steps: &[Step<'_>],
    len: usize,
) -> Vec<f32> {
    let mut out = vec![f32::NAN; len];
    run(&[Picture { pixels, height, width, channels }], steps, &[0, len], &mut out).unwrap();
    out
}

/// The weights of the inputs for one output place, by the definition of the triangle.
fn triangle(place: usize, len: usize, out: usize, antialias: bool) -> Vec<f64> {
    let scale = len as f64 / out as f64;
    let stretch = if antialias { scale.max(1.0) } else { 1.0 };
    let centre = (place as f64 + 0.5) * scale;
    let weights: Vec<f64> =
        (0..len).map(|i| (1.0 - ((i as f64 + 0.5 - centre) / stretch).abs()).max(0.0)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[test]
fn resizing_is_a_weighted_sum_of_the_window() {
    let [height, width] = [41, 57];
    for channels in [1, 2, 3, 4] {
        let pixels = noise(height * width * channels);
        for ([top, left, rows, columns], [out_height, out_width]) in [
            ([0, 0, 41, 57], [16, 20]),
            ([3, 5, 30, 47], [17, 50]),  // one axis shrinks, one grows
            ([7, 9, 8, 3], [40, 33]),    // narrower than a register
            ([0, 0, 41, 57], [3, 5]),    // fewer rows than a band, many terms
            ([40, 56, 1, 1], [2, 2]),    // a single pixel
            ([1, 2, 16, 16], [16, 16]),  // the same size
            ([2, 4, 35, 49], [35, 130]), // one axis keeps its size
        ] {
            for interpolation in
                [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Antialias]
            {
                let parameters =
                    [top, left, rows, columns, out_height, out_width].map(|value| value as f64);
                let resized = [step(Kind::Resize(interpolation), &parameters, &[])];
                let y = through(
                    &pixels,
                    [height, width, channels],
                    &resized,
                    out_height * out_width * channels,
                );
                let weights = |place, len, out| match interpolation {
                    Interpolation::Nearest => (0..len)
                        .map(|i| f64::from(u8::from(i == (2 * place + 1) * len / (2 * out))))
                        .collect(),
                    kind => triangle(place, len, out, kind == Interpolation::Antialias),
                };
                let down: Vec<_> = (0..out_height).map(|y| weights(y, rows, out_height)).collect();
                let across: Vec<_> =
                    (0..out_width).map(|x| weights(x, columns, out_width)).collect();
                for (i, &y) in y.iter().enumerate() {
                    let (c, x, row) =
                        (i % channels, i / channels % out_width, i / channels / out_width);
                    let mut expected = 0.0;
                    for (dy, weight_y) in
                        down[row].iter().enumerate().filter(|(_, weight)| **weight > 0.0)
                    {
                        for (dx, weight_x) in across[x].iter().enumerate() {
                            let value = pixels[((top + dy) * width + left + dx) * channels + c];
                            expected += weight_y * weight_x * f64::from(value);
                        }
                    }
                    assert!(
                        (f64::from(y) - expected).abs() < 1e-3,
                        "{parameters:?}, {interpolation:?}: {y} {expected}"
                    );
                }
                let both = [resized[0], step(Kind::FlipHorizontal, &[], &[])];
                let mirrored = through(&pixels, [height, width, channels], &both, y.len());
                let row = out_width * channels;
                for (row, mirrored) in y.chunks(row).zip(mirrored.chunks(row)) {
                    let turned: Vec<f32> = row.chunks(channels).rev().flatten().copied().collect();
                    assert_eq!(turned, mirrored);
                }
            }
        }
    }
}

#[test]
fn a_window_of_nan_stays_where_it_is() {
    let mut pixels = vec![1.0f32; 20 * 20];
    pixels[7 * 20 + 9] = f32::NAN;
    let mut y = vec![0.0f32; 400];
    let picture = Picture { pixels: &pixels[..], height: 20, width: 20, channels: 1 };
    run(
        &[picture],
        &[step(Kind::Resize(Interpolation::Antialias), &[0.0, 0.0, 20.0, 20.0, 20.0, 20.0], &[])],
        &[0, 400],
        &mut y,
    )
    .unwrap();
    assert!(y.iter().enumerate().all(|(i, value)| if i == 7 * 20 + 9 {
        value.is_nan()
    } else {
        *value == 1.0
    }));
}

#[test]
fn windows_and_mirrors() {
    let ([height, width], [out_height, out_width]) = ([9, 83], [14, 96]);
    for channels in [1, 3, 5] {
        let pixels = noise(height * width * channels);
        for border in [Border::Constant, Border::Edge, Border::Reflect, Border::Symmetric] {
            for (top, left) in [(0, 0), (-3, -5), (4, 20), (-30, 90), (2, -96)] {
                let parameters = [top as f64, left as f64, out_height as f64, out_width as f64];
                let fill: Vec<f64> = (0..channels).map(|c| 1.5 + c as f64).collect();
                let steps = [
                    step(Kind::Crop(border), &parameters, &fill),
                    step(Kind::FlipVertical, &[], &[]),
                    step(Kind::FlipHorizontal, &[], &[]),
                ];
                let y = through(
                    &pixels,
                    [height, width, channels],
                    &steps,
                    out_height * out_width * channels,
                );
                for (i, &value) in y.iter().enumerate() {
                    let (c, x, row) =
                        (i % channels, i / channels % out_width, i / channels / out_width);
                    let row = border.place(top + (out_height - 1 - row) as i64, height);
                    let column = border.place(left + (out_width - 1 - x) as i64, width);
                    let expected = match (row, column) {
                        (Some(row), Some(column)) => {
                            f32::from(pixels[(row * width + column) * channels + c])
                        }
                        _ => fill[c] as f32,
                    };
                    assert_eq!(value, expected);
                }
            }
        }
    }
}

#[test]
fn borders_by_hand() {
    let places = |border: Border| [-3, -2, -1, 0, 2, 3, 4, 7].map(|place| border.place(place, 3));
    assert_eq!(places(Border::Constant), [None, None, None, Some(0), Some(2), None, None, None]);
    assert_eq!(places(Border::Edge), [0, 0, 0, 0, 2, 2, 2, 2].map(Some));
    assert_eq!(places(Border::Reflect), [1, 2, 1, 0, 2, 1, 0, 1].map(Some));
    assert_eq!(places(Border::Symmetric), [2, 1, 0, 0, 2, 2, 1, 1].map(Some));
    assert_eq!(Border::Reflect.place(5, 1), Some(0));
}

/// Brightness, contrast, saturation and hue one after the other, in double precision.
fn jittered(pixels: &[u8], order: [usize; 4], amounts: [f64; 4]) -> Vec<f64> {
    let grey = |pixel: &[f64]| 0.2989 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    let mut values: Vec<f64> = pixels.iter().map(|&value| f64::from(value)).collect();
    for kind in order {
        let factor = amounts[kind];
        let mean = values.chunks(3).map(grey).sum::<f64>() / (values.len() / 3) as f64;
        for pixel in values.chunks_mut(3) {
            let rest = [0.0, mean, grey(pixel), 0.0][kind];
            if kind == 3 {
                turn(pixel, factor);
            } else {
                pixel.iter_mut().for_each(|value| {
                    *value = (factor * *value + (1.0 - factor) * rest).clamp(0.0, 255.0)
                });
            }
        }
    }
    values
}

/// To hue, saturation and value and back, as the definition has it.
fn turn(pixel: &mut [f64], shift: f64) {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]];
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = high - low;
    if chroma == 0.0 {
        return;
    }
    let sixths = if high == r {
        (g - b) / chroma
    } else if high == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let hue = (sixths / 6.0 + shift).rem_euclid(1.0) * 6.0;
    let (sector, part) = (hue.floor() as usize % 6, hue.fract());
    let (falling, rising) = (high - chroma * part, low + chroma * part);
    let [r, g, b] = [
        [high, rising, low],
        [falling, high, low],
        [low, high, rising],
        [low, falling, high],
        [rising, low, high],
        [high, low, falling],
    ][sector];
    pixel.copy_from_slice(&[r, g, b]);
}

#[test]
fn jitter_in_every_order_is_its_formula() {
    let [height, width] = [37, 61]; // more than two blocks, and no whole one at the end
    let mut pixels = noise(height * width * 3);
    pixels[..60].copy_from_slice(
        &[[10, 10, 10], [0, 0, 0], [255, 255, 255], [200, 3, 3]].concat().repeat(5),
    );
    for first in 0..4usize {
        for amounts in [
            [0.7, 1.3, 0.6, 0.1],
            [1.4, 0.6, 1.5, -0.5],
            [1.0, 1.2, 0.0, 0.5],
            [0.9, 1.0, 1.1, -0.03],
        ] {
            let order = [first, (first + 1) % 4, (first + 3) % 4, (first + 2) % 4];
            let mut parameters = [0.0; 8];
            for (place, &adjustment) in order.iter().enumerate() {
                parameters[adjustment] = place as f64;
            }
            parameters[4..].copy_from_slice(&amounts);
            let y = through(
                &pixels,
                [height, width, 3],
                &[step(Kind::ColorJitter, &parameters, &[])],
                pixels.len(),
            );
            // A value within rounding of a limit or of a change of sector may fall on either side;
            // all is continuous there.
            for (y, expected) in y.iter().zip(jittered(&pixels, order, amounts)) {
                assert!(
                    (f64::from(*y) - expected).abs() < 2e-3,
                    "{order:?} {amounts:?}: {y} {expected}"
                );
            }
        }
    }
}

#[test]
fn many_changes_wait_their_turn() {
    // Nine of them, more than the list takes, then a step that reads the picture.
    let jitter = [0.0, 1.0, 2.0, 3.0, 1.25, 1.0, 1.0, 0.0];
    let mut steps = vec![step(Kind::ColorJitter, &jitter, &[]); 9];
    steps.push(step(Kind::Invert, &[], &[]));
    let y = through(&[4, 8, 200], [1, 1, 3], &steps, 3);
    let brighter = |value: f64| value * 1.25f64.powi(9);
    assert!((f64::from(y[0]) - (255.0 - brighter(4.0))).abs() < 1e-3);
    assert!((f64::from(y[1]) - (255.0 - brighter(8.0))).abs() < 1e-3);
    assert_eq!(y[2], 0.0);
}

#[test]
fn pixels_of_every_number_of_channels_are_scaled_on_the_way_out() {
    for channels in [1, 2, 3, 4] {
        for pixels in [1, 15, 16, 17, 33, 2100] {
            let source = noise(pixels * channels);
            let constants: Vec<f64> =
                [1.0].into_iter().chain((0..2 * channels).map(|i| 0.25 + i as f64)).collect();
            let y = through(
                &source,
                [1, pixels, channels],
                &[step(Kind::Affine, &[], &constants)],
                source.len(),
            );
            for (i, (&y, &value)) in y.iter().zip(&source).enumerate() {
                assert_eq!(
                    y,
                    f32::from(value) * constants[1 + i % channels] as f32
                        + constants[1 + channels + i % channels] as f32
                );
            }
            let mut bytes = vec![0u8; source.len()];
            let picture = Picture { pixels: &source[..], height: 1, width: pixels, channels };
            run(&[picture], &[], &[0, source.len()], &mut bytes).unwrap();
            assert_eq!(bytes, source);
        }
    }
}

#[test]
fn floats_become_the_nearest_byte() {
    let values = [
        -3.0,
        0.0,
        0.49,
        0.51,
        1.5,
        2.5,
        254.4,
        254.6,
        300.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    assert_eq!(values.map(u8::from_f32), [0, 0, 0, 1, 2, 2, 254, 255, 255, 255, 0, 0]);
}

#[test]
fn samples_that_do_not_take_a_step_stay() {
    let pixels = noise(2 * 12);
    let pictures: Vec<_> = pixels
        .chunks(12)
        .map(|pixels| Picture { pixels, height: 2, width: 2, channels: 3 })
        .collect();
    let steps =
        [Step { kind: Kind::Invert, apply: Some(&[false, true]), parameters: &[], constants: &[] }];
    let mut y = vec![0u8; 24];
    run(&pictures, &steps, &[0, 12, 24], &mut y).unwrap();
    assert_eq!(y[..12], pixels[..12]);
    assert!(y[12..].iter().zip(&pixels[12..]).all(|(y, value)| *y == 255 - value));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let pixels = noise(48);
    let picture = Picture { pixels: &pixels[..], height: 4, width: 4, channels: 3 };
    let (resize, crop) = (Kind::Resize(Interpolation::Antialias), Kind::Crop(Border::Constant));
    let refused = |steps: &[Step<'_>], offsets: &[usize], len: usize| {
        run(&[picture], steps, offsets, &mut vec![0u8; len]).is_err()
    };
    assert!(!refused(&[], &[0, 48], 48));
    assert!(refused(&[], &[0], 48));
    assert!(refused(&[], &[0, 49], 48));
    assert!(refused(&[], &[48, 0], 48));
    assert!(refused(&[], &[0, 47], 47));
    assert!(refused(&[step(resize, &[0.0, 0.0, 5.0, 4.0, 2.0, 2.0], &[])], &[0, 12], 12));
    assert!(refused(&[step(resize, &[0.0, 0.0, 0.0, 4.0, 2.0, 2.0], &[])], &[0, 12], 12));
    assert!(refused(&[step(resize, &[0.0, 0.0, 4.0, 4.0, 2.0, f64::NAN], &[])], &[0, 12], 12));
    assert!(refused(&[step(crop, &[0.0, 0.0, 4.0, 4.0], &[1.0, 2.0])], &[0, 48], 48));
    assert!(refused(&[step(crop, &[0.0, 0.0, 4.0], &[1.0])], &[0, 48], 48));
    assert!(refused(&[step(Kind::Affine, &[], &[1.0, 2.0])], &[0, 48], 48));
    for places in [[0.0, 1.0, 2.0, 4.0], [0.0, 1.0, 1.0, 3.0], [0.0, 1.0, 2.5, 3.0]] {
        let jitter = [&places[..], &[1.0; 4]].concat();
        assert!(refused(&[step(Kind::ColorJitter, &jitter, &[])], &[0, 48], 48));
    }
    let apply = Step { apply: Some(&[true, false]), ..step(Kind::Invert, &[], &[]) };
    assert!(refused(&[apply], &[0, 48], 48));
    let broken = Picture { height: 5, ..picture };
    assert!(run(&[broken], &[], &[0, 48], &mut [0u8; 48]).is_err());
}

#[test]
fn draws_are_functions_of_their_place() {
    let (mut all, mut one) = ([0.0; 10], [0.0; 5]);
    draw::uniform(7, 3, 2, &[4, 9], 5, &mut all).unwrap();
    draw::uniform(7, 3, 2, &[9], 5, &mut one).unwrap();
    assert_eq!(all[5..], one);
    draw::uniform(7, 3, 1, &[9], 5, &mut one).unwrap();
    assert_ne!(all[5..], one);
    assert!(draw::uniform(7, 3, draw::MAX_ORDINAL + 1, &[9], 5, &mut one).is_err());
    assert!(draw::uniform(7, 3, 0, &[9], 4, &mut one).is_err());
    let mut normal = vec![0.0; 40_000];
    draw::normal(5, 0, &mut normal);
    let mean = normal.iter().sum::<f32>() / 4e4;
    let variance = normal.iter().map(|value| value * value).sum::<f32>() / 4e4;
    assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03);
}

#[test]
fn mixing_by_hand() {
    let mut out = [0u8; 4];
    mix::blend(&[200, 0, 10, 20], &[100, 50, 20, 40], &[0.25, 1.0], &mut out).unwrap();
    assert_eq!(out, [125, 38, 10, 20]); // 37.5 is rounded to the even number
    let mut target = [0u8; 9];
    mix::paste(&[1, 2, 3, 4], [2, 2], &mut target, [3, 3, 1], &[1, 1, 2, 1, 0, 1]).unwrap();
    assert_eq!(target, [0, 0, 0, 0, 2, 0, 0, 4, 0]);
    assert!(
        mix::paste(&[1, 2, 3, 4], [2, 2], &mut target, [3, 3, 1], &[2, 1, 2, 1, 0, 1]).is_err()
    );
    assert!(
        mix::paste(&[1, 2, 3, 4], [2, 2], &mut target, [3, 3, 1], &[i64::MAX, 0, 1, 1, 0, 0])
            .is_err()
    );
    assert!(mix::blend(&[1u8, 2], &[1], &[0.5], &mut out[..2]).is_err());
}
