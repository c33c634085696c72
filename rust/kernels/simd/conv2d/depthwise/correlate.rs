//! Depthwise correlation: each channel has its own filter. Processes one register of channels at a
//! time.

use crate::kernels::Element;
use crate::kernels::simd::matmul::micro_kernel::Epilogue;
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};

/// A run of output pixels that all use the same taps. Tap `t` of pixel `p` reads the channels that
/// start at `source[source_starts[t] + p * source_step]` and multiplies them by the weights that
/// start at `weight[weight_starts[t]]`.
#[derive(Clone, Copy)]
pub struct Run<'a, T> {
    /// The input pixels.
    pub source: &'a [T],
    /// Mask, as long as `source`: where it is not positive, the source is taken as zero.
    pub activation_output: Option<&'a [T]>,
    /// Position in `source` that each tap reads for the first pixel.
    pub source_starts: &'a [usize],
    /// Elements of `source` from one output pixel to the next.
    pub source_step: usize,
    /// The filters.
    pub weight: &'a [T],
    /// Start of the weights of each tap in `weight`.
    pub weight_starts: &'a [usize],
    /// Number of output pixels.
    pub pixels: usize,
    /// Number of channels.
    pub channels: usize,
    /// Elements of the target from one output pixel to the next.
    pub target_step: usize,
    /// Write with non-temporal stores, which bypass the caches, if the alignment allows it. Call
    /// [`Vector::fence`] before another thread reads the result.
    pub stream: bool,
}

/// `target (+)= Σ_taps source * weight`, followed by the epilogue. Each sum runs over the taps in
/// their order, whatever the run.
///
/// # Panics
/// When a tap or an output pixel is not within its slice: a bug in the caller.
#[inline(always)]
pub fn correlate<T: Element, V: Vector<T>>(
    run: &Run<'_, T>,
    target: &mut [T],
    finish: &Epilogue<'_, T>,
) {
    if run.pixels == 0 {
        return;
    }
    let reach = (run.pixels - 1) * run.source_step + run.channels;
    assert!(run.source_starts.len() == run.weight_starts.len());
    assert!(
        run.source_starts.iter().all(|start| start + reach <= run.source.len()),
        "source outside its slice"
    );
    assert!(
        run.activation_output
            .is_none_or(|activation_output| activation_output.len() >= run.source.len()),
        "activation_output shorter than its source"
    );
    assert!(
        run.weight_starts.iter().all(|start| start + run.channels <= run.weight.len()),
        "weights outside their slice"
    );
    assert!(
        (run.pixels - 1) * run.target_step + run.channels <= target.len(),
        "target outside its slice"
    );
    assert!(finish.bias.is_none_or(|bias| bias.len() == run.channels));
    let register = V::LANES * size_of::<T>();
    let stream = run.stream
        && !finish.accumulate
        && target.as_ptr().addr().is_multiple_of(register)
        && run.target_step.is_multiple_of(V::LANES)
        && run.channels.is_multiple_of(V::LANES);
    let (gated, sliding) = (run.activation_output.is_some(), run.sliding());
    let mut first = 0;
    while first < run.pixels {
        let target = target[first * run.target_step..].as_mut_ptr();
        let block = Block { run, first, target, finish, stream };
        let left = run.pixels - first;
        macro_rules! by_pixels {
            ($($pixels:literal)*) => {
                match left {
                    $($pixels.. => {
                        if gated { V::call(Pixels::<T, $pixels, true>(block)) } else { V::call(Pixels::<T, $pixels, false>(block)) }
                        first += $pixels;
                    })*
                    0 => unreachable!("the loop ends before"),
                }
            };
        }
        macro_rules! by_columns {
            ($pixels:literal, $(($columns:literal, $step:literal))*) => {
                {
                    match (sliding, gated) {
                        $(
                            (Some(($columns, $step)), false) => V::call(Sliding::<T, $pixels, $columns, $step, false>(block)),
                            (Some(($columns, $step)), true) => V::call(Sliding::<T, $pixels, $columns, $step, true>(block)),
                        )*
                        _ => unreachable!("`sliding` says what there is"),
                    }
                    first += $pixels;
                }
            };
        }
        match left {
            8.. if sliding.is_some() => by_columns!(8, (3, 1)(3, 2)(5, 1)(5, 2)),
            4.. if sliding.is_some() => by_columns!(4, (3, 1)(3, 2)(5, 1)(5, 2)),
            _ => by_pixels!(8 4 2 1),
        }
    }
}

