//! The choice of the method.

use super::*;

const PASSES: [Pass; 4] =
    [Pass::Forward, Pass::BackwardInput, Pass::BackwardWeight, Pass::Prediction];

/// The geometry of a line of `choices.txt`.
fn parse(sizes: &str) -> Conv2dGeometry {
    let sizes: Vec<usize> = sizes.split_whitespace().map(|size| size.parse().unwrap()).collect();
    let [h, w, c, kh, kw, filters, sh, sw, top, bottom, left, right, dh, dw, groups] = sizes[..]
    else {
        panic!("expected 15 sizes, got {sizes:?}")
    };
    let padding = Padding { top, bottom, left, right };
    let window = Window { stride: (sh, sw), padding, dilation: (dh, dw) };
    geometry([1, h, w, c], (kh, kw), filters, window, groups).unwrap()
}

/// The chosen methods of all passes.
fn names<T: Element>(g: &Conv2dGeometry) -> Vec<&'static str> {
    PASSES.map(|pass| choose::<T>(pass, g).name()).to_vec()
}

#[test]
fn the_choice_is_as_recorded() {
    let table = include_str!("choices.txt").lines().filter(|line| !line.starts_with('#'));
    let mut lines = 0;
    for line in table {
        let [sizes, single, double] = line.split('|').collect::<Vec<_>>()[..] else {
            panic!("expected three fields, got {line:?}")
        };
        let g = parse(sizes);
        let expected = |names: &'static str| names.split_whitespace().collect::<Vec<_>>();
        assert_eq!(names::<f32>(&g), expected(single), "float32: {sizes}");
        assert_eq!(names::<f64>(&g), expected(double), "float64: {sizes}");
        lines += 1;
    }
    assert!(lines > 60, "{lines}");
}

#[test]
fn the_choice_does_not_depend_on_the_batch() {
    for batch in [0, 1, 16, 1000] {
        let g = geometry([batch, 28, 28, 1], (5, 5), 6, plain(1, 2), 1).unwrap();
        assert_eq!(names::<f32>(&g), ["few_channels"; 4]);
    }
}

#[test]
fn a_method_is_found_by_its_name() {
    let g = geometry([1, 8, 8, 16], (3, 3), 16, plain(1, 1), 1).unwrap();
    for method in methods::<f32>() {
        let found = by_name::<f32>(method.name(), Pass::Forward, &g);
        assert_eq!(found.is_ok(), method.supports(Pass::Forward, &g), "{}", method.name());
        assert!(
            found.is_ok_and(|found| found.name() == method.name())
                || !method.supports(Pass::Forward, &g)
        );
    }
    let names: std::collections::BTreeSet<_> =
        methods::<f32>().iter().map(|method| method.name()).collect();
    assert_eq!(names.len(), methods::<f32>().len());
    let unknown = by_name::<f32>("fastest", Pass::Forward, &g).err().unwrap().to_string();
    assert!(unknown.contains("expected one of pointwise, depthwise"), "{unknown}");
    assert!(by_name::<f32>("depthwise", Pass::Forward, &g).is_err());
}
