//! Rights that the program has beyond its user, those of capabilities that stand on its file, and rights that it does not need.
//!
//! The lent ones are for the files of the running kernel alone. Who asks nothing of it gives them up, and whatever a user
//! names is opened with the rights of the user, or the program would read anybody's files to anybody. Root keeps what
//! reading and writing files takes. Then a fence is put up, where the kernel has Landlock: no file is written but beside
//! the results, no program is run, nobody is connected to.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    path_beneath_rules,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

/// What root needs: the kernel's files and those of processes, results in anybody's directory that become the caller's.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::FOWNER);

/// The newest that is asked for; older kernels hold what they know of.
const LANDLOCK: ABI = ABI::V6;

/// The terminal, which a table that is watched talks to, and where output is thrown away.
const DEVICES: [&str; 2] = ["/dev/tty", "/dev/null"];

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

/// Of root's rights keeps those that reading and writing take. Not for who runs a command of the user's.
pub fn keep_what_is_needed() {
    let Some(own) = capabilities(None).ok().filter(|_| !are_lent()) else {
        return;
    };
    // Whoever has them may lower them.
    let _ = set_capabilities(
        None,
        CapabilitySets {
            effective: own.effective & KEPT,
            permitted: own.permitted & KEPT,
            inheritable: CapabilitySet::empty(),
        },
    );
}

/// From now on this thread and those that it starts write no file but in these directories and below, run no program
/// unless they are to, and neither listen nor connect by TCP. Kernels before 5.13 hold none of it, those before 6.7 most.
/// Not for who asks other processes: Landlock keeps those outside the fence from whoever is inside it.
///
/// # Errors
/// The kernel has fences and refuses this one.
pub fn fence(directories: &[PathBuf], runs_programs: bool) -> Result<(), RulesetError> {
    let writing = AccessFs::from_write(LANDLOCK);
    let handled = match runs_programs {
        true => writing,
        false => writing | AccessFs::Execute,
    };
    // By default the kernel's best effort.
    let fence = Ruleset::default()
        .handle_access(handled)?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .create()?;
    let places = directories.iter().map(PathBuf::as_path);
    let places = places.chain(DEVICES.iter().map(Path::new));
    // What does not exist cannot be written to, and says so when it is tried.
    fence
        .add_rules(path_beneath_rules(places, writing))?
        .restrict_self()?;
    Ok(())
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
