//! Scratch memory that the passes of a convolution take, measured by a dry run.

use super::{
    Pass, PreparedWeight, Weight, backward_input, backward_weight, choose, forward,
    forward_max_pool,
};
use crate::kernels::Element;
use crate::kernels::dry_run::{ScratchUse, rehearse};
use crate::kernels::error::Result;
use crate::kernels::geometry::Conv2dGeometry;
use crate::kernels::memory::AlignedBuffer;

/// Returns the scratch that one pass holds at a time and, with `prepared` weights, their bytes.
/// With `max_pool`, the forward pass is [`forward_max_pool`].
///
/// # Errors
/// No address space for arrays of that size.
pub fn scratch<T: Element>(
    pass: Pass,
    geometry: &Conv2dGeometry,
    prepared: bool,
    max_pool: bool,
) -> Result<(ScratchUse, usize)> {
    let g = geometry;
    let prediction = pass == Pass::Forward && (prepared || max_pool);
    let method = choose::<T>(if prediction { Pass::Prediction } else { pass }, g);
    let run = if max_pool { forward_max_pool } else { forward };
    let mut kept = 0;
    let (done, taken) = rehearse(|| {
        let mut weight = AlignedBuffer::<T>::zeroed(g.weight_len())?;
        let mut x = AlignedBuffer::<T>::zeroed(g.input_len())?;
        let mut y = AlignedBuffer::<T>::zeroed(g.output_len())?;
        match pass {
            Pass::Forward | Pass::Prediction => {
                let pooled = g.batch * (g.out_height / 2) * (g.out_width / 2) * g.out_channels;
                let y = if max_pool { &mut y[..pooled] } else { &mut y };
                if !prepared {
                    return run(g, &x, Weight::Plain(&weight, method), None, false, y);
                }
                let weight = PreparedWeight::new(&weight, g, method)?;
                kept = weight.bytes();
                run(g, &x, Weight::Prepared(&weight), None, false, y)
            }
            Pass::BackwardInput => backward_input(g, &y, None, &weight, false, method, &mut x),
            Pass::BackwardWeight => {
                backward_weight(g, &y, None, &x, false, method, (&mut weight, None))
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
