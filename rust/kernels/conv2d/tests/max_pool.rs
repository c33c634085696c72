//! The forward pass with fused max-pooling.

use super::*;

#[test]
fn fused_max_pooling_equals_two_passes() {
    for (input, kernel, filters) in [
        ([37, 13, 18, 1], 5, 6),
        ([16, 9, 21, 3], 3, 11),
        ([3, 8, 8, 2], 3, 4),
        ([18, 8, 9, 20], 3, 20),
        ([16, 28, 28, 1], 5, 6),
    ] {
        let g = geometry(input, (kernel, kernel), filters, plain(1, 1), 1).unwrap();
        let (x, w) = (values(g.input_len()), values(g.weight_len()));
        let bias = values(filters);
        let pooled = [g.batch, g.out_height / 2, g.out_width / 2, filters];
        let pool = Pool2dGeometry::new(
            [g.batch, g.out_height, g.out_width, filters],
            pooled,
            (2, 2),
            (2, 2),
            Padding::default(),
        )
        .unwrap();
        for method in [&FewChannels, choose::<f32>(Pass::Forward, &g)] {
            for relu in [false, true] {
                let (mut whole, mut expected) =
                    (vec![0.0; g.output_len()], vec![0.0; pool.output_len()]);
                let (mut places, mut y) = (vec![0; expected.len()], expected.clone());
                forward(&g, &x, Weight::Plain(&w, method), Some(&bias), relu, &mut whole).unwrap();
                max::forward(&pool, &whole, &mut expected, &mut places).unwrap();
                forward_max_pool(&g, &x, Weight::Plain(&w, method), Some(&bias), relu, &mut y)
                    .unwrap();
                assert!(y == expected, "{g:?} {}", method.name());
            }
        }
    }
}
