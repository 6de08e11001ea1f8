//! What a page is. The closed list of classes, the rules, and the pass that applies them fast.
//!
//! Pure: words in, one byte a page out. A *key* is that byte: what a page is drawn and counted as.
//! Which keys mean what is a lens's affair.

mod class;
mod classifier;
mod rules;
mod sets;

pub use class::{Class, Family};
pub use classifier::{Classifier, OpenCompound};
pub use rules::{CLASS_KEYS, CompoundSize, KsmVerdict, depends_on_ksm, judge, settle};
pub use sets::{FlagSet, Noise, SetKeys};

/// What a page is drawn and counted as: one byte, given meaning by a lens.
///
/// The class lens uses the numbers of [`Class`] and three more for pages that say KSM, which
/// [`settle`] turns into classes once the whole memory was seen. The flags lens numbers sets as it
/// meets them. [`Key::HOLE`] is hole for both.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    bytemuck::Pod,
    bytemuck::Zeroable,
)]
#[repr(transparent)]
pub struct Key(pub u8);

/// True when all keys are the same. Compares them with themselves one further, which the machine does 32 at a
/// time.
pub fn is_uniform(keys: &[Key]) -> bool {
    let bytes: &[u8] = bytemuck::cast_slice(keys);
    bytes.len() < 2 || bytes[1..] == bytes[..bytes.len() - 1]
}

impl Key {
    /// No page there.
    pub const HOLE: Key = Key(Class::Hole as u8);

    /// How many keys a picture's palette has room for, beside its text colours.
    pub const LIMIT: usize = 222;
}
