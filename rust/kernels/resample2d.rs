//! Resampling of images to another size: every output is a weighted sum of inputs, first down the
//! columns, then along the rows.
//!
//! The three methods differ in the weights alone (`ResampleTaps`), and a gradient is the same sum
//! with the weights transposed. Each output row is computed by itself, in the order of its taps, so
//! every sum has a fixed order. A weight of 0 is left out, so that a NaN at
//! its input does not count.

use super::Element;
use super::error::{KernelError, Result, expect_len, shape_error};
use super::memory::Scratch;
use super::parallel::{self, ELEMENT_COST};
use super::simd::vectorized;

/// Where the weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The pixel at `floor(o · in / out)`.
    Nearest,
    /// The two pixels around `(o + 1/2) · in / out - 1/2`, half-pixel centres, held inside the
    /// image.
    Bilinear,
    /// The mean from `floor(o · in / out)` to `ceil((o + 1) · in / out)`: adaptive average pooling.
    Average,
}

impl Method {
    /// The method of that name.
    ///
    /// # Errors
    /// [`KernelError::Argument`] for an unknown name.
    pub fn named(name: &str) -> Result<Self> {
        match name {
            "nearest" => Ok(Self::Nearest),
            "bilinear" => Ok(Self::Bilinear),
            "average" => Ok(Self::Average),
            _ => Err(KernelError::Argument(format!(
                "interpolation: expected nearest, bilinear or average, got {name:?}"
            ))),
        }
    }
}

/// Sizes of the images; all at least 1, but for `images`.
#[derive(Debug, Clone, Copy)]
pub struct Resample2dGeometry {
    /// Samples.
    pub images: usize,
    /// Height and width before.
    pub input: (usize, usize),
    /// Height and width after.
    pub output: (usize, usize),
    /// Channels, each by itself.
    pub channels: usize,
}

impl Resample2dGeometry {
    fn turned(self) -> Self {
        Self { input: self.output, output: self.input, ..self }
    }

    fn check(&self, input_name: &str, input_len: usize, output_len: usize) -> Result<()> {
        let (input, output) = (self.input, self.output);
        if [input.0, input.1, output.0, output.1, self.channels].contains(&0) {
            return Err(shape_error!(
                "{input_name}: images and outputs have at least one pixel and channel, got {self:?}"
            ));
        }
        let len = |size: (usize, usize)| {
            self.images.saturating_mul(size.0).saturating_mul(size.1).saturating_mul(self.channels)
        };
        expect_len(input_name, input_len, len(input))?;
        expect_len("out", output_len, len(output))
    }
}

/// An empty vector with room for `len` elements.
fn room<E>(len: usize) -> Result<Vec<E>> {
    let mut vector = Vec::new();
    vector
        .try_reserve_exact(len)
        .map_err(|_| KernelError::Memory { bytes: len.saturating_mul(size_of::<E>()) })?;
    Ok(vector)
}

/// For each output along one axis, which inputs enter it with which weight.
#[derive(Debug)]
struct ResampleTaps {
    /// Where the taps of an output begin; one more than there are outputs.
    starts: Vec<usize>,
    taps: Vec<(usize, f64)>,
}

impl ResampleTaps {
    fn new(method: Method, input: usize, output: usize) -> Result<Self> {
        let (mut starts, mut taps) =
            (room(output + 1)?, room(output.max(input).saturating_mul(2))?);
        starts.push(0);
        for o in 0..output {
            let first = (o as u128 * input as u128 / output as u128) as usize;
            match method {
                Method::Nearest => taps.push((first, 1.0)),
                Method::Bilinear => {
                    let place = ((o as f64 + 0.5) * (input as f64 / output as f64) - 0.5).max(0.0);
                    let before = (place as usize).min(input - 1);
                    let share = if before + 1 < input { place - before as f64 } else { 0.0 };
                    taps.push((before, 1.0 - share));
                    if share > 0.0 {
                        taps.push((before + 1, share));
                    }
                }
                Method::Average => {
                    let end = ((o as u128 + 1) * input as u128).div_ceil(output as u128) as usize;
                    taps.extend((first..end).map(|i| (i, 1.0 / (end - first) as f64)));
                }
            }
            starts.push(taps.len());
        }
        Ok(Self { starts, taps })
    }

