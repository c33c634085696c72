//! Thread pool: distributes the items of a kernel to threads, with work stealing and Ctrl-C.
//!
//! A kernel cuts its work into items by the shape of the problem, never by the number of threads.
//! [`for_each`] gives each thread a run of neighbouring items, the same from call to call, so that
//! data which the thread wrote in the preceding layer is still in its caches. A thread that runs
//! out of items steals from the far end of another thread's run. No value may depend on the thread
//! that computed it, so the bits are the same at any thread count. The calling thread also
//! processes items, and checks for Ctrl-C between them. Small work runs on the calling thread only.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::dry_run;
use super::error::{KernelError, Result};
use super::simd::isa::float_state::FlushDenormals;

/// Work that costs less than this runs on the calling thread. The unit is one multiply-add; a visit
/// of an element costs [`ELEMENT_COST`].
pub const SERIAL_COST: usize = 1 << 19;

/// Cost of one element in a memory-bound kernel, in multiply-adds.
pub const ELEMENT_COST: usize = 8;

/// Least time between two checks for Ctrl-C by the calling thread.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How long a worker polls for the next call before it sleeps, and how long the calling thread
/// polls for the workers' last items. Waking a thread takes tens of microseconds, the same as a
/// layer of a small network, whose calls follow one another closely.
const LINGER: Duration = Duration::from_micros(200);

/// Largest number of threads that may be set.
pub const MAX_THREADS: usize = 1024;

/// 0 means that no number is set: use the default.
static CONFIGURED: AtomicUsize = AtomicUsize::new(0);
static INTERRUPT_CHECK: OnceLock<fn() -> bool> = OnceLock::new();
static POOLS: Mutex<Vec<Arc<Pool>>> = Mutex::new(Vec::new());

thread_local! {
    static CURRENT: RefCell<Option<Arc<Pool>>> = const { RefCell::new(None) };
    /// Time until which this worker polls for work. `None` while it does not poll.
    static LINGERS_UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A rayon pool for one process (a forked child creates its own) and one thread count. `workers` is
/// `None` for one thread.
struct Pool {
    process: u32,
    threads: usize,
    workers: Option<rayon::ThreadPool>,
}

/// Sets the number of threads that kernels may use from now on, including the calling thread.
///
/// # Errors
/// [`KernelError::Argument`] outside `1..=MAX_THREADS`.
pub fn set_num_threads(count: usize) -> Result<()> {
    if !(1..=MAX_THREADS).contains(&count) {
        return Err(KernelError::Argument(format!(
            "num_threads: expected 1 to {MAX_THREADS}, got {count}"
        )));
    }
    CONFIGURED.store(count, Ordering::Relaxed);
    Ok(())
}

/// The number of threads that kernels may use: the number set by [`set_num_threads`], else
/// `CNNRS_NUM_THREADS`, else the number of CPUs that this process may run on (CPU affinity and
/// cgroup quota are respected).
pub fn num_threads() -> usize {
    match CONFIGURED.load(Ordering::Relaxed) {
        0 => default_threads(),
        count => count,
    }
}

fn default_threads() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    *DEFAULT.get_or_init(|| {
        let asked = std::env::var("CNNRS_NUM_THREADS")
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok());
        match asked {
            Some(count) if (1..=MAX_THREADS).contains(&count) => count,
            _ => std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS),
        }
    })
}

/// Registers the function that returns whether the user interrupted (it may run signal handlers).
/// Only the first call has an effect.
pub fn set_interrupt_check(check: fn() -> bool) {
    let _ = INTERRUPT_CHECK.set(check);
}

/// Selects the pool of this thread for the current process and thread count, and creates it if
/// needed. The bindings call it before they release the GIL: `fork` happens while the GIL is held,
/// so no child can inherit the lock below in a locked state.
pub fn prepare() {
    let (process, threads) = (std::process::id(), num_threads());
    CURRENT.with_borrow_mut(|current| {
        if current.as_ref().is_some_and(|pool| pool.process == process && pool.threads == threads) {
            return;
        }
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            pools.iter().find(|pool| pool.process == process && pool.threads == threads).cloned();
        let pool = found.unwrap_or_else(|| {
            let pool = Arc::new(Pool { process, threads, workers: build_workers(threads - 1) });
            pools.push(Arc::clone(&pool)); // never removed: a parent's pool must not be dropped in a forked child
            pool
        });
        *current = Some(pool);
    });
}

