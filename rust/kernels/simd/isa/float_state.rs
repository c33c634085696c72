//! Flushing of denormal numbers to zero by the CPU.

/// While this value exists, the thread reads denormal numbers as zero and writes zero in their
/// place. Dropping it restores the caller's state. The calling thread and all threads of the pool
/// enter this state, so the bits do not depend on the thread that computed a value.
pub struct FlushDenormals {
    before: u64,
}

impl FlushDenormals {
    /// Saves the state and turns flushing on.
    pub fn enter() -> Self {
        let before = float_state();
        set_float_state(before | FLUSH_BITS);
        Self { before }
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        set_float_state(self.before);
    }
}

/// Flush-to-zero (bit 15) and denormals-are-zero (bit 6) of MXCSR.
#[cfg(target_arch = "x86_64")]
const FLUSH_BITS: u64 = 0x8040;
/// FZ (bit 24) of FPCR.
#[cfg(target_arch = "aarch64")]
const FLUSH_BITS: u64 = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH_BITS: u64 = 0;

#[cfg(target_arch = "x86_64")]
fn float_state() -> u64 {
    let mut state = 0u32;
    // SAFETY: stores the 32-bit MXCSR into a local of that size.
    unsafe {
        std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut state, options(nostack, preserves_flags))
    };
    u64::from(state)
}

#[cfg(target_arch = "x86_64")]
fn set_float_state(state: u64) {
    let state = state as u32;
    // SAFETY: loads a value that was read from MXCSR, in which at most the flush bits were set; the
    // exception masks are unchanged.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const state, options(nostack, preserves_flags, readonly))
    };
}

#[cfg(target_arch = "aarch64")]
fn float_state() -> u64 {
    let state: u64;
    // SAFETY: reads the floating-point control register.
    unsafe {
        std::arch::asm!("mrs {}, fpcr", out(reg) state, options(nomem, nostack, preserves_flags))
    };
    state
}

#[cfg(target_arch = "aarch64")]
fn set_float_state(state: u64) {
    // SAFETY: writes a value that was read from the register, in which at most the flush bit was
    // set.
    unsafe {
        std::arch::asm!("msr fpcr, {}", in(reg) state, options(nomem, nostack, preserves_flags))
    };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn float_state() -> u64 {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_float_state(_state: u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denormals_are_flushed_only_inside() {
        let tiny = std::hint::black_box(1e-40f32);
        {
            let _state = FlushDenormals::enter();
            assert_eq!(std::hint::black_box(tiny) * std::hint::black_box(1.0), 0.0);
        }
        assert!(std::hint::black_box(tiny) * std::hint::black_box(1.0) > 0.0);
    }
}
