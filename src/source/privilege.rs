//! Rights that the program has and its user does not: those of capabilities that stand on its file.
//!
//! They are for the files of the running kernel alone. Who asks nothing of it gives them up, and whatever a user
//! names is opened with the rights of the user, or the program would read anybody's files to anybody.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// Whether the rights are the program's: root's are its user's.
fn are_lent() -> bool {
    !rustix::process::geteuid().is_root()
}

/// Gives up for good what capabilities the program has beyond its user. To be called before threads are started.
pub fn give_up() {
    if are_lent() {
        // There may be none, and then nothing is to be given up.
        let _ = set_capabilities(
            None,
            CapabilitySets {
                effective: CapabilitySet::empty(),
                permitted: CapabilitySet::empty(),
                inheritable: CapabilitySet::empty(),
            },
        );
    }
}

/// Never gains rights by running another program. Not for who runs a command of the user's.
pub fn gain_none() {
    // Only kernels before 3.5 refuse.
    let _ = set_no_new_privs(true);
}

/// Does something with the rights of the user alone.
pub fn as_user<T>(work: impl FnOnce() -> T) -> T {
    let lent = capabilities(None).ok().filter(|_| are_lent());
    let Some(lent) = lent.filter(|lent| !lent.effective.is_empty()) else {
        return work();
    };
    let _back = Back(lent);
    let lowered = CapabilitySets {
        effective: CapabilitySet::empty(),
        ..lent
    };
    // Whoever has them may lower them.
    let _ = set_capabilities(None, lowered);
    work()
}

/// Takes the rights back in the end, also of a panic.
struct Back(CapabilitySets);

impl Drop for Back {
    fn drop(&mut self) {
        // They are permitted still.
        let _ = set_capabilities(None, self.0);
    }
}