fn build_workers(count: usize) -> Option<rayon::ThreadPool> {
    if count == 0 {
        return None;
    }
    // If no threads can be created (a system limit), the calling thread does all the work: slower,
    // with the same bits.
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .thread_name(|i| format!("cnnrs-{i}"))
        .build()
        .ok()
}

/// Calls `f` with every item of `items`. Uses all threads if `cost`, in total multiply-adds, is at
/// least [`SERIAL_COST`].
///
/// # Errors
/// [`KernelError::Interrupted`] when the user pressed Ctrl-C: some items were not processed.
pub fn for_each<I>(items: I, cost: usize, f: impl Fn(I::Item) + Sync) -> Result<()>
where
    I: ExactSizeIterator,
    I::Item: Send,
{
    let schedule = Schedule { cost, order: Order::Forward, interruptible: true };
    run(items, schedule, &infallible(f))
}

/// As [`for_each`], but each thread processes its run from the last item to the first: the data
/// that the preceding pass accessed last is still in that thread's caches.
///
/// # Errors
/// [`KernelError::Interrupted`].
pub fn for_each_backward<I>(items: I, cost: usize, f: impl Fn(I::Item) + Sync) -> Result<()>
where
    I: ExactSizeIterator,
    I::Item: Send,
{
    let schedule = Schedule { cost, order: Order::Backward, interruptible: true };
    run(items, schedule, &infallible(f))
}

/// As [`for_each`], for items whose work can fail. The first error stops the remaining items and is
/// returned.
///
/// # Errors
/// The error of an item, or [`KernelError::Interrupted`].
pub fn try_for_each<I>(
    items: I,
    cost: usize,
    f: impl Fn(I::Item) -> Result<()> + Sync,
) -> Result<()>
where
    I: ExactSizeIterator,
    I::Item: Send,
{
    if dry_run::active() {
        let shared = cost >= SERIAL_COST && items.len() > 1;
        return items.into_iter().next().map_or(Ok(()), |item| dry_run::item(shared, || f(item)));
    }
    run(items, Schedule { cost, order: Order::Forward, interruptible: true }, &f)
}

/// As [`for_each`], but cannot be interrupted: for in-place updates, which must be complete.
pub fn for_each_uninterrupted<I>(items: I, cost: usize, f: impl Fn(I::Item) + Sync)
where
    I: ExactSizeIterator,
    I::Item: Send,
{
    let schedule = Schedule { cost, order: Order::Forward, interruptible: false };
    let done = run(items, schedule, &infallible(f));
    debug_assert!(done.is_ok());
}

/// Wraps a function that cannot fail.
fn infallible<T>(f: impl Fn(T) + Sync) -> impl Fn(T) -> Result<()> + Sync {
    move |item| {
        f(item);
        Ok(())
    }
}

/// Order in which a thread processes its run of items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Forward,
    Backward,
}

/// How the items of a call are distributed.
#[derive(Clone, Copy)]
struct Schedule {
    cost: usize,
    order: Order,
    interruptible: bool,
}

/// Calls `f` with every item. Generic over the items only: the code that does not need the items is
/// in [`share`], and `f` is called through a pointer. So the library contains the scheduling once,
/// and not once for each kernel.
fn run<I>(
    mut items: I,
    schedule: Schedule,
    f: &(dyn Fn(I::Item) -> Result<()> + Sync),
) -> Result<()>
where
    I: ExactSizeIterator,
    I::Item: Send,
{
    let count = items.len();
    if count == 0 || dry_run::active() {
        return Ok(());
    }
    if schedule.cost < SERIAL_COST || count == 1 {
        let _state = FlushDenormals::enter();
        return items.try_for_each(f);
    }
    let items: Vec<_> = items.map(|item| Mutex::new(Some(item))).collect();
    share(count, schedule, &|index| {
        // A panic in an item is a bug. It must not make the other threads hang, so a poisoned lock
        // is used as it is (here and below).
        let item = items[index].lock().unwrap_or_else(PoisonError::into_inner).take();
        item.map_or(Ok(()), f)
    })
}

/// Indices of items: a run of neighbouring indices for each thread.
struct Runs {
    runs: Vec<Mutex<Range<usize>>>,
    order: Order,
}

