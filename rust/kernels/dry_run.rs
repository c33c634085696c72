//! Rehearsals: a kernel is gone through without its parallel work, to learn how much scratch it
//! would take.
//!
//! While a thread rehearses, [`super::parallel`] hands out no items, but for the first of those
//! that may take scratch themselves, which ends as soon as it has it ([`scratch_complete`]);
//! and [`super::memory::Scratch`] is made afresh, so that large arrays stay address space that
//! nobody touches. Items of a kind take about the same, whoever works on them.

use std::cell::RefCell;

use super::error::{KernelError, Result};

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// Bytes of scratch that a kernel takes, buffer by buffer: the largest first one, the largest that
/// is held beside another, and so on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ScratchUse {
    /// On the thread that calls the kernel, which works on items too.
    pub caller: Vec<usize>,
    /// On each other thread, for the items that it works on.
    pub worker: Vec<usize>,
}

/// What was taken so far.
#[derive(Default)]
struct Script {
    held: usize,
    /// The item that is being gone through.
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

/// Notes the larger one of two uses of a buffer.
fn record(largest: &mut Vec<usize>, place: usize, bytes: usize) {
    if largest.len() <= place {
        largest.resize(place + 1, 0);
    }
    largest[place] = largest[place].max(bytes);
}

/// Whether this thread rehearses.
#[inline]
pub fn active() -> bool {
    SCRIPT.with_borrow(Option::is_some)
}

/// Notes that scratch of so many bytes is taken. False outside a dry_run.
pub(super) fn taken(bytes: usize) -> bool {
    SCRIPT.with_borrow_mut(|script| {
        let Some(script) = script else { return false };
        record(&mut script.taken.caller, script.held, bytes);
        if let Some(Item { before, shared: true }) = script.item {
            record(&mut script.taken.worker, script.held - before, bytes);
        }
        script.held += 1;
        true
    })
}

/// Goes through one item, until [`scratch_complete`]; `shared` tells whether other threads
/// would work on such items, too.
pub(super) fn item(shared: bool, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let outer = SCRIPT.with_borrow_mut(|script| {
        let script = script.as_mut()?;
        script.item.replace(Item { before: script.held, shared })
    });
    let result = work();
    SCRIPT.with_borrow_mut(|script| {
        if let Some(script) = script {
            script.item = outer;
        }
    });
    match result {
        Err(KernelError::Interrupted) => Ok(()),
        other => other,
    }
}

/// For an item that has all its scratch, before it computes: ends it if this is a dry_run.
///
/// # Errors
/// [`KernelError::Interrupted`] in a dry_run, which takes it for what it is.
#[inline]
pub fn scratch_complete() -> Result<()> {
    let ends =
        SCRIPT.with_borrow(|script| script.as_ref().is_some_and(|script| script.item.is_some()));
    if ends { Err(KernelError::Interrupted) } else { Ok(()) }
}

/// Notes that the scratch taken last is given back. False outside a dry_run.
pub(super) fn given_back() -> bool {
    SCRIPT
        .try_with(|script| {
            let mut script = script.borrow_mut();
            let Some(script) = script.as_mut() else { return false };
            script.held -= 1;
            true
        })
        .unwrap_or(false)
}

/// Goes through `work`, and returns with its result the scratch that it took.
pub fn rehearse<R>(work: impl FnOnce() -> R) -> (R, ScratchUse) {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            SCRIPT.set(None);
        }
    }
    let _end = End;
    SCRIPT.set(Some(Script::default()));
    let result = work();
    (
        result,
        SCRIPT.with_borrow_mut(|script| {
            script.as_mut().map(|script| std::mem::take(&mut script.taken)).unwrap_or_default()
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
    fn a_panic_ends_the_rehearsal() {
        let _ = std::panic::catch_unwind(|| rehearse(|| panic!("as planned")));
        assert!(!active());
    }
}
