//! Rehearsals: a kernel is gone through without its parallel items, to learn how much scratch it would take.
//!
//! While a thread rehearses, [`super::parallel`] hands out no items, and [`super::memory::Scratch`] is made afresh, so that large arrays
//! stay address space that nobody touches. What items take for themselves, on each thread, is not seen: it is sized by the caches.

use std::cell::RefCell;

thread_local! {
    static SCRIPT: RefCell<Option<Script>> = const { RefCell::new(None) };
}

/// What was taken so far: the largest for each number of buffers held before.
#[derive(Default)]
struct Script {
    held: usize,
    largest: Vec<usize>,
}

/// Whether this thread rehearses.
#[inline]
pub fn active() -> bool {
    SCRIPT.with_borrow(Option::is_some)
}

/// Notes that scratch of so many bytes is taken. False outside a rehearsal.
pub(super) fn taken(bytes: usize) -> bool {
    SCRIPT.with_borrow_mut(|script| {
        let Some(script) = script else { return false };
        if script.largest.len() == script.held {
            script.largest.push(0);
        }
        script.largest[script.held] = script.largest[script.held].max(bytes);
        script.held += 1;
        true
    })
}

/// Notes that the scratch taken last is given back. False outside a rehearsal.
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

/// Goes through `work`, and returns with its result the bytes of scratch that it took: the largest first buffer, the largest that was
/// held beside another, and so on.
pub fn rehearse<R>(work: impl FnOnce() -> R) -> (R, Vec<usize>) {
    struct End;
    impl Drop for End {
        fn drop(&mut self) {
            SCRIPT.set(None);
        }
    }
    let _end = End;
    SCRIPT.set(Some(Script::default()));
    let result = work();
    (result, SCRIPT.with_borrow_mut(|script| script.as_mut().map(|script| std::mem::take(&mut script.largest)).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::memory::with_scratch;
    use crate::kernels::parallel;

    #[test]
    fn what_is_taken_is_counted_and_nothing_is_done() {
        let mut visited = 0;
        let work = || {
            for len in [100, 300, 200] {
                with_scratch(len, |outer: &mut [f32]| {
                    assert!(outer.iter().all(|&value| value == 0.0));
                    parallel::for_each(0..10, usize::MAX, |_| unreachable!()).unwrap();
                    with_scratch(2 * len, |_: &mut [f64]| visited += 1).unwrap();
                })
                .unwrap();
            }
        };
        assert_eq!(rehearse(work).1, [1200, 4800]);
        assert_eq!(visited, 3);
        assert!(!active());
    }

    #[test]
    fn a_panic_ends_the_rehearsal() {
        let _ = std::panic::catch_unwind(|| rehearse(|| panic!("as planned")));
        assert!(!active());
    }
}