impl Runs {
    fn new(count: usize, threads: usize, order: Order) -> Self {
        let start = |run: usize| run * count / threads;
        Self { runs: (0..threads).map(|i| Mutex::new(start(i)..start(i + 1))).collect(), order }
    }

    /// The next item for `thread`: from its own run, else from the opposite end of the first run
    /// that is not empty.
    fn next(&self, thread: usize) -> Option<usize> {
        let threads = self.runs.len();
        (0..threads).find_map(|step| {
            let mut run =
                self.runs[(thread + step) % threads].lock().unwrap_or_else(PoisonError::into_inner);
            let own = step == 0;
            if own == (self.order == Order::Forward) { run.next() } else { run.next_back() }
        })
    }
}

/// Calls `f` with every index below `count`, on all threads.
fn share(count: usize, schedule: Schedule, f: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    prepare();
    let pool = CURRENT.with_borrow(Clone::clone);
    let workers = pool.as_ref().and_then(|pool| pool.workers.as_ref());
    let threads = workers.map_or(1, |workers| workers.current_num_threads() + 1);
    let runs = Runs::new(count, threads, schedule.order);
    let cancelled = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let fail = |error: KernelError| {
        cancelled.store(true, Ordering::Relaxed);
        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    };
    let work = |thread: usize, poll: &mut dyn FnMut() -> bool| {
        let _state = FlushDenormals::enter();
        while !cancelled.load(Ordering::Relaxed) {
            let Some(index) = runs.next(thread) else { break };
            if let Err(error) = f(index) {
                fail(error);
            }
            if poll() {
                fail(KernelError::Interrupted);
            }
        }
    };
    let finished = AtomicUsize::new(0);
    let mut last_look = Instant::now();
    let mut poll = || {
        if !schedule.interruptible || last_look.elapsed() < POLL_INTERVAL {
            return false;
        }
        last_look = Instant::now();
        INTERRUPT_CHECK.get().is_some_and(|check| check())
    };
    match workers {
        None => work(0, &mut poll),
        Some(workers) => workers.in_place_scope(|scope| {
            let helpers = workers.current_num_threads().min(count - 1);
            let finished = &finished;
            for _ in 0..helpers {
                scope.spawn(|_| {
                    work(rayon::current_thread_index().map_or(0, |worker| worker + 1), &mut || {
                        false
                    });
                    linger();
                    finished.fetch_add(1, Ordering::Release);
                });
            }
            work(0, &mut poll);
            // Waiting for the scope would put this thread to sleep. The workers' last items mostly
            // finish in less time than a sleeping thread takes to wake.
            let asleep_at = Instant::now() + LINGER;
            while finished.load(Ordering::Acquire) < helpers && Instant::now() < asleep_at {
                std::thread::yield_now();
            }
        }),
    }
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Keeps this worker awake for [`LINGER`] from now on, polling for work.
fn linger() {
    let until = Some(Instant::now() + LINGER);
    if LINGERS_UNTIL.replace(until).is_some() {
        return; // it polls already, and now does so for longer
    }
    LINGERS_UNTIL.set(None);
    rayon::spawn(move || {
        if LINGERS_UNTIL.get().is_some() {
            return; // the task of another worker, taken while this one polls
        }
        LINGERS_UNTIL.set(until);
        while LINGERS_UNTIL.get().is_some_and(|until| Instant::now() < until) {
            if rayon::yield_now() != Some(rayon::Yield::Executed) {
                std::thread::yield_now();
            }
        }
        LINGERS_UNTIL.set(None);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_handed_out_once() {
        for threads in [1, 2, 5] {
            set_num_threads(threads).unwrap();
            let mut data = vec![0u32; 10_007];
            for_each(data.chunks_mut(13).enumerate(), usize::MAX, |(i, chunk)| {
                for value in chunk {
                    *value += 1 + i as u32;
                }
            })
            .unwrap();
            assert!(data.iter().enumerate().all(|(i, &value)| value == 1 + (i / 13) as u32));
        }
    }

    #[test]
    fn thread_counts_out_of_range_are_refused() {
        assert!(set_num_threads(0).is_err());
        assert!(set_num_threads(MAX_THREADS + 1).is_err());
    }
}
