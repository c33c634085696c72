//! SIMD convolution for few channels, on planes of pixels. A register holds pixels of one row, or
//! the same pixel of many images, and each channel of the other side has its own registers.
//! [`Correlate`] is the correlation, and [`WeightGradient`] its gradient with respect to the
//! weights.

mod correlate;
mod weight_gradient;

pub use correlate::{Correlate, MAX_CHANNELS, Place, Segment, Taps};
pub use weight_gradient::{MAX_TAPS, Operand, WeightGradient, filters_at_once};

#[cfg(test)]
mod tests {
    use crate::kernels::Element;
    use crate::kernels::simd::{Kernel, Shuffle};

    struct There<const N: usize>;

    impl<T: Element, const N: usize> Kernel<T> for There<N> {
        type Output = ();
        #[inline(always)]
        fn run<V: Shuffle<T>>(self) {
            let number = |i: usize| T::from_f64(1.0 + i as f64);
            let pixels: Vec<T> = (0..N * V::LANES).map(number).collect();
            for count in 0..=V::LANES {
                let mut back = vec![T::ZERO; N * V::LANES];
                // SAFETY: `pixels` has `count` pixels of `N` channels, and `back` and `lanes` have
                // whole registers.
                unsafe {
                    let planes = V::load_deinterleaved::<N>(pixels[..N * count].as_ptr(), count);
                    for (channel, plane) in planes.into_iter().enumerate() {
                        let mut lanes = vec![T::ONE; V::LANES];
                        plane.store(lanes.as_mut_ptr());
                        let expected = (0..V::LANES)
                            .map(|i| if i < count { number(i * N + channel) } else { T::ZERO });
                        assert!(lanes.into_iter().eq(expected));
                    }
                    V::store_interleaved(planes, back.as_mut_ptr(), count);
                }
                assert!(
                    back[..N * count] == pixels[..N * count]
                        && back[N * count..].iter().all(|&value| value == T::ZERO)
                );
            }
        }
    }

    #[test]
    fn pixels_are_parted_into_planes_and_woven_again() {
        macro_rules! check {
            ($($channels:literal)*) => {$(
                f32::dispatch(There::<$channels>);
                f64::dispatch(There::<$channels>);
            )*};
        }
        check!(1 2 3 4 5 6 7 8);
    }
}
