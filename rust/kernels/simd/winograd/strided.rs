//! Winograd's method for 3×3 filters of stride 2: transforms and blocks.
//!
//! Along an axis, outputs `y_o = g_0 d_{2o} + g_1 d_{2o+1} + g_2 d_{2o+2}` are a correlation of the even pixels with two taps and a product
//! of the odd ones with the third. Four outputs take five products for the even part, by interpolation at 0, ±1 and ±2, and four for the
//! odd one: 9 instead of 12, in two dimensions 81 instead of 144. All odd products have the same filter, so there are only 6 × 6
//! transformed filters for 9 × 9 frequencies. The gradient of the input has the same shape, its even and odd pixels exchanged with the
//! output's two parts; the gradient of the weights sums the frequencies that share a filter.

use super::correlate::{FilterLayout, Source};
use super::tiles::{Places, TileLayout, transform_tiles};
use super::{Direct, Frequencies, Get, Patch, ROW_PADDING, Tiling, Transform};
use crate::kernels::Element;
use crate::kernels::error::Result;
use crate::kernels::matmul::CHUNK;
use crate::kernels::memory::{Scratch, SharedMut, TileMut};
use crate::kernels::rehearsal;
use crate::kernels::simd::gemm::{Finish, Segments, multiply, panel_width};
use crate::kernels::simd::{Kernel, Vector, load_some, store_some};

/// Frequencies along an axis.
pub const SIDE: usize = 9;

/// Transformed filters along an axis.
pub const FILTER_SIDE: usize = 6;

/// Outputs of a tile along an axis; their pixels are twice as many.
pub const OUTPUTS: usize = 4;

/// Pixels of the input that a tile's outputs see, along an axis.
pub const PIXELS: usize = 2 * OUTPUTS + 1;

/// Frequencies of the even part, along an axis.
const EVEN: usize = 5;

/// The frequencies that have transformed filter `filter`.
fn frequencies_of(filter: usize) -> impl Iterator<Item = usize> + Clone {
    let along = |place: usize| if place < EVEN { place..place + 1 } else { EVEN..SIDE };
    along(filter / FILTER_SIDE).flat_map(move |row| along(filter % FILTER_SIDE).map(move |column| row * SIDE + column))
}

#[inline(always)]
fn number<T: Element, V: Vector<T>>(value: f64) -> V {
    V::splat(T::from_f64(value))
}

/// Frequency 0 of five pixels.
#[inline(always)]
fn at_zero<T: Element, V: Vector<T>>(e: [V; EVEN]) -> V {
    number::<T, V>(4.0).mul_add(e[0], number::<T, V>(-5.0).mul_add(e[2], e[4]))
}

/// Frequencies 1 and 2 of five pixels: the points ±1.
#[inline(always)]
fn at_one<T: Element, V: Vector<T>>(e: [V; EVEN]) -> (V, V) {
    let four = number::<T, V>(4.0);
    let (even, odd) = (four.neg_mul_add(e[2], e[4]), four.neg_mul_add(e[1], e[3]));
    (even.add(odd), even.sub(odd))
}

/// Frequencies 3 and 4 of five pixels: the points ±2.
#[inline(always)]
fn at_two<T: Element, V: Vector<T>>(e: [V; EVEN]) -> (V, V) {
    let two = number::<T, V>(2.0);
    let (even, odd) = (e[4].sub(e[2]), e[3].sub(e[1]));
    (two.mul_add(odd, even), two.neg_mul_add(odd, even))
}

/// What a pair of points ±`point` makes of two taps, or of four gradients in their place, times `factor`.
#[inline(always)]
fn at_pair<T: Element, V: Vector<T>, const TAPS: usize>(g: &[V; TAPS], point: f64, factor: f64) -> (V, V) {
    let (mut even, mut odd) = (number::<T, V>(factor).mul(g[0]), number::<T, V>(factor * point).mul(g[1]));
    if TAPS > 2 {
        even = number::<T, V>(factor * point * point).mul_add(g[2], even);
        odd = number::<T, V>(factor * point * point * point).mul_add(g[3], odd);
    }
    (even.add(odd), even.sub(odd))
}

