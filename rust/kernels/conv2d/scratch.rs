//! How much scratch the passes of a convolution take, from a dry_run of each.

use super::{
    Algorithm, Pass, PreparedWeight, Weight, backward_input, backward_weight, forward,
    forward_max_pool,
};
use crate::kernels::Element;
use crate::kernels::dry_run::{ScratchUse, rehearse};
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::AlignedBuffer;

/// The scratch that one pass holds at a time, as [`rehearse`] counts it; and, for a forward pass
/// with weights that were prepared before, the bytes of those. With `max_pool`, a forward pass as
/// [`forward_max_pool`] does it.
///
/// # Errors
/// No address space for arrays of that size.
pub fn scratch<T: Element>(
    pass: Pass,
    geometry: &Conv2dGeometry,
    prepared: bool,
    max_pool: bool,
) -> Result<(ScratchUse, usize)> {
    let algorithm = match pass {
        Pass::Forward if prepared || max_pool => Algorithm::choose_for_prediction::<T>(geometry),
        _ => Algorithm::choose::<T>(pass, geometry),
    };
    let mut kept = 0;
    let (done, taken) = rehearse(|| {
        let mut weight = AlignedBuffer::<T>::zeroed(geometry.weight_len())?;
        let mut x = AlignedBuffer::<T>::zeroed(geometry.input_len())?;
        let mut y = AlignedBuffer::<T>::zeroed(geometry.output_len())?;
        let pooled = geometry.batch
            * (geometry.out_height / 2)
            * (geometry.out_width / 2)
            * geometry.out_channels;
        match pass {
            Pass::Forward if prepared => {
                let weight = PreparedWeight::new(&weight, geometry, algorithm)?;
                kept = weight.bytes();
                let weight = Weight::Prepared(&weight);
                if max_pool {
                    forward_max_pool(geometry, &x, weight, None, false, &mut y[..pooled])
                } else {
                    forward(geometry, &x, weight, None, false, &mut y)
                }
            }
            Pass::Forward if max_pool => forward_max_pool(
                geometry,
                &x,
                Weight::Plain(&weight, algorithm),
                None,
                false,
                &mut y[..pooled],
            ),
            Pass::Forward => {
                forward(geometry, &x, Weight::Plain(&weight, algorithm), None, false, &mut y)
            }
            Pass::BackwardInput => {
                backward_input(geometry, &y, None, &weight, false, algorithm, &mut x)
            }
            Pass::BackwardWeight => {
                backward_weight(geometry, &y, None, &x, false, algorithm, (&mut weight, None))
            }
        }
    });
    done.map(|()| (taken, kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::geometry::{Padding, Window};

    fn geometry(batch: usize, channels: usize) -> Conv2dGeometry {
        let padding = Padding { top: 1, bottom: 1, left: 1, right: 1 };
        let window = Window { stride: (1, 1), dilation: (1, 1), padding };
        Conv2dGeometry::new([batch, 14, 14, channels], [3, 3, channels, channels], window, 1)
            .unwrap()
    }

    #[test]
    fn weights_prepared_before_take_no_scratch_for_themselves() {
        let g = geometry(1, 64);
        let (plain, none) = scratch::<f32>(Pass::Forward, &g, false, false).unwrap();
        let (rest, kept) = scratch::<f32>(Pass::Forward, &g, true, false).unwrap();
        assert_eq!(none, 0);
        assert!(kept >= 4 * 9 * 64 * 64);
        assert!(plain.caller.iter().sum::<usize>() >= rest.caller.iter().sum::<usize>() + kept);
    }

    #[test]
    fn a_huge_batch_is_only_rehearsed() {
        for pass in [Pass::Forward, Pass::BackwardInput, Pass::BackwardWeight] {
            let (taken, _) = scratch::<f32>(pass, &geometry(20_000, 64), false, false).unwrap();
            assert!(taken.caller.iter().chain(&taken.worker).sum::<usize>() < 1 << 30);
        }
    }
}