impl<T> Run<'_, T> {
    /// Taps of a row (or of an equal part of a row), and the distance from one pixel to the next in
    /// taps. `None` unless the taps form whole rows of equally spaced taps and there is a
    /// [`Sliding`] kernel for them. With this kernel, neighbouring pixels share the values that
    /// they read.
    fn sliding(&self) -> Option<(usize, usize)> {
        [3, 5].into_iter().find_map(|columns| {
            let [first, second, ..] = *self.source_starts else { return None };
            let gap = second.checked_sub(first).filter(|gap| *gap > 0)?;
            let in_row = |row: &[usize]| {
                row.len() == columns && row.windows(2).all(|pair| pair[0] + gap == pair[1])
            };
            let step = [1, 2].into_iter().find(|step| step * gap == self.source_step)?;
            self.source_starts.chunks(columns).all(in_row).then_some((columns, step))
        })
    }
}

/// A few pixels of a run, starting at `first`.
#[derive(Clone, Copy)]
struct Block<'a, 's, T> {
    run: &'a Run<'s, T>,
    first: usize,
    target: *mut T,
    finish: &'a Epilogue<'s, T>,
    stream: bool,
}

impl<T: Element> Block<'_, '_, T> {
    /// Applies the epilogue to the sums of `count` channels and writes them.
    ///
    /// # Safety
    /// The channels must be within the slices of the run.
    // Plain indices: the compiler fully unrolls such loops early, so that the sums stay in
    // registers.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn write<V: Vector<T>, const PIXELS: usize>(
        &self,
        mut sums: [V; PIXELS],
        channel: usize,
        count: usize,
    ) {
        let Self { run, finish, target, .. } = self;
        // SAFETY: the caller's promise.
        unsafe {
            let target = target.add(channel);
            if finish.accumulate {
                for i in 0..PIXELS {
                    sums[i] =
                        load_some::<T, V>(target.add(i * run.target_step), count).add(sums[i]);
                }
            }
            if let Some(bias) = finish.bias {
                let bias: V = load_some(bias.as_ptr().add(channel), count);
                for i in 0..PIXELS {
                    sums[i] = sums[i].add(bias);
                }
            }
            if finish.relu {
                for i in 0..PIXELS {
                    sums[i] = sums[i].relu();
                }
            }
            for i in 0..PIXELS {
                let at = target.add(i * run.target_step);
                if self.stream { sums[i].stream(at) } else { store_some(sums[i], at, count) }
            }
        }
    }

    /// Prefetches the pixels that the last tap reads for the next `PIXELS` output pixels. The last
    /// tap is the first one that reaches new pixels.
    #[inline(always)]
    fn prefetch<V: Vector<T>, const PIXELS: usize>(&self, channel: usize) {
        let run = self.run;
        if let Some(start) = run.source_starts.last() {
            for i in PIXELS..2 * PIXELS {
                let at = start + (self.first + i) * run.source_step + channel;
                V::prefetch(run.source.as_ptr().wrapping_add(at));
                if let Some(activation_output) = run.activation_output {
                    V::prefetch(activation_output.as_ptr().wrapping_add(at));
                }
            }
        }
    }
}

/// A block for which the number of pixels, and whether there is a mask, are known at compile time.
struct Pixels<'a, 's, T, const PIXELS: usize, const GATED: bool>(Block<'a, 's, T>);

impl<T: Element, const PIXELS: usize, const GATED: bool> Kernel<T>
    for Pixels<'_, '_, T, PIXELS, GATED>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let whole = self.0.run.channels / V::LANES * V::LANES;
        for channel in (0..whole).step_by(V::LANES) {
            // SAFETY: `correlate` checked that these pixels' channels are within every slice.
            unsafe { self.channels::<V>(channel, V::LANES) }
        }
        if whole < self.0.run.channels {
            // SAFETY: as above, up to the last channel.
            unsafe { self.channels::<V>(whole, self.0.run.channels - whole) }
        }
    }
}

