//! Matrix products against sums in plain loops.

use super::*;

/// `C = A B` by the definition, in f64.
fn reference(a: &[f32], b: &[f32], s: MatmulShape) -> Vec<f64> {
    let at = |i, p| f64::from(if s.transpose_a { a[p * s.m + i] } else { a[i * s.k + p] });
    let bt = |p, j| f64::from(if s.transpose_b { b[j * s.k + p] } else { b[p * s.n + j] });
    (0..s.m * s.n).map(|i| (0..s.k).map(|p| at(i / s.n, p) * bt(p, i % s.n)).sum()).collect()
}

/// Small whole numbers: every product and sum is exact.
fn whole(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0).collect()
}

#[test]
fn whole_numbers_come_out_exact() {
    for &m in &[1, 2, 7, 14, 15, 33, 130] {
        for &n in &[1, 8, 15, 16, 17, 33, 70] {
            for &k in &[0, 1, 9, 31, 300] {
                for flags in 0..4 {
                    let shape = MatmulShape {
                        m,
                        n,
                        k,
                        transpose_a: flags & 1 > 0,
                        transpose_b: flags & 2 > 0,
                    };
                    let (a, b, bias) = (whole(m * k, 1), whole(k * n, 2), whole(n, 3));
                    let mut c = whole(m * n, 4);
                    let expected: Vec<f64> = reference(&a, &b, shape)
                        .iter()
                        .enumerate()
                        .map(|(i, sum)| (sum + f64::from(c[i]) + f64::from(bias[i % n])).max(0.0))
                        .collect();
                    let finish = Epilogue { accumulate: true, bias: Some(&bias), relu: true };
                    matmul(&a, &b, &mut c, shape, &finish).unwrap();
                    assert!(c.iter().zip(&expected).all(|(&c, &e)| f64::from(c) == e), "{shape:?}");
                }
            }
        }
    }
}

#[test]
fn a_large_result_passes_by_the_caches_unharmed() {
    let shape = MatmulShape { m: 1030, n: 544, k: 3, transpose_a: false, transpose_b: true };
    let (a, b, bias) =
        (whole(shape.m * shape.k, 1), whole(shape.k * shape.n, 2), whole(shape.n, 3));
    let mut c = crate::kernels::memory::AlignedBuffer::<f32>::zeroed(shape.m * shape.n).unwrap();
    assert!(size_of_val(&*c) >= MATMUL_STREAM_BYTES);
    matmul(&a, &b, &mut c, shape, &Epilogue { accumulate: false, bias: Some(&bias), relu: true })
        .unwrap();
    let expected = reference(&a, &b, shape);
    assert!(
        c.iter()
            .enumerate()
            .all(|(i, &c)| f64::from(c) == (expected[i] + f64::from(bias[i % shape.n])).max(0.0))
    );
}

#[test]
fn few_rows_over_long_sums_come_out_exact() {
    for m in [1, 3, 16, 63] {
        for transpose_b in [false, true] {
            let shape = MatmulShape { m, n: 301, k: 1100, transpose_a: false, transpose_b };
            let (a, b) = (whole(m * shape.k, 1), whole(shape.k * shape.n, 2));
            let mut c = vec![f32::NAN; m * shape.n];
            matmul(&a, &b, &mut c, shape, &Epilogue::OVERWRITE).unwrap();
            assert!(
                c.iter().zip(&reference(&a, &b, shape)).all(|(&c, &e)| f64::from(c) == e),
                "{shape:?}"
            );
        }
    }
}

#[test]
fn a_row_has_the_same_bits_alone_and_among_others() {
    let (m, n, k) = (40, 37, 700);
    let value = |i: usize| ((i * 2_654_435_761) % 1000) as f32 / 999.0 - 0.5;
    let (a, b): (Vec<f32>, Vec<f32>) =
        ((0..m * k).map(value).collect(), (0..k * n).map(|i| value(i + 5)).collect());
    let shape = MatmulShape { m, n, k, transpose_a: false, transpose_b: false };
    let mut all = vec![0.0; m * n];
    matmul(&a, &b, &mut all, shape, &Epilogue::OVERWRITE).unwrap();
    for row in 0..m {
        let mut one = vec![0.0; n];
        matmul(
            &a[row * k..][..k],
            &b,
            &mut one,
            MatmulShape { m: 1, ..shape },
            &Epilogue::OVERWRITE,
        )
        .unwrap();
        assert_eq!(one, all[row * n..][..n]);
    }
}