    /// For each of `inputs`, which outputs it enters.
    fn transposed(&self, inputs: usize) -> Result<Self> {
        let mut starts = room(inputs + 1)?;
        starts.resize(inputs + 1, 0);
        self.taps.iter().for_each(|&(i, _)| starts[i + 1] += 1);
        (0..inputs).for_each(|i| starts[i + 1] += starts[i]);
        let mut taps = room(self.taps.len())?;
        taps.resize(self.taps.len(), (0, 0.0));
        let mut next = room(inputs + 1)?;
        next.extend_from_slice(&starts);
        for o in 0..self.starts.len() - 1 {
            for &(i, weight) in self.of(o) {
                taps[next[i]] = (o, weight);
                next[i] += 1;
            }
        }
        Ok(Self { starts, taps })
    }

    fn of(&self, output: usize) -> &[(usize, f64)] {
        &self.taps[self.starts[output]..self.starts[output + 1]]
    }
}

/// `out[oy, ox] = Σ_iy Σ_ix w[oy, iy] w[ox, ix] x[iy, ix]`, channel by channel.
///
/// # Shapes
/// - `x`: `(images, input height, input width, channels)`
/// - `out`: `(images, output height, output width, channels)`, overwritten
///
/// # Errors
/// Lengths that do not fit; memory; interrupted.
pub fn forward<T: Element>(
    g: &Resample2dGeometry,
    method: Method,
    x: &[T],
    out: &mut [T],
) -> Result<()> {
    g.check("x", x.len(), out.len())?;
    if out.is_empty() {
        return Ok(());
    }
    let rows = ResampleTaps::new(method, g.input.0, g.output.0)?;
    let columns = ResampleTaps::new(method, g.input.1, g.output.1)?;
    apply(g, &rows, &columns, x, false, out)
}

/// The gradient of [`forward`]: `out[iy, ix] (+)= Σ_oy Σ_ox w[oy, iy] w[ox, ix] grad_output[oy,
/// ox]`.
///
/// # Shapes
/// - `grad_output`: as the output of [`forward`]
/// - `out`: as its input; overwritten, or accumulated with `accumulate`
///
/// # Errors
/// Lengths that do not fit; memory; interrupted.
pub fn backward<T: Element>(
    g: &Resample2dGeometry,
    method: Method,
    grad_output: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let turned = g.turned();
    turned.check("grad_output", grad_output.len(), out.len())?;
    if out.is_empty() {
        return Ok(());
    }
    let rows = ResampleTaps::new(method, g.input.0, g.output.0)?.transposed(g.input.0)?;
    let columns = ResampleTaps::new(method, g.input.1, g.output.1)?.transposed(g.input.1)?;
    apply(&turned, &rows, &columns, grad_output, accumulate, out)
}

fn apply<T: Element>(
    g: &Resample2dGeometry,
    rows: &ResampleTaps,
    columns: &ResampleTaps,
    x: &[T],
    accumulate: bool,
    out: &mut [T],
) -> Result<()> {
    let (input_row, output_row) = (g.input.1 * g.channels, g.output.1 * g.channels);
    let input_image = g.input.0 * input_row;
    let cost = x.len().max(out.len()).saturating_mul(4 * ELEMENT_COST);
    parallel::try_for_each(out.chunks_mut(output_row).enumerate(), cost, |(line, out)| {
        let image = &x[line / g.output.0 * input_image..][..input_image];
        let taps = rows.of(line % g.output.0);
        if let [(row, 1.0)] = taps {
            let source = &image[row * input_row..][..input_row];
            vectorized!(T, || along(columns, g.channels, source, accumulate, out));
            return Ok(());
        }
        let mut sum = Scratch::<T>::take(input_row)?;
        let sum = &mut sum[..input_row];
        vectorized!(T, || {
            for (i, &(row, weight)) in taps.iter().enumerate() {
                add(&image[row * input_row..][..input_row], T::from_f64(weight), i > 0, sum);
            }
            if taps.is_empty() {
                sum.fill(T::ZERO);
            }
            along(columns, g.channels, sum, accumulate, out);
        });
        Ok(())
    })
}