/// Two taps, or four gradients, at the five points, divided as interpolation asks.
#[inline(always)]
fn at_points<T: Element, V: Vector<T>, const TAPS: usize>(g: [V; TAPS]) -> [V; EVEN] {
    let ((a, b), (c, d)) = (at_pair::<T, V, TAPS>(&g, 1.0, -1.0 / 6.0), at_pair::<T, V, TAPS>(&g, 2.0, 1.0 / 24.0));
    [number::<T, V>(0.25).mul(g[0]), a, b, c, d]
}

/// The four outputs of the even part.
#[inline(always)]
fn outputs_of<T: Element, V: Vector<T>>(m: [V; EVEN]) -> [V; OUTPUTS] {
    let (sum_one, sum_two) = (m[1].add(m[2]), m[3].add(m[4]));
    let (difference_one, difference_two) = (m[1].sub(m[2]), m[3].sub(m[4]));
    [
        m[0].add(sum_one.add(sum_two)),
        number::<T, V>(2.0).mul_add(difference_two, difference_one),
        number::<T, V>(4.0).mul_add(sum_two, sum_one),
        number::<T, V>(8.0).mul_add(difference_two, difference_one),
    ]
}

/// Five of an array's registers, `step` apart.
#[inline(always)]
fn five<V: Copy, const LEN: usize>(values: &[V; LEN], step: usize) -> [V; EVEN] {
    [values[0], values[step], values[2 * step], values[3 * step], values[4 * step]]
}

/// Five registers of column `j` of a patch, `step` rows apart.
///
/// # Safety
/// They must be there.
#[inline(always)]
unsafe fn column_of<V, G: Get<V>>(get: G, j: usize, step: usize) -> [V; EVEN] {
    // SAFETY: the caller's promise.
    unsafe { [get.get(0, j), get.get(step, j), get.get(2 * step, j), get.get(3 * step, j), get.get(4 * step, j)] }
}

/// Transforms a patch of `$size` columns row by row: `$step` rows lie between two of the even part, and row `$odd` is the first odd one.
macro_rules! by_rows {
    ($get:ident, $put:ident, $size:expr, $step:expr, $odd:expr) => {{
        let (mut values, mut other) = ([V::zero(); $size], [V::zero(); $size]);
        // SAFETY: the caller's promise.
        unsafe {
            for j in 0..$size {
                values[j] = at_zero::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(0, &values, $put);
            for j in 0..$size {
                (values[j], other[j]) = at_one::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(1, &values, $put);
            Self::emit::<T, V>(2, &other, $put);
            for j in 0..$size {
                (values[j], other[j]) = at_two::<T, V>(column_of($get, j, $step));
            }
            Self::emit::<T, V>(3, &values, $put);
            Self::emit::<T, V>(4, &other, $put);
            for o in 0..OUTPUTS {
                for j in 0..$size {
                    values[j] = $get.get($odd + o * $step, j);
                }
                Self::emit::<T, V>(EVEN + o, &values, $put);
            }
        }
    }};
}

/// Writes a row of frequencies: five of the even part, four of the odd one.
///
/// # Safety
/// They must be writable.
#[inline(always)]
unsafe fn put_row<T: Element, V: Vector<T>>(row: usize, even: [V; EVEN], odd: [V; OUTPUTS], put: Frequencies<T>) {
    let (zero, one, two) = (at_zero::<T, V>(even), at_one::<T, V>(even), at_two::<T, V>(even));
    // SAFETY: the caller's promise.
    unsafe {
        put.put(row * SIDE, zero);
        put.put(row * SIDE + 1, one.0);
        put.put(row * SIDE + 2, one.1);
        put.put(row * SIDE + 3, two.0);
        put.put(row * SIDE + 4, two.1);
        for o in 0..OUTPUTS {
            put.put(row * SIDE + EVEN + o, odd[o]);
        }
    }
}

/// A tile of the input, 9 × 9.
pub struct Image;

impl Image {
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>>(row: usize, v: &[V; PIXELS], put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe { put_row::<T, V>(row, five(v, 2), [v[1], v[3], v[5], v[7]], put) };
    }
}

impl<T: Element> Transform<T, PIXELS> for Image {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        by_rows!(get, put, PIXELS, 2, 1);
    }
}

/// A tile of the output's gradient, 5 × 5, for the gradient of the input. `SHIFT` is 1 where an even pixel comes first, else 0.
pub struct Gradient<const SHIFT: usize>;

impl<const SHIFT: usize> Gradient<SHIFT> {
    #[inline(always)]
    unsafe fn emit<T: Element, V: Vector<T>>(row: usize, v: &[V; EVEN], put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe { put_row::<T, V>(row, *v, [v[SHIFT], v[SHIFT + 1], v[SHIFT + 2], v[SHIFT + 3]], put) };
    }
}

impl<T: Element, const SHIFT: usize> Transform<T, EVEN> for Gradient<SHIFT> {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        by_rows!(get, put, EVEN, 1, SHIFT);
    }
}

