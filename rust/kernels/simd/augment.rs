//! Interleaves three planes into pixels.

use crate::kernels::simd::Shuffle;

/// `out[3 i + c] = planes[c][i] · factors[c] + summands[c]`, where the product is rounded before
/// the addition in every instruction set.
///
/// With `stream`, the pixels are written with non-temporal stores, which bypass the caches. This is
/// faster if the whole output is larger than the caches. The caller must then call
/// [`fence`](crate::kernels::simd::Vector::fence).
///
/// # Panics
/// When a plane has fewer elements than `out` has pixels, or `out` ends within a pixel: a bug in
/// the caller.
#[inline(always)]
pub fn interleave_three<V: Shuffle<f32>>(
    planes: [&[f32]; 3],
    factors: [f32; 3],
    summands: [f32; 3],
    stream: bool,
    out: &mut [f32],
) {
    let count = out.len() / 3;
    assert!(
        out.len() == 3 * count
            && planes[0].len() >= count
            && planes[1].len() >= count
            && planes[2].len() >= count
    );
    // Number of pixels before the first pixel that starts on a register boundary. If elements are
    // aligned to their size, there is one, since 3 has an inverse modulo the number of lanes.
    let boundary = |i: &usize| (out.as_ptr().addr() + 12 * i).is_multiple_of(4 * V::LANES);
    let lead = if stream { (0..V::LANES).find(boundary) } else { None };
    let (stream, first) = (lead.is_some(), lead.unwrap_or(0).min(count));
    let last = first + (count - first) / V::LANES * V::LANES;
    let [a, b, c] = [planes[0].as_ptr(), planes[1].as_ptr(), planes[2].as_ptr()];
    let [fa, fb, fc] = [V::splat(factors[0]), V::splat(factors[1]), V::splat(factors[2])];
    let [sa, sb, sc] = [V::splat(summands[0]), V::splat(summands[1]), V::splat(summands[2])];
    for i in (first..last).step_by(V::LANES) {
        // SAFETY: by the assertion, a register from `i` on is within each plane, and three
        // registers from `3 i` on are within `out`; these start on a register boundary if they are
        // streamed.
        unsafe {
            let (a, b, c) = (V::load(a.add(i)), V::load(b.add(i)), V::load(c.add(i)));
            let woven = V::interleave(a.mul(fa).add(sa), b.mul(fb).add(sb), c.mul(fc).add(sc));
            for (j, register) in woven.into_iter().enumerate() {
                let target = out.as_mut_ptr().add(3 * i + j * V::LANES);
                if stream { register.stream(target) } else { register.store(target) }
            }
        }
    }
    for i in (0..first).chain(last..count) {
        for channel in 0..3 {
            out[3 * i + channel] = planes[channel][i] * factors[channel] + summands[channel];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{Kernel, dispatch_f32, dispatch_f64};

    struct Weave<'a>(&'a [f32], bool, &'a mut [f32]);

    impl Kernel<f32> for Weave<'_> {
        type Output = ();
        #[inline(always)]
        fn run<V: Shuffle<f32>>(self) {
            let (a, rest) = self.0.split_at(self.0.len() / 3);
            let (b, c) = rest.split_at(a.len());
            interleave_three::<V>([a, b, c], [2.0, 3.0, 5.0], [0.5, 0.25, 0.125], self.1, self.2);
            V::fence();
        }
    }

    #[test]
    fn planes_become_pixels_wherever_they_go() {
        for count in [0, 1, 15, 16, 31, 100] {
            let planes: Vec<f32> = (0..3 * count).map(|i| i as f32).collect();
            for (offset, stream) in (0..17).flat_map(|offset| [(offset, false), (offset, true)]) {
                let mut out = vec![-1.0; offset + 3 * count + 1];
                dispatch_f32(Weave(&planes, stream, &mut out[offset..][..3 * count]));
                let part = |i: usize| {
                    (planes[i / 3 + i % 3 * count]) * [2.0, 3.0, 5.0][i % 3]
                        + [0.5, 0.25, 0.125][i % 3]
                };
                assert!((0..3 * count).all(|i| out[offset + i] == part(i)));
                assert!(
                    out[..offset]
                        .iter()
                        .chain(&out[offset + 3 * count..])
                        .all(|&value| value == -1.0)
                );
            }
        }
    }

    struct Doubles([f64; 24]);

    impl Kernel<f64> for Doubles {
        type Output = ();
        #[inline(always)]
        fn run<V: Shuffle<f64>>(self) {
            let mut out = [0.0; 24];
            // SAFETY: no register of doubles has more than 8 lanes.
            let [a, b, c] = [0, 8, 16].map(|at| unsafe { V::load(self.0.as_ptr().add(at)) });
            for (j, register) in V::interleave(a, b, c).into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { register.store(out.as_mut_ptr().add(j * V::LANES)) };
            }
            assert!((0..3 * V::LANES).all(|i| out[i] == self.0[i % 3 * 8 + i / 3]));
        }
    }

    #[test]
    fn doubles_are_woven_too() {
        dispatch_f64(Doubles(std::array::from_fn(|i| i as f64)));
    }
}
