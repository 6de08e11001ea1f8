//! Rights that the program has beyond its user, those of capabilities that stand on its file, and rights that it does not need.
//!
//! The lent ones are for the files of the running kernel alone. Who asks nothing of it gives them up, and whatever a user
//! names is opened with the rights of the user, or the program would read anybody's files to anybody. Root keeps what
//! reading and writing files takes, and under sudo becomes the user who called it. Then a fence is put up, where the kernel
//! has Landlock: no file is written but beside the results, no program is run, nobody is connected to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    path_beneath_rules,
};
use rustix::process::{Gid, Uid, geteuid, getgid, getgroups};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_keep_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// What root needs: the kernel's files and those of processes, wherever a host's are mounted; to read what a user names
/// and to put results anywhere, in place of others.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER);

/// Whether this is the user who called sudo, with some of root's rights.
static IS_CALLER: AtomicBool = AtomicBool::new(false);

/// The newest that is asked for; older kernels hold what they know of.
const LANDLOCK: ABI = ABI::V6;

/// The terminal, which a table that is watched talks to, and where output is thrown away.
const DEVICES: [&str; 2] = ["/dev/tty", "/dev/null"];

/// Whether root asks, also through sudo.
pub fn asks_as_root() -> bool {
    geteuid().is_root() || IS_CALLER.load(Ordering::Relaxed)
}

/// Whether the rights are the program's: root's are its user's.
fn are_lent() -> bool {
    !asks_as_root()
}

/// The user who called sudo, and the group, where that is not root again.
pub fn caller() -> Option<(Uid, Gid)> {
    let id = |name: &str| {
        let id = std::env::var(name).ok()?.parse::<u32>().ok();
        // The last number is nobody's: to the kernel it means no change.
        id.filter(|id| *id != u32::MAX)
    };
    let user = id("SUDO_UID").filter(|user| *user != 0)?;
    Some((Uid::from_raw(user), Gid::from_raw(id("SUDO_GID")?)))
}

/// Under sudo becomes the user who called it, for good, so that results are that user's; what root may is permitted
/// still. To be called before threads are started. Not for who runs a command of the user's.
pub fn become_caller() {
    if let Some((user, group)) = caller().filter(|_| geteuid().is_root()) {
        // A container may keep root from it: then it stays root, and gives results away.
        let is_caller = change_user(user, group).is_ok();
        IS_CALLER.store(is_caller, Ordering::Relaxed);
    }
}

fn change_user(user: Uid, group: Gid) -> io::Result<()> {
    let (groups, own) = (getgroups()?, getgid());
    set_keep_capabilities(true)?;
    let changed = set_thread_groups(&[group])
        .and_then(|()| set_thread_res_gid(group, group, group))
        .and_then(|()| set_thread_res_uid(user, user, user));
    if changed.is_err() {
        // All or nothing; what was not changed is set to what it is.
        let _ = set_thread_res_gid(own, own, own);
        let _ = set_thread_groups(&groups);
    }
    Ok(changed?)
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
    let mut needed = KEPT;
    // Who stayed root under sudo gives results away.
    let gives = geteuid().is_root() && caller().is_some();
    needed.set(CapabilitySet::CHOWN, gives);
    let kept = own.permitted & needed;
    // Whoever has them may lower them.
    let _ = set_capabilities(
        None,
        CapabilitySets {
            effective: kept,
            permitted: kept,
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