/// A filter, 3 × 3, to 6 × 6.
pub struct Taps;

impl<T: Element> Transform<T, 3> for Taps {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut columns = [[V::zero(); EVEN]; 3];
            for j in 0..3 {
                columns[j] = at_points::<T, V, 2>([get.get(0, j), get.get(2, j)]);
            }
            for i in 0..FILTER_SIDE {
                let mut row = [V::zero(); 3];
                for j in 0..3 {
                    row[j] = if i < EVEN { columns[j][i] } else { get.get(1, j) };
                }
                let even = at_points::<T, V, 2>([row[0], row[2]]);
                for j in 0..EVEN {
                    put.put(i * FILTER_SIDE + j, even[j]);
                }
                put.put(i * FILTER_SIDE + EVEN, row[1]);
            }
        }
    }
}

/// A tile of the output's gradient, 4 × 4, in the place of a filter: for the gradient of the weights.
pub struct Factors;

impl<T: Element> Transform<T, OUTPUTS> for Factors {
    #[inline(always)]
    unsafe fn apply<V: Vector<T>, G: Get<V>>(get: G, put: Frequencies<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut columns = [[V::zero(); EVEN]; OUTPUTS];
            for j in 0..OUTPUTS {
                columns[j] = at_points::<T, V, 4>([get.get(0, j), get.get(1, j), get.get(2, j), get.get(3, j)]);
            }
            for i in 0..SIDE {
                let mut row = [V::zero(); OUTPUTS];
                for j in 0..OUTPUTS {
                    row[j] = if i < EVEN { columns[j][i] } else { get.get(i - EVEN, j) };
                }
                let even = at_points::<T, V, 4>(row);
                for j in 0..EVEN {
                    put.put(i * SIDE + j, even[j]);
                }
                for j in 0..OUTPUTS {
                    put.put(i * SIDE + EVEN + j, row[j]);
                }
            }
        }
    }
}

/// Tiles of the forward pass or of the gradient of the input that all threads share.
pub struct SharedTiles<'a, T, const BACKWARD: bool, const SHIFT: usize> {
    /// The images.
    pub images: &'a [T],
    /// Lets through the images where it is positive.
    pub gate: Option<&'a [T]>,
    /// Where the tiles lie.
    pub places: Places<'a>,
    /// Which tiles.
    pub tiles: std::ops::Range<usize>,
    /// The buffer, and the place in it of the first of these tiles.
    pub target: (&'a SharedMut<'a, T>, usize),
    /// Its layout.
    pub layout: TileLayout,
}

impl<T: Element, const BACKWARD: bool, const SHIFT: usize> Kernel<T> for SharedTiles<'_, T, BACKWARD, SHIFT> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self { images, gate, places, tiles, target: (target, at), layout } = self;
        if BACKWARD {
            transform_tiles::<T, V, Gradient<SHIFT>, EVEN>(images, gate, &places, tiles, target, at, layout.frequency);
        } else {
            transform_tiles::<T, V, Image, PIXELS>(images, gate, &places, tiles, target, at, layout.frequency);
        }
    }
}

/// Tiles of the output's gradient in the place of filters, that all threads share.
pub struct SharedFactors<'a, T> {
    /// The gradient.
    pub images: &'a [T],
    /// Lets it through where it is positive.
    pub gate: Option<&'a [T]>,
    /// Where the tiles lie.
    pub places: Places<'a>,
    /// Which tiles.
    pub tiles: std::ops::Range<usize>,
    /// The buffer, and the place in it of the first of these tiles.
    pub target: (&'a SharedMut<'a, T>, usize),
    /// Its layout.
    pub layout: TileLayout,
}

