//! Measure the kernels on the shapes of `compare_torch.py` with criterion: `cargo bench`.
//!
//! To compare with another library, use `compare_torch.py`, whose libraries take turns. For
//! memory-bound kernels see `bandwidth.rs`.

use std::hint::black_box;

use cnnrs::kernels::conv2d::{self, Pass, PreparedWeight, Weight};
use cnnrs::kernels::geometry::{Conv2dGeometry, Padding, Window};
use cnnrs::kernels::matmul::{MatmulShape, matmul};
use cnnrs::kernels::simd::matmul::micro_kernel::Epilogue;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Images, size, channels, filters, kernel, stride, padding.
const SHAPES: [[usize; 7]; 12] = [
    [16, 56, 64, 64, 3, 1, 1],
    [16, 28, 128, 128, 3, 1, 1],
    [16, 14, 256, 256, 3, 1, 1],
    [16, 7, 512, 512, 3, 1, 1],
    [64, 32, 32, 32, 3, 1, 1],
    [64, 16, 32, 64, 5, 1, 2],
    [64, 32, 32, 32, 5, 1, 2],
    [64, 32, 3, 32, 5, 1, 2],
    [8, 224, 3, 64, 7, 2, 3],
    [16, 28, 256, 64, 1, 1, 0],
    [16, 56, 64, 256, 1, 1, 0],
    [16, 56, 64, 128, 3, 2, 1],
];

fn geometry(
    [batch, size, channels, filters, kernel, stride, padding]: [usize; 7],
) -> Conv2dGeometry {
    let padding = Padding { top: padding, bottom: padding, left: padding, right: padding };
    let window = Window { stride: (stride, stride), padding, dilation: (1, 1) };
    Conv2dGeometry::new(
        [batch, size, size, channels],
        [kernel, kernel, channels, filters],
        window,
        1,
    )
    .expect("a valid shape")
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1009) as f32 / 500.0 - 1.0).collect()
}

fn convolution(criterion: &mut Criterion) {
    for shape in SHAPES {
        let g = geometry(shape);
        let (x, w, dy) = (values(g.input_len()), values(g.weight_len()), values(g.output_len()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let mut group = criterion.benchmark_group(format!("conv2d {shape:?}"));
        group.throughput(Throughput::Elements(2 * g.multiply_adds() as u64)).sample_size(20);
        let prepared =
            PreparedWeight::new(&w, &g, conv2d::choose::<f32>(Pass::Forward, &g)).expect("memory");
        group.bench_function("forward, prepared", |b| {
            b.iter(|| {
                conv2d::forward(&g, black_box(&x), Weight::Prepared(&prepared), None, true, &mut y)
                    .expect("forward")
            });
        });
        let method = conv2d::choose::<f32>(Pass::BackwardInput, &g);
        group.bench_function("backward input", |b| {
            b.iter(|| {
                conv2d::backward_input(&g, black_box(&dy), None, &w, false, method, &mut dx)
                    .expect("backward")
            });
        });
        let method = conv2d::choose::<f32>(Pass::BackwardWeight, &g);
        group.bench_function("backward weight", |b| {
            b.iter(|| {
                conv2d::backward_weight(
                    &g,
                    black_box(&dy),
                    None,
                    &x,
                    false,
                    method,
                    (&mut dw, None),
                )
                .expect("backward")
            });
        });
    }
}

fn product(criterion: &mut Criterion) {
    for (m, k, n) in [(1024, 1024, 1024), (64, 4096, 4096)] {
        let (a, b, mut c) = (values(m * k), values(k * n), vec![0.0; m * n]);
        let shape = MatmulShape { m, n, k, transpose_a: false, transpose_b: false };
        let mut group = criterion.benchmark_group(format!("matmul {m}x{k}x{n}"));
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64)).sample_size(20);
        group.bench_function("forward", |bench| {
            bench.iter(|| {
                matmul(black_box(&a), &b, &mut c, shape, &Epilogue::OVERWRITE).expect("matmul")
            });
        });
    }
}

criterion_group!(kernels, convolution, product);
criterion_main!(kernels);
