//! Kernels that memory bounds, beside a copy of an array of the same size, at `(64, 32, 32, 64)`: 17 MB an array. Criterion's bytes per
//! second count the least traffic that a kernel needs; compare them with those of `copy`, which reads and writes one array.

use std::hint::black_box;

use cnnrs::kernels::activation::{self, Relu};
use cnnrs::kernels::geometry::{Padding, Pool2dGeometry};
use cnnrs::kernels::memory::AlignedBuffer;
use cnnrs::kernels::normalization::groups::{self, Gradient, Groups};
use cnnrs::kernels::parallel;
use cnnrs::kernels::pool2d::{average, max};
use cnnrs::kernels::reduce;
use criterion::{Criterion, Throughput};

const SHAPE: [usize; 4] = [64, 32, 32, 64];
const CHANNELS: usize = SHAPE[3];

fn buffer(len: usize, value: impl Fn(usize) -> f32) -> AlignedBuffer<f32> {
    let mut buffer = AlignedBuffer::zeroed(len).expect("memory");
    buffer.iter_mut().enumerate().for_each(|(i, x)| *x = value(i));
    buffer
}

/// All kernels, each with how many arrays of the full size it must move.
pub fn memory_bound(criterion: &mut Criterion) {
    let len: usize = SHAPE.iter().product();
    let wave = |i: usize| ((i * 7919) % 1009) as f32 / 500.0 - 1.0;
    let (x, mut y, mut grad, mut out) = (buffer(len, wave), buffer(len, wave), buffer(len, |i| wave(i + 5)), buffer(len, |_| 0.0));
    let mut group = criterion.benchmark_group(format!("memory {SHAPE:?}"));
    group.sample_size(20);
    let mut bench = |name: &str, arrays: f64, f: &mut dyn FnMut()| {
        group.throughput(Throughput::Bytes((arrays * 4.0 * len as f64) as u64));
        group.bench_function(name, |b| b.iter(&mut *f));
    };
    bench("copy", 2.0, &mut || {
        let items = black_box(&x[..]).chunks(16 << 10).zip(out.chunks_mut(16 << 10));
        parallel::for_each(items, usize::MAX, |(x, out)| out.copy_from_slice(x)).expect("copy");
    });
    bench("relu", 2.0, &mut || activation::forward::<_, Relu>(black_box(&x), &mut out).expect("relu"));
    bench("relu backward, in place", 3.0, &mut || activation::backward_in_place::<_, Relu>(&mut grad, black_box(&x)).expect("relu"));
    for (kernel, stride) in [(2, 2), (3, 2)] {
        let size = (SHAPE[1] - kernel) / stride + 1;
        let g = Pool2dGeometry::new(SHAPE, [SHAPE[0], size, size, CHANNELS], (kernel, kernel), (stride, stride), Padding::default());
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
    bench("bias gradient", 1.0, &mut || reduce::sum_rows(black_box(&grad), rows, &mut sums, false, None).expect("sums"));
    let (gamma, beta, mut mean, mut variance) = ([1.0; CHANNELS], [0.0; CHANNELS], [0.0; CHANNELS], [0.0; CHANNELS]);
    let g = Groups::new(len, 1, CHANNELS, CHANNELS).expect("a valid shape");
    for relu in [false, true] {
        let name = if relu { "batch norm + relu" } else { "batch norm" };
        bench(name, 3.0, &mut || {
            groups::forward(&g, Some(black_box(&x)), &gamma, &beta, &mut y, &mut mean, &mut variance, 1e-5, relu).expect("norm");
        });
        let mut sums = [[0.0; CHANNELS]; 2];
        bench(&format!("{name} backward"), 5.0, &mut || {
            let gradient = Gradient::Onward { grad_output: black_box(&grad), grad_x: &mut out, accumulate: false };
            let [by_gamma, by_beta] = &mut sums;
            groups::backward(&g, gradient, &x, &mean, &variance, &gamma, &beta, 1e-5, relu, by_gamma, by_beta, false).expect("norm");
        });
    }
    group.finish();
}
