//! Tuning constants: cache sizes, how work is cut into items, and when results bypass the caches.
//! The thresholds for using other threads are in [`super::parallel`].
//!
//! No constant depends on the number of threads: work is cut by the shape of the problem, so that
//! the bits of a result do not depend on the number of threads or cores. A constant that limits the
//! number of terms in a sum (marked *bits*) determines the order of additions. Changing it changes
//! the last bits of results. The other constants affect speed and memory only. Constants that are
//! used by one kernel only are defined at the top of that kernel.
//!
//! If no measurement is recorded for a constant, its comment names the benchmark that shows its
//! effect: `benches/kernels.rs` (`cargo bench`), `benches/compare_torch.py` (rows of the table),
//! `benches/small_work.py` (calls on tiny arrays), `benches/bandwidth.rs` (memory).

/// Bytes of a cache line and of an AVX-512 register, and alignment of every buffer.
pub const LINE_BYTES: usize = 64;

/// Bytes of the second-level cache for which blocks of work are sized.
pub const L2_BYTES: usize = 512 << 10;

// ---- How work is cut into items for threads.

/// Approximate number of elements in one item of an element-wise kernel: 64 KB of `f32`, so that
/// input and output stay in the second-level cache. Rows `relu` and `batch_norm` of
/// `benches/compare_torch.py`.
pub const ITEM_LEN: usize = 16 << 10;

/// Target number of items for work that is not cut by [`ITEM_LEN`], to balance the load among
/// threads. The number is fixed, since work is never split by thread count. Rows `forward` with one
/// image of `benches/compare_torch.py`.
pub const ITEMS: usize = 16;

// ---- Sums in registers (*bits*).

/// Elements whose squares are summed separately before this sum is added to the total (*bits*).
pub const NORM_LEN: usize = 16 << 10;

/// Steps of a sum that are accumulated in registers before they are added to the total (*bits*).
/// This bounds the rounding error of long sums, and a panel with this number of rows stays in the
/// first-level cache. Row `matmul 64,4096,4096` of `benches/compare_torch.py` has the longest sums.
pub const SUM_STEPS: usize = 256;

/// As [`SUM_STEPS`], for Winograd convolutions with 3 × 3 filters (*bits*), whose transforms add a
/// further sum over at most 36 terms.
pub const WINOGRAD_SUM_STEPS: usize = 2 * SUM_STEPS;

/// As [`WINOGRAD_SUM_STEPS`], for 5 × 5 filters (*bits*). Small, since their transforms amplify
/// rounding errors.
pub const WINOGRAD_5X5_SUM_STEPS: usize = SUM_STEPS / 2;

// ---- Layout of scratch memory.

/// Elements added to a row of scratch, so that rows do not map to the same cache sets: one cache
/// line of `f32`. Rows of `benches/kernels.rs` whose channels are a power of two.
pub const ROW_PADDING: usize = 16;

/// Bytes of transformed inputs in one block of Winograd tiles. Together with a group of filter
/// panels they fill [`L2_BYTES`]. 3 × 3 rows of `benches/kernels.rs`, forward and backward input.
pub const WINOGRAD_BLOCK_BYTES: usize = 352 << 10;

/// Bytes of transformed inputs and gradients in one block of Winograd tiles of the weight gradient.
/// 3 × 3 rows of `benches/kernels.rs`, backward weight.
pub const WINOGRAD_WEIGHT_BLOCK_BYTES: usize = L2_BYTES;

/// Filter panels that are multiplied before their results are transformed back. Same benchmark rows
/// as [`WINOGRAD_BLOCK_BYTES`].
pub const WINOGRAD_PANEL_GROUP: usize = 2;

// ---- Results that bypass the caches (non-temporal stores).
//
// A result that is too large to stay in the caches until the next kernel reads it is written with
// non-temporal stores, which saves reading its cache lines first. The size from which this is
// faster depends on the other data that the kernel keeps in the caches, so each kind of kernel has
// its own threshold. The rows of `benches/compare_torch.py` with outputs of about that size show
// whether a threshold is right.

/// Bytes of the output of an element-wise kernel. It keeps no other data in the caches, and the
/// next layer reads the output immediately.
pub const ELEMENTWISE_STREAM_BYTES: usize = 32 << 20;

/// Bytes of the output of the direct convolution.
pub const DIRECT_STREAM_BYTES: usize = 16 << 20;

/// Bytes of the output of a Winograd convolution. Used only if a register is a whole cache line:
/// narrower registers leave partially written lines.
pub const WINOGRAD_STREAM_BYTES: usize = 4 << 20;

/// Bytes of the output of a matrix product or a depthwise convolution, whose panels and weights
/// should stay in the caches.
pub const MATMUL_STREAM_BYTES: usize = 2 << 20;

// ---- Software prefetch.

/// Prefetch distance, in steps of the sum, for a panel that a matrix product reads in place. Row
/// `matmul 64,4096,4096` of `benches/compare_torch.py`.
pub const MATMUL_PREFETCH_STEPS: usize = 32;

/// Prefetch distance, in bytes, of the search for the largest element of a row. Long computations
/// separate two rows, and the hardware prefetcher does not look that far ahead.
pub const SOFTMAX_PREFETCH_BYTES: usize = 4 << 10;

/// Prefetch distance, in bytes, of pooling windows. The rows of a window are read in turn, a few
/// hundred bytes each, and the hardware prefetcher does not follow them far enough. Row `max_pool`
/// of `benches/compare_torch.py`.
pub const POOL_PREFETCH_BYTES: usize = 2 << 10;

/// Bytes of a huge page. Buffers of at least two huge pages are aligned to one and request such
/// pages from the system. A transform that writes to dozens of addresses in turn then needs fewer
/// entries than the TLB has.
pub const HUGE_PAGE: usize = 2 << 20;