impl<T: Element> Kernel<T> for SharedFactors<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<T>>(self) {
        let Self { images, gate, places, tiles, target: (target, at), layout } = self;
        transform_tiles::<T, V, Factors, OUTPUTS>(images, gate, &places, tiles, target, at, layout.frequency);
    }
}

/// One block of tiles by some columns: the forward pass, or the gradient of the input.
pub struct Block<'a, T, const BACKWARD: bool, const SHIFT: usize> {
    /// Where the tiles lie.
    pub tiling: &'a Tiling,
    /// The tiles.
    pub source: Source<'a, T>,
    /// Where their patches lie.
    pub places: Places<'a>,
    /// All panels of transformed filters.
    pub filters: &'a [T],
    /// Their layout.
    pub layout: FilterLayout,
    /// The result; each block writes the places of its own tiles.
    pub target: &'a SharedMut<'a, T>,
    /// Tiles of this block.
    pub tiles: std::ops::Range<usize>,
    /// Columns of this block; whole groups of panels.
    pub columns: std::ops::Range<usize>,
    /// Columns that are multiplied before their results are transformed back; whole panels.
    pub group: usize,
    /// What happens to the results.
    pub finish: &'a Finish<'a, T>,
}

impl<T: Element, const BACKWARD: bool, const SHIFT: usize> Kernel<T> for Block<'_, T, BACKWARD, SHIFT> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let FilterLayout { depth, columns, width, frequencies } = self.layout;
        debug_assert!(width == panel_width::<T, V>() && frequencies == FILTER_SIDE * FILTER_SIDE);
        let count = self.tiles.len();
        let TileLayout { row, frequency } = TileLayout::new(depth, count);
        let group = self.group;
        let result_row = group + ROW_PADDING;
        let result_frequency = count * result_row + ROW_PADDING;
        let own = matches!(self.source, Source::Images(..));
        let mut scratch = Scratch::<T>::take(if own { SIDE * SIDE * frequency } else { 0 })?;
        let mut results = Scratch::<T>::take(SIDE * SIDE * result_frequency)?;
        rehearsal::nothing_more_is_taken()?;
        let inputs = match self.source {
            Source::Tiles(tiles) => tiles,
            Source::Images(images, gate) => {
                let layout = TileLayout { row, frequency };
                let (tiles, target) = (self.tiles.clone(), &SharedMut::new(&mut scratch));
                let places = self.places;
                SharedTiles::<T, BACKWARD, SHIFT> { images, gate, places, tiles, target: (target, 0), layout }.run::<V>();
                &*scratch
            }
        };
        for first in self.columns.clone().step_by(group) {
            let panels = group.min(columns - first).div_ceil(width);
            let filters = &self.filters[first / width * self.layout.panel_len()..];
            for filter in 0..frequencies {
                for panel in 0..panels {
                    let filters = &filters[panel * self.layout.panel_len() + filter * self.layout.frequency_stride()..];
                    for f in frequencies_of(filter) {
                        let mut tile = TileMut::new(&mut results[f * result_frequency + panel * width..], count, width, result_row);
                        for begin in (0..depth).step_by(2 * CHUNK) {
                            let segments = Segments {
                                a: &inputs[f * frequency..],
                                a_starts: &[begin],
                                a_row: row,
                                a_step: 1,
                                transposed: false,
                                b: filters,
                                b_starts: &[begin * width],
                                b_step: width,
                                steps: (depth - begin).min(2 * CHUNK),
                            };
                            let finish = if begin > 0 { Finish::ACCUMULATE } else { Finish::OVERWRITE };
                            multiply::<T, V>(&segments, &mut tile, &finish);
                        }
                    }
                }
            }
            self.transform_results::<V>(&results, result_row, result_frequency, first, group.min(columns - first));
        }
        Ok(())
    }
}

