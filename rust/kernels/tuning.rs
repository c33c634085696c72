//! Tuning constants: sizes of caches, how work is cut into items, and when results bypass the
//! caches. What decides whether work goes to other threads is in [`super::parallel`].
//!
//! None of them depends on the number of threads: work is cut by the shape of the problem, so that
//! the bits of a result do not depend on the machine. A constant that bounds the terms of a sum
//! (marked *bits*) decides the order of additions; changing it changes results in their last bits.
//! The others change speed and memory only. Constants that concern one kernel alone are defined at
//! the top of that kernel.
//!
//! Where a figure of a measurement is not on record, the comment names the benchmark that shows
//! the effect: `benches/kernels.rs` (`cargo bench`), `benches/compare_torch.py` (rows of the
//! table), `benches/small_work.py` (calls on tiny arrays), `benches/bandwidth.rs` (memory).

/// Bytes of a cache line, of an AVX-512 register, and the alignment of every buffer.
pub const LINE_BYTES: usize = 64;

/// Bytes of the second-level cache that blocks of work are cut for.
pub const L2_BYTES: usize = 512 << 10;

// ---- How work is cut into items for threads.

/// Elements of one item of an element-wise kernel, about: 64 KB of `f32`, so that input and output
/// stay in the second-level cache. Rows `relu` and `batch_norm` of `benches/compare_torch.py`.
pub const ITEM_LEN: usize = 16 << 10;

/// Items wanted of work that is cut along other lines, for balance among threads. A fixed number:
/// work is never split by thread count. Rows `forward` with one image of
/// `benches/compare_torch.py`.
pub const ITEMS: usize = 16;

// ---- Sums in registers (*bits*).

/// Elements whose sum of squares is kept apart before it joins the rest (*bits*).
pub const NORM_LEN: usize = 16 << 10;

/// Steps of a sum that are added up in registers before they join the rest (*bits*): bounds the
/// rounding error of long sums, and a panel of this many rows stays in the first-level cache. Row
/// `matmul 64,4096,4096` of `benches/compare_torch.py` has the longest sums.
pub const SUM_STEPS: usize = 256;

/// The same for Winograd convolutions with 3 × 3 filters (*bits*), whose transforms add a further
/// sum over at most 36 terms.
pub const WINOGRAD_SUM_STEPS: usize = 2 * SUM_STEPS;

/// The same with 5 × 5 filters (*bits*): few, since their transforms amplify rounding errors.
pub const WINOGRAD_5X5_SUM_STEPS: usize = SUM_STEPS / 2;

// ---- Layout of scratch memory.

/// Elements added to a row of scratch, so that rows do not map to the same cache sets: one cache
/// line of `f32`. Rows of `benches/kernels.rs` whose channels are a power of two.
pub const ROW_PADDING: usize = 16;

/// Bytes of transformed inputs in one block of Winograd tiles: with a group of panels of filters
/// they fill [`L2_BYTES`]. 3 × 3 rows of `benches/kernels.rs`, forward and backward input.
pub const WINOGRAD_BLOCK_BYTES: usize = 352 << 10;

/// Bytes of transformed inputs and gradients in one block of Winograd tiles of a weight gradient.
/// 3 × 3 rows of `benches/kernels.rs`, backward weight.
pub const WINOGRAD_WEIGHT_BLOCK_BYTES: usize = L2_BYTES;

/// Panels of filters that are multiplied before their results are transformed back. As
/// [`WINOGRAD_BLOCK_BYTES`].
pub const WINOGRAD_PANEL_GROUP: usize = 2;

// ---- Results that bypass the caches (non-temporal stores).
//
// A result that the caches cannot hold until the next kernel reads it is written past them, which
// saves reading its lines first. From which size this pays depends on what else the kernel keeps
// in the caches, hence one threshold for each kind of kernel. Where they are wrong shows in the
// rows of `benches/compare_torch.py` whose outputs are of that size.

/// Bytes of the output of an element-wise kernel. Nothing else is in use, and the next layer reads
/// the output at once.
pub const ELEMENTWISE_STREAM_BYTES: usize = 32 << 20;

/// Bytes of the output of the direct convolution.
pub const DIRECT_STREAM_BYTES: usize = 16 << 20;

/// Bytes of the output of a Winograd convolution. Only with registers of a whole cache line:
/// narrower ones leave half-written lines.
pub const WINOGRAD_STREAM_BYTES: usize = 4 << 20;

/// Bytes of the output of a matrix product or a depthwise convolution, whose panels and weights
/// should stay in the caches.
pub const MATMUL_STREAM_BYTES: usize = 2 << 20;

// ---- Software prefetch.

/// Steps that a prefetch runs ahead of a panel which a matrix product reads in place. Row `matmul
/// 64,4096,4096` of `benches/compare_torch.py`.
pub const MATMUL_PREFETCH_STEPS: usize = 32;

/// Bytes that the search for the largest element of a row runs ahead: long computations separate
/// two rows, and the prefetcher of the hardware does not look that far.
pub const SOFTMAX_PREFETCH_BYTES: usize = 4 << 10;

/// Bytes ahead of a pooling window: its rows, read in turn, a few hundred bytes each, are no stream
/// that the prefetcher of the hardware would follow far enough. Row `max_pool` of
/// `benches/compare_torch.py`.
pub const POOL_PREFETCH_BYTES: usize = 2 << 10;

/// Bytes of a huge page. Buffers of at least two are aligned to it and ask for such pages: a
/// transform that writes to dozens of places in turn then stays within the translation buffers.
pub const HUGE_PAGE: usize = 2 << 20;
