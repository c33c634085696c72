//! Dry run: executes a kernel without its parallel work, to measure the scratch memory it needs.
//!
//! During a dry run [`super::parallel`] skips all items, except for the first item of work that
//! takes scratch itself; that item ends as soon as it has its scratch ([`scratch_complete`]).
//! [`super::memory::Scratch`] is allocated afresh, so that large arrays are address space that is
//! never touched. All items of a call are taken to need the same scratch, on any thread.

use std::cell::RefCell;

use super::error::{KernelError, Result};

thread_local! {
    static DRY_RUN: RefCell<Option<Measurement>> = const { RefCell::new(None) };
}

/// Bytes of scratch that a kernel takes, buffer by buffer: the largest buffer that is held alone,
/// the largest that is held beside one other, and so on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScratchUse {
    /// On the thread that calls the kernel, which works on items, too.
    pub caller: Vec<usize>,
    /// On each other thread, for the items that it works on.
    pub worker: Vec<usize>,
}

/// The scratch taken so far.
#[derive(Default)]
struct Measurement {
    held: usize,
    /// The item that is being executed.
    item: Option<Item>,
    taken: ScratchUse,
}

/// An item of parallel work.
#[derive(Clone, Copy)]
struct Item {
    /// How many buffers the caller held when it began.
    before: usize,
    /// Whether other threads would work on such items, too.
    shared: bool,
}

/// Records the larger of two uses of a buffer.
fn record(largest: &mut Vec<usize>, place: usize, bytes: usize) {
    if largest.len() <= place {
        largest.resize(place + 1, 0);
    }
    largest[place] = largest[place].max(bytes);
}

/// Whether this thread is in a dry run.
#[inline]
pub fn active() -> bool {
    DRY_RUN.with_borrow(Option::is_some)
}

/// Records that `bytes` of scratch are taken. Returns false outside a dry run.
pub(super) fn taken(bytes: usize) -> bool {
    DRY_RUN.with_borrow_mut(|run| {
        let Some(run) = run else { return false };
        record(&mut run.taken.caller, run.held, bytes);
        if let Some(Item { before, shared: true }) = run.item {
            record(&mut run.taken.worker, run.held - before, bytes);
        }
        run.held += 1;
        true
    })
}

/// Executes one item, until [`scratch_complete`]; `shared` tells whether other threads would work
/// on such items, too.
pub(super) fn item(shared: bool, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let outer = DRY_RUN.with_borrow_mut(|run| {
        let run = run.as_mut()?;
        run.item.replace(Item { before: run.held, shared })
    });
    let result = work();
    DRY_RUN.with_borrow_mut(|run| {
        if let Some(run) = run {
            run.item = outer;
        }
    });
    match result {
        Err(KernelError::Interrupted) => Ok(()),
        other => other,
    }
}

/// Ends an item in a dry run. Items call it when they have all their scratch, before they compute.
///
/// # Errors
/// [`KernelError::Interrupted`] in a dry run, which does not report it as an error.
#[inline]
pub fn scratch_complete() -> Result<()> {
    let ends = DRY_RUN.with_borrow(|run| run.as_ref().is_some_and(|run| run.item.is_some()));
    if ends { Err(KernelError::Interrupted) } else { Ok(()) }
}

/// Records that the scratch taken last is given back. Returns false outside a dry run.
pub(super) fn given_back() -> bool {
    DRY_RUN
        .try_with(|run| {
            let mut run = run.borrow_mut();
            let Some(run) = run.as_mut() else { return false };
            run.held -= 1;
            true
        })
        .unwrap_or(false)
}

/// Executes `work` as a dry run, and returns its result and the scratch that it took.
pub fn rehearse<R>(work: impl FnOnce() -> R) -> (R, ScratchUse) {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            DRY_RUN.set(None);
        }
    }
    let _end = End;
    DRY_RUN.set(Some(Measurement::default()));
    let result = work();
    (
        result,
        DRY_RUN.with_borrow_mut(|run| {
            run.as_mut().map(|run| std::mem::take(&mut run.taken)).unwrap_or_default()
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::memory::{Scratch, with_scratch};
    use crate::kernels::parallel;

    #[test]
    fn what_is_taken_is_counted_and_nothing_is_done() {
        let mut visited = 0;
        let item = |_| {
            let _own = Scratch::<f64>::take(300)?;
            scratch_complete()?;
            unreachable!()
        };
        let work = || {
            scratch_complete().unwrap(); // not in an item
            for len in [100, 300, 200] {
                with_scratch(len, |outer: &mut [f32]| {
                    assert!(outer.iter().all(|&value| value == 0.0));
                    parallel::for_each(0..10, usize::MAX, |_| unreachable!()).unwrap();
                    parallel::try_for_each(0..10, usize::MAX, item).unwrap();
                    with_scratch(2 * len, |_: &mut [f64]| visited += 1).unwrap();
                    with_scratch(3, |_: &mut [f64]| {
                        parallel::try_for_each(0..10, 1, item).unwrap()
                    })
                    .unwrap();
                })
                .unwrap();
            }
        };
        assert_eq!(
            rehearse(work).1,
            ScratchUse { caller: vec![1200, 4800, 2400], worker: vec![2400] }
        );
        assert_eq!(visited, 3);
        assert!(!active());
        scratch_complete().unwrap();
    }

    #[test]
    fn large_scratch_is_counted_in_the_pages_that_it_is_made_of() {
        const MEGABYTE: usize = 1 << 20;
        for (bytes, pages) in
            [(MEGABYTE / 4, MEGABYTE / 4), (MEGABYTE, 2 * MEGABYTE), (5 * MEGABYTE, 6 * MEGABYTE)]
        {
            assert_eq!(
                rehearse(|| with_scratch(bytes / 8, |_: &mut [f64]| ()).unwrap()).1.caller,
                [pages]
            );
        }
    }

    #[test]
    fn a_panic_ends_the_dry_run() {
        let _ = std::panic::catch_unwind(|| rehearse(|| panic!("as planned")));
        assert!(!active());
    }
}