impl<T: Element, const BACKWARD: bool, const SHIFT: usize> Block<'_, T, BACKWARD, SHIFT> {
    /// Transforms `count` columns from `first` on back, and writes what lies inside the image.
    #[inline(always)]
    fn transform_results<V: Vector<T>>(&self, results: &[T], row: usize, frequency: usize, first: usize, count: usize) {
        let size = if BACKWARD { 2 * OUTPUTS } else { OUTPUTS };
        for (i, tile) in self.tiles.clone().enumerate() {
            let patch = self.tiling.patch(tile, self.tiling.target, size, (0, 0), size);
            for offset in (0..count).step_by(V::LANES) {
                let lanes = V::LANES.min(count - offset);
                // SAFETY: results have whole registers of columns at each frequency; the places written lie inside the image, in
                // tiles that belong to this block alone, and have `lanes` channels from `column` on; so has the bias.
                unsafe {
                    let start = results.as_ptr().add(i * row + offset);
                    let get = Direct { start, row: SIDE * frequency, column: frequency };
                    let bias = match self.finish.bias {
                        Some(bias) => load_some(bias.as_ptr().add(first + offset), lanes),
                        None => V::zero(),
                    };
                    self.transform_back::<V, _>(get, patch, bias, first + offset, lanes);
                }
            }
        }
    }

    /// The outputs of one tile.
    ///
    /// # Safety
    /// What `get` reads must be there, and the places inside the image writable.
    #[inline(always)]
    unsafe fn transform_back<V: Vector<T>, G: Get<V>>(&self, get: G, patch: Patch, bias: V, column: usize, lanes: usize) {
        // SAFETY: the caller's promise, here and below.
        unsafe {
            let mut even = [[V::zero(); SIDE]; OUTPUTS];
            for j in 0..SIDE {
                let values = outputs_of::<T, V>(column_of(get, j, 1));
                for o in 0..OUTPUTS {
                    even[o][j] = if BACKWARD { values[o] } else { values[o].add(get.get(EVEN + o, j)) };
                }
            }
            for o in 0..OUTPUTS {
                if !BACKWARD {
                    let sums = outputs_of::<T, V>(five(&even[o], 1));
                    let mut outputs = [V::zero(); OUTPUTS];
                    for i in 0..OUTPUTS {
                        outputs[i] = sums[i].add(even[o][EVEN + i]).add(bias);
                    }
                    self.put_row::<V, OUTPUTS>(&outputs, patch, o, column, lanes);
                    continue;
                }
                let mut odd = [V::zero(); SIDE];
                for j in 0..SIDE {
                    odd[j] = get.get(EVEN + o, j);
                }
                for (row, place) in [(&even[o], 2 * o + 1 - SHIFT), (&odd, 2 * o + SHIFT)] {
                    let sums = outputs_of::<T, V>(five(row, 1));
                    let mut outputs = [V::zero(); 2 * OUTPUTS];
                    for i in 0..OUTPUTS {
                        outputs[2 * i + 1 - SHIFT] = sums[i];
                        outputs[2 * i + SHIFT] = row[EVEN + i];
                    }
                    self.put_row::<V, { 2 * OUTPUTS }>(&outputs, patch, place, column, lanes);
                }
            }
        }
    }

    /// Writes those of a row's outputs that lie inside the image: `lanes` channels from `column` on.
    ///
    /// # Safety
    /// They must be there, and this block's alone.
    #[inline(always)]
    unsafe fn put_row<V: Vector<T>, const SIZE: usize>(&self, outputs: &[V; SIZE], patch: Patch, row: usize, column: usize, lanes: usize) {
        if row >= patch.rows.1 {
            return;
        }
        for j in 0..SIZE {
            if j >= patch.columns.1 {
                return;
            }
            // SAFETY: the caller's promise.
            unsafe {
                let at = self.target.start().offset(patch.at(row, j)).add(column);
                let mut value = outputs[j];
                if self.finish.accumulate {
                    value = load_some::<T, V>(at, lanes).add(value);
                }
                if self.finish.relu {
                    value = value.relu();
                }
                store_some(value, at, lanes);
            }
        }
    }
}