impl<T: Element, const PIXELS: usize, const GATED: bool> Pixels<'_, '_, T, PIXELS, GATED> {
    /// Computes `count` channels, at most a register.
    ///
    /// # Safety
    /// They must be within the slices of the run.
    // Plain indices: the compiler fully unrolls such loops early, so that the sums stay in
    // registers.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn channels<V: Vector<T>>(&self, channel: usize, count: usize) {
        let Block { run, first, .. } = self.0;
        let activation_output = run.activation_output.unwrap_or(run.source).as_ptr();
        let mut sums = [V::zero(); PIXELS];
        // SAFETY: the caller's promise.
        unsafe {
            for (&source_start, &weight_start) in run.source_starts.iter().zip(run.weight_starts) {
                let start = source_start + first * run.source_step + channel;
                let weight: V = load_some(run.weight.as_ptr().add(weight_start + channel), count);
                for i in 0..PIXELS {
                    let at = start + i * run.source_step;
                    let mut value: V = load_some(run.source.as_ptr().add(at), count);
                    if GATED {
                        value = value.where_positive(load_some(activation_output.add(at), count));
                    }
                    sums[i] = value.mul_add(weight, sums[i]);
                }
            }
            self.0.prefetch::<V, PIXELS>(channel);
            self.0.write(sums, channel, count);
        }
    }
}

/// A block whose taps form rows of `COLUMNS` equally spaced taps, with `STEP` taps from a pixel to
/// the next. Values that neighbouring pixels share are read once.
struct Sliding<
    'a,
    's,
    T,
    const PIXELS: usize,
    const COLUMNS: usize,
    const STEP: usize,
    const GATED: bool,
>(Block<'a, 's, T>);

impl<T: Element, const PIXELS: usize, const COLUMNS: usize, const STEP: usize, const GATED: bool>
    Kernel<T> for Sliding<'_, '_, T, PIXELS, COLUMNS, STEP, GATED>
{
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let whole = self.0.run.channels / V::LANES * V::LANES;
        for channel in (0..whole).step_by(V::LANES) {
            // SAFETY: `correlate` checked that these pixels' channels are within every slice.
            unsafe { self.channels::<V>(channel, V::LANES) }
        }
        if whole < self.0.run.channels {
            // SAFETY: as above, up to the last channel.
            unsafe { self.channels::<V>(whole, self.0.run.channels - whole) }
        }
    }
}

/// Input pixels that the widest block of [`Sliding`] reads in a row: 8 outputs with step 2 and 5
/// taps.
const MOST_READ: usize = 19;

impl<T: Element, const PIXELS: usize, const COLUMNS: usize, const STEP: usize, const GATED: bool>
    Sliding<'_, '_, T, PIXELS, COLUMNS, STEP, GATED>
{
    /// Computes `count` channels, at most a register.
    ///
    /// # Safety
    /// They must be within the slices of the run.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    unsafe fn channels<V: Vector<T>>(&self, channel: usize, count: usize) {
        let Block { run, first, .. } = self.0;
        let activation_output = run.activation_output.unwrap_or(run.source).as_ptr();
        let gap = run.source_step / STEP;
        let mut sums = [V::zero(); PIXELS];
        // SAFETY: the caller's promise; the pixels that are read are between the first tap of the
        // first output and the last tap of the last output.
        unsafe {
            for row in (0..run.source_starts.len()).step_by(COLUMNS) {
                let start = run.source_starts[row] + first * run.source_step + channel;
                let mut values = [V::zero(); MOST_READ];
                for i in 0..(PIXELS - 1) * STEP + COLUMNS {
                    values[i] = load_some(run.source.as_ptr().add(start + i * gap), count);
                    if GATED {
                        values[i] = values[i].where_positive(load_some(
                            activation_output.add(start + i * gap),
                            count,
                        ));
                    }
                }
                for t in 0..COLUMNS {
                    let weight: V = load_some(
                        run.weight.as_ptr().add(run.weight_starts[row + t] + channel),
                        count,
                    );
                    for i in 0..PIXELS {
                        sums[i] = values[i * STEP + t].mul_add(weight, sums[i]);
                    }
                }
            }
            self.0.prefetch::<V, PIXELS>(channel);
            self.0.write(sums, channel, count);
        }
    }
}