/// One row of the output from one row of sums.
#[inline(always)]
fn along<T: Element>(
    columns: &ResampleTaps,
    channels: usize,
    source: &[T],
    accumulate: bool,
    out: &mut [T],
) {
    for (ox, out) in out.chunks_exact_mut(channels).enumerate() {
        let taps = columns.of(ox);
        for (i, &(column, weight)) in taps.iter().enumerate() {
            add(
                &source[column * channels..][..channels],
                T::from_f64(weight),
                accumulate || i > 0,
                out,
            );
        }
        if taps.is_empty() && !accumulate {
            out.fill(T::ZERO);
        }
    }
}

/// `out (+)= weight x`
#[inline(always)]
fn add<T: Element>(x: &[T], weight: T, accumulate: bool, out: &mut [T]) {
    if accumulate {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out += weight * x);
    } else {
        out.iter_mut().zip(x).for_each(|(out, &x)| *out = weight * x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(method: Method, x: &[f64], size: usize) -> Vec<f64> {
        let g =
            Resample2dGeometry { images: 1, input: (1, x.len()), output: (1, size), channels: 1 };
        let mut y = vec![0.0; size];
        forward(&g, method, x, &mut y).unwrap();
        y
    }

    #[test]
    fn lines_by_hand() {
        assert_eq!(line(Method::Nearest, &[1.0, 2.0], 5), [1.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(line(Method::Nearest, &[1.0, 2.0, 3.0, 4.0], 2), [1.0, 3.0]);
        assert_eq!(line(Method::Bilinear, &[0.0, 4.0], 4), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(line(Method::Bilinear, &[7.0], 3), [7.0; 3]);
        assert_eq!(line(Method::Bilinear, &[1.0, 2.0, 3.0, 4.0], 2), [1.5, 3.5]);
        assert_eq!(line(Method::Average, &[1.0, 3.0, 6.0, 8.0], 2), [2.0, 7.0]);
        assert_eq!(line(Method::Average, &[2.0, 4.0, 8.0], 2), [3.0, 6.0]);
        assert_eq!(line(Method::Average, &[2.0, 4.0], 3), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn backward_is_the_transpose() {
        let number = |i: usize| ((i + 1) as f64 * 0.754_877_666).fract() - 0.5;
        for method in [Method::Nearest, Method::Bilinear, Method::Average] {
            for (input, output, channels) in [
                ((3, 5), (7, 4), 2),
                ((6, 2), (3, 9), 1),
                ((4, 4), (8, 8), 17),
                ((1, 1), (2, 3), 3),
            ] {
                let g = Resample2dGeometry { images: 2, input, output, channels };
                let x: Vec<f64> = (0..2 * input.0 * input.1 * channels).map(number).collect();
                let grad: Vec<f64> =
                    (0..2 * output.0 * output.1 * channels).map(|i| number(i + 99)).collect();
                let (mut y, mut back) = (vec![0.0; grad.len()], vec![1.0; x.len()]);
                forward(&g, method, &x, &mut y).unwrap();
                backward(&g, method, &grad, true, &mut back).unwrap();
                let there: f64 = y.iter().zip(&grad).map(|(y, g)| y * g).sum();
                let here: f64 = x.iter().zip(&back).map(|(x, b)| x * (b - 1.0)).sum();
                assert!((there - here).abs() < 1e-12, "{method:?} {input:?} {output:?}");
                let mut fresh = vec![7.0; x.len()];
                backward(&g, method, &grad, false, &mut fresh).unwrap();
                assert!(fresh.iter().zip(&back).all(|(a, b)| (a + 1.0 - b).abs() < 1e-13));
            }
        }
    }

    #[test]
    fn sizes_that_do_not_fit() {
        let g = Resample2dGeometry { images: 1, input: (2, 2), output: (0, 4), channels: 1 };
        assert!(forward::<f32>(&g, Method::Nearest, &[0.0; 4], &mut []).is_err());
        let g = Resample2dGeometry { output: (4, 4), ..g };
        assert!(forward::<f32>(&g, Method::Nearest, &[0.0; 3], &mut [0.0; 16]).is_err());
        assert!(backward::<f32>(&g, Method::Nearest, &[0.0; 16], false, &mut [0.0; 5]).is_err());
        let none = Resample2dGeometry {
            images: 0,
            input: (usize::MAX, 9),
            output: (usize::MAX, 1),
            channels: 1,
        };
        assert_eq!(forward::<f32>(&none, Method::Bilinear, &[], &mut []), Ok(()));
        assert!(Method::named("cubic").is_err());
    }
}