/// Sums all tiles into a rectangle of the gradient of the weights, and transforms it back.
pub struct Rectangle<'a, T> {
    /// Transformed inputs of all tiles, and their layout.
    pub inputs: (&'a [T], TileLayout),
    /// Transformed gradients of all tiles, and their layout.
    pub gradients: (&'a [T], TileLayout),
    /// Tiles.
    pub tiles: usize,
    /// Input channels and filters in all.
    pub size: (usize, usize),
    /// The rectangle: input channels and filters.
    pub part: (std::ops::Range<usize>, std::ops::Range<usize>),
    /// Add to the gradient instead of overwriting it.
    pub accumulate: bool,
    /// The gradient `[3, 3, depth, columns]`; each item writes its own rectangle.
    pub target: &'a SharedMut<'a, T>,
}

impl<T: Element> Kernel<T> for Rectangle<'_, T> {
    type Output = Result<()>;

    #[inline(always)]
    fn run<V: Vector<T>>(self) -> Result<()> {
        let (channels, filters) = self.part;
        let (depth, columns) = (channels.len(), filters.len());
        let row = columns.next_multiple_of(V::LANES);
        let stride = depth * row + ROW_PADDING;
        let mut sums = Scratch::<T>::take(FILTER_SIDE * FILTER_SIDE * stride)?;
        rehearsal::nothing_more_is_taken()?;
        let ((inputs, layout_x), (gradients, layout_y)) = (self.inputs, self.gradients);
        for filter in 0..FILTER_SIDE * FILTER_SIDE {
            for column in (0..columns).step_by(panel_width::<T, V>()) {
                let wide = panel_width::<T, V>().min(columns - column);
                let mut finish = Finish::OVERWRITE;
                for f in frequencies_of(filter) {
                    for begin in (0..self.tiles).step_by(CHUNK) {
                        let segments = Segments {
                            a: &inputs[f * layout_x.frequency + begin * layout_x.row + channels.start..],
                            a_starts: &[0],
                            a_row: 1,
                            a_step: layout_x.row,
                            transposed: true,
                            b: &gradients[f * layout_y.frequency + begin * layout_y.row + filters.start + column..],
                            b_starts: &[0],
                            b_step: layout_y.row,
                            steps: CHUNK.min(self.tiles - begin),
                        };
                        multiply::<T, V>(&segments, &mut TileMut::new(&mut sums[filter * stride + column..], depth, wide, row), &finish);
                        finish = Finish::ACCUMULATE;
                    }
                }
            }
        }
        for channel in 0..depth {
            for column in (0..columns).step_by(V::LANES) {
                let count = V::LANES.min(columns - column);
                // SAFETY: the sums have whole registers of columns; the rectangle lies within the gradient and is this item's alone.
                unsafe {
                    let start = sums.as_ptr().add(channel * row + column);
                    let get = Direct { start, row: FILTER_SIDE * stride, column: stride };
                    let outputs = taps_of::<T, V, _>(get);
                    for i in 0..3 {
                        for j in 0..3 {
                            let line = (i * 3 + j) * self.size.0 + channels.start + channel;
                            let at = self.target.start().add(line * self.size.1 + filters.start + column);
                            let value = outputs[i][j];
                            let value = if self.accumulate { load_some::<T, V>(at, count).add(value) } else { value };
                            store_some(value, at, count);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The two taps of the even part.
#[inline(always)]
fn ends<T: Element, V: Vector<T>>(m: [V; EVEN]) -> [V; 2] {
    let outputs = outputs_of::<T, V>(m);
    [outputs[0], outputs[1]]
}

/// The 3 × 3 taps of 6 × 6 sums.
///
/// # Safety
/// What `get` reads must be there.
#[inline(always)]
unsafe fn taps_of<T: Element, V: Vector<T>, G: Get<V>>(get: G) -> [[V; 3]; 3] {
    let mut rows = [[V::zero(); FILTER_SIDE]; 3];
    for j in 0..FILTER_SIDE {
        // SAFETY: the caller's promise.
        unsafe {
            let values = ends::<T, V>(column_of(get, j, 1));
            (rows[0][j], rows[1][j], rows[2][j]) = (values[0], get.get(EVEN, j), values[1]);
        }
    }
    let mut taps = [[V::zero(); 3]; 3];
    for i in 0..3 {
        let values = ends::<T, V>(five(&rows[i], 1));
        taps[i] = [values[0], rows[i][EVEN], values[1]];
    }
    taps
}
