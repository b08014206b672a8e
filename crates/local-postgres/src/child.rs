//! Starting and signalling processes: the only place that calls the system without the standard library between.
#![allow(
    unsafe_code,
    reason = "setsid, uid changes and PR_SET_PDEATHSIG exist only as libc calls between fork and exec"
)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread;

use crate::account::{Account, Way};

/// How a server is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Fast shutdown: clients are cut off, a checkpoint is written.
    Interrupt,
    /// Immediate shutdown: recovers from the log at the next start.
    Quit,
    /// No shutdown at all.
    Kill,
}

pub(crate) fn effective_uid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// Sends a signal to one process.
pub(crate) fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let number = match signal {
        Signal::Interrupt => libc::SIGINT,
        Signal::Quit => libc::SIGQUIT,
        Signal::Kill => libc::SIGKILL,
    };
    send(pid, number)
}

/// Whether a process with this id exists, whoever it belongs to.
pub(crate) fn exists(pid: u32) -> bool {
    match send(pid, 0) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() == Some(libc::EPERM),
    }
}

fn send(pid: u32, number: libc::c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: plain integers; the pid is positive, so no process group is meant.
    check(unsafe { libc::kill(pid, number) })
}

/// Makes the child leave this terminal, so that neither Ctrl-C nor the end of this process reaches it.
pub(crate) fn detach(command: &mut Command) {
    // SAFETY: setsid is async-signal-safe and touches no memory of ours.
    unsafe { command.pre_exec(|| check(libc::setsid())) };
}

/// Makes the child leave this terminal, run as `account`, and receive SIGINT when the spawning thread ends.
pub(crate) fn bind_to_this_thread(command: &mut Command, account: Option<Account>) {
    let parent = libc::pid_t::try_from(std::process::id()).unwrap_or(0);
    let set_up = move || {
        // SAFETY: only async-signal-safe calls, on values that were copied before the fork.
        unsafe {
            for number in [libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGCHLD] {
                libc::signal(number, libc::SIG_DFL); // a server started under nohup or `&` inherits ignored ones
            }
            check(libc::setsid())?;
            if let Some(Account { uid, gid, way: Way::Become }) = account {
                check(libc::setgroups(1, &raw const gid))?;
                check(libc::setresgid(gid, gid, gid))?;
                check(libc::setresuid(uid, uid, uid))?;
            }
            // After the uid change: credential changes clear it.
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT, 0, 0, 0))?;
            if libc::getppid() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH)); // the parent ended before the line above
            }
        }
        Ok(())
    };
    // SAFETY: see inside; the closure allocates nothing.
    unsafe { command.pre_exec(set_up) };
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A thread that does nothing but exist: its end is what the child is told of.
#[derive(Debug)]
pub(crate) struct ParentThread {
    release: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for ParentThread {
    fn drop(&mut self) {
        self.release = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Spawns a child from a thread of its own, because the death signal is bound to the spawning thread, not the process.
pub(crate) fn spawn_with_parent_thread(mut command: Command) -> io::Result<(Child, ParentThread)> {
    let (spawned, result) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let thread = thread::Builder::new().name("postgres-parent".into()).spawn(move || {
        let _ = spawned.send(command.spawn());
        drop(command);
        let _ = released.recv(); // ends when the sender is dropped
    })?;
    let parent = ParentThread { release: Some(release), thread: Some(thread) };
    let child = result.recv().map_err(|_| io::Error::other("the spawning thread ended"))??;
    Ok((child, parent))
}
