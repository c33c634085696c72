//! The gradient of max-unpooling: the value at each index. Max-unpooling itself is the gradient of
//! max-pooling.

use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result, expect_len, shape_error};
use crate::kernels::parallel::{self, ELEMENT_COST};

/// `out[i] (+)= x[argmax[i]]`, sample by sample and channel by channel.
///
/// # Shapes
/// - `x`: `(images, plane, channels)`
/// - `argmax`, `out`: `(images, out_plane, channels)`; `out` overwritten, or accumulated with
///   `accumulate`
///
/// # Errors
/// Lengths that do not fit; an index outside the plane; interrupted.
pub fn gather_by_index<T: Element>(
    images: usize,
    channels: usize,
    x: &[T],
    argmax: &[i32],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    expect_len("argmax", argmax.len(), out.len())?;
    if images == 0 || channels == 0 || out.is_empty() {
        return Ok(());
    }
    let (plane, out_plane) = (x.len() / images, out.len() / images);
    if plane == 0
        || !x.len().is_multiple_of(images)
        || !plane.is_multiple_of(channels)
        || !out_plane.is_multiple_of(channels)
    {
        return Err(shape_error!(
            "x: {} elements and {} indices are not {images} images of {channels} channels",
            x.len(),
            out.len()
        ));
    }
    let cost = out.len() * ELEMENT_COST;
    let items = out.chunks_mut(out_plane).zip(argmax.chunks(out_plane)).zip(x.chunks(plane));
    parallel::try_for_each(items, cost, |((out, argmax), x)| {
        for (i, (out, &index)) in out.iter_mut().zip(argmax).enumerate() {
            // A negative index becomes a huge one.
            let Some(&value) = (index as usize)
                .checked_mul(channels)
                .and_then(|place| x.get(place.checked_add(i % channels)?))
            else {
                return Err(KernelError::Argument(format!(
                    "argmax: expected 0 to {}, got {index}",
                    plane / channels - 1
                )));
            };
            *out = if accumulate { *out + value } else { value };
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut out = [0.5f32; 4];
        let x = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 4.0, 40.0];
        gather_by_index(2, 2, &x, &[1, 0, 1, 1], true, &mut out).unwrap();
        assert_eq!(out, [2.5, 10.5, 4.5, 40.5]);
        for wrong in [-1, 2, i32::MIN, i32::MAX] {
            assert!(gather_by_index(2, 2, &x, &[1, wrong, 0, 0], false, &mut out).is_err());
        }
        assert!(gather_by_index(3, 2, &x, &[0; 4], false, &mut out).is_err());
        assert!(gather_by_index(2, 2, &x, &[0; 3], false, &mut out).is_err());
    }
}
