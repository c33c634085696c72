//! The list of convolution methods, and the choice among them.

use super::depthwise::Depthwise;
use super::direct::Direct;
use super::few_channels::FewChannels;
use super::method::{Method, Pass};
use super::pointwise::Pointwise;
use super::winograd::{Outputs, Winograd, WinogradStride2};
use crate::kernels::Element;
use crate::kernels::error::{KernelError, Result};
use crate::kernels::geometry::Conv2dGeometry;

/// All methods, in order of preference. [`Direct`] supports every geometry and always pays, so the
/// choice ends there.
pub fn methods<T: Element>() -> &'static [&'static dyn Method<T>] {
    &[
        &Pointwise,
        &Depthwise,
        &FewChannels,
        &Winograd(Outputs::Two),
        &Winograd(Outputs::Four),
        &WinogradStride2,
        &Direct,
    ]
}

/// Returns the first method of [`methods`] that supports a pass and pays. Depends on the geometry
/// of one sample, so that in prediction a sample has the same bits in any batch.
pub fn choose<T: Element>(pass: Pass, g: &Conv2dGeometry) -> &'static dyn Method<T> {
    let sample = Conv2dGeometry { batch: 1, ..*g };
    let pays =
        |method: &dyn Method<T>| method.supports(pass, &sample) && method.pays(pass, &sample);
    methods().iter().copied().find(|method| pays(*method)).unwrap_or(&Direct)
}

/// Returns the method of a name.
///
/// # Errors
/// [`KernelError::Argument`] for an unknown name, or a method that does not support the pass.
pub fn by_name<T: Element>(
    name: &str,
    pass: Pass,
    g: &Conv2dGeometry,
) -> Result<&'static dyn Method<T>> {
    let method =
        methods::<T>().iter().copied().find(|method| method.name() == name).ok_or_else(|| {
            let names: Vec<_> = methods::<T>().iter().map(|method| method.name()).collect();
            let names = names.join(", ");
            KernelError::Argument(format!("algorithm: expected one of {names}, got {name:?}"))
        })?;
    if method.supports(pass, g) {
        Ok(method)
    } else {
        Err(KernelError::Argument(format!(
            "algorithm: {name:?} cannot compute this convolution: {g:?}"
        )))
    }
}
