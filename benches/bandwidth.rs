//! Compare memory-bound kernels with a copy of an array of the same size:
//! `cargo bench --bench bandwidth [-- PART_OF_A_NAME]`.
//!
//! The arrays have the shape `(256, 32, 32, 64)`, 67 MB, more than the caches hold. Kernel and copy
//! take turns, so that other load on the machine affects both alike. Print the median time, the
//! bytes per second (the minimum traffic of the kernel), and the median of their ratio to the bytes
//! per second of the copy, which reads and writes one array.

use std::hint::black_box;
use std::time::Instant;

use cnnrs::kernels::activation::{self, Relu};
use cnnrs::kernels::geometry::{Padding, Pool2dGeometry};
use cnnrs::kernels::loss::{self, Labels};
use cnnrs::kernels::memory::AlignedBuffer;
use cnnrs::kernels::normalization::groups::{self, Gradient, Groups};
use cnnrs::kernels::optimizer::{Adjust, Sgd, sgd_step};
use cnnrs::kernels::parallel;
use cnnrs::kernels::pool2d::{average, max};
use cnnrs::kernels::reduce;

const SHAPE: [usize; 4] = [256, 32, 32, 64];
const CHANNELS: usize = SHAPE[3];
const ROUNDS: usize = 15;

fn buffer(len: usize, value: impl Fn(usize) -> f32) -> AlignedBuffer<f32> {
    let mut buffer = AlignedBuffer::zeroed(len).expect("memory");
    buffer.iter_mut().enumerate().for_each(|(i, x)| *x = value(i));
    buffer
}

fn milliseconds(f: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    f();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures all kernels, each with the number of arrays of full size that it must move.
fn main() {
    let wanted =
        std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let len: usize = SHAPE.iter().product();
    let wave = |i: usize| ((i * 7919) % 1009) as f32 / 500.0 - 1.0;
    let (x, mut y, mut grad, mut out) =
        (buffer(len, wave), buffer(len, wave), buffer(len, |i| wave(i + 5)), buffer(len, |_| 0.0));
    let (from, mut to) = (buffer(len, wave), buffer(len, wave));
    let mut copy = || {
        let items = black_box(&from[..]).chunks(16 << 10).zip(to.chunks_mut(16 << 10));
        parallel::for_each(items, usize::MAX, |(from, to)| to.copy_from_slice(from)).expect("copy");
    };
    let mut bench = |name: &str, arrays: f64, f: &mut dyn FnMut()| {
        if !name.contains(&wanted) {
            return;
        }
        f();
        let (times, ratios) = (0..ROUNDS)
            .map(|_| (milliseconds(&mut copy), milliseconds(f)))
            .map(|(c, t)| (t, c / t * arrays / 2.0))
            .unzip();
        let (time, ratio): (f64, f64) = (median(times), median(ratios));
        let speed = arrays * 4.0 * len as f64 / time / 1e6;
        println!("{name:32} {time:8.3} ms {speed:7.1} GB/s {:5.0} % of a copy", 100.0 * ratio);
    };
    bench("relu", 2.0, &mut || {
        activation::forward::<_, Relu>(black_box(&x), &mut out).expect("relu")
    });
    bench("relu backward, in place", 3.0, &mut || {
        activation::backward_in_place::<_, Relu>(&mut grad, black_box(&x)).expect("relu")
    });
    for (kernel, stride) in [(2, 2), (3, 2)] {
        let size = (SHAPE[1] - kernel) / stride + 1;
        let g = Pool2dGeometry::new(
            SHAPE,
            [SHAPE[0], size, size, CHANNELS],
            (kernel, kernel),
            (stride, stride),
            Padding::default(),
        );
        let g = g.expect("a valid shape");
        let part = g.output_len() as f64 / len as f64;
        let (mut pooled, mut argmax) = (buffer(g.output_len(), wave), vec![0; g.output_len()]);
        bench(&format!("max-pool {kernel}/{stride}"), 1.0 + 2.0 * part, &mut || {
            max::forward(&g, black_box(&x), &mut pooled, &mut argmax).expect("pool");
        });
        bench(&format!("max-pool {kernel}/{stride} backward"), 1.0 + 2.0 * part, &mut || {
            max::backward(&g, black_box(&pooled), &argmax, false, &mut out).expect("pool");
        });
        bench(&format!("average-pool {kernel}/{stride}"), 1.0 + part, &mut || {
            average::forward(&g, black_box(&x), false, &mut pooled).expect("pool");
        });
        bench(&format!("average-pool {kernel}/{stride} backward"), 1.0 + part, &mut || {
            average::backward(&g, black_box(&pooled), false, false, &mut out).expect("pool");
        });
    }
    let (mut sums, rows) = ([0.0; CHANNELS], len / CHANNELS);
    bench("bias gradient", 1.0, &mut || {
        reduce::sum_rows(black_box(&grad), rows, &mut sums, false, None).expect("sums")
    });
    let (labels, mut losses): (Vec<i64>, _) =
        ((0..rows as i64).map(|row| row % CHANNELS as i64).collect(), vec![0.0; rows]);
    bench("softmax cross-entropy", 1.0, &mut || {
        loss::cross_entropy_forward(
            black_box(&x[..]),
            Labels::Index(&labels),
            CHANNELS,
            &mut losses,
        )
        .expect("loss");
    });
    bench("softmax cross-entropy backward", 2.0, &mut || {
        loss::cross_entropy_backward(
            &losses,
            black_box(&x[..]),
            Labels::Index(&labels),
            CHANNELS,
            false,
            &mut out,
        )
        .expect("loss");
    });
    let step = Sgd { learning_rate: 1e-3, momentum: 0.9, dampening: 0.0, nesterov: false };
    bench("SGD", 3.0, &mut || {
        sgd_step(&mut y, black_box(&grad), None, &Adjust::NONE, &step).expect("step")
    });
    bench("SGD with momentum", 5.0, &mut || {
        sgd_step(&mut y, black_box(&grad), Some(&mut out), &Adjust::NONE, &step).expect("step")
    });
    let (gamma, beta, mut mean, mut variance) =
        ([1.0; CHANNELS], [0.0; CHANNELS], [0.0; CHANNELS], [0.0; CHANNELS]);
    let g = Groups::new(len, 1, CHANNELS, CHANNELS).expect("a valid shape");
    for relu in [false, true] {
        let name = if relu { "batch norm + relu" } else { "batch norm" };
        bench(name, 3.0, &mut || {
            groups::forward(
                &g,
                Some(black_box(&x)),
                &gamma,
                &beta,
                &mut y,
                &mut mean,
                &mut variance,
                1e-5,
                relu,
            )
            .expect("norm");
        });
        let mut sums = [[0.0; CHANNELS]; 2];
        bench(&format!("{name} backward"), 5.0, &mut || {
            let gradient = Gradient::Onward {
                grad_output: black_box(&grad),
                grad_input: &mut out,
                accumulate: false,
            };
            let [by_gamma, by_beta] = &mut sums;
            groups::backward(
                &g, gradient, &x, &mean, &variance, &gamma, &beta, 1e-5, relu, by_gamma, by_beta,
                false,
            )
            .expect("norm");
        });
    }
}
