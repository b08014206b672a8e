//! Every statement of the program: hot, and so guarded, or cold, and why.

use std::path::{Path, PathBuf};

const LOOKED_AT: &str = "what the function does inside is guarded in event-store by what it reads";
const ONCE: &str = "once at a start";
const RARE: &str = "by hand or by the clock, at most a few times an hour";
const WHOLE: &str = "proves the whole log, and so reads it";
const BUILDS: &str = "about the builds of views, a table of a few rows, or while one is made";
const COPIED: &str = "copies a whole log or key ring";
const TAKEN_IN: &str = "only inserts, while a copy is taken in";
const NO_PLAN: &str = "calls a function and reads no table";
const ERASURE: &str = "rewrites a table on purpose, when a person is erased";
const ERASURE_READS: &str = "asked when a person is erased, which can afford to read a whole table";
const DOCTOR: &str = "asked by the doctor, about rights and settings";

/// Statements that need no guard.
pub const COLD: &[(&str, &str)] = &[
    ("crates/event-store/src/log/sql/append.sql", LOOKED_AT),
    ("crates/event-store/src/log/sql/copy_claims.sql", COPIED),
    ("crates/event-store/src/log/sql/copy_commands.sql", COPIED),
    ("crates/event-store/src/log/sql/copy_patience.sql", NO_PLAN),
    ("crates/event-store/src/log/sql/take_*.sql", TAKEN_IN),
    ("crates/event-store/src/log/sql/verify_claims.sql", WHOLE),
    ("crates/event-store/src/log/sql/verify_commands.sql", WHOLE),
    ("crates/event-store/src/log/sql/verify_before.sql", WHOLE),
    ("crates/event-store/src/log/sql/verify_ends.sql", WHOLE),
    ("crates/event-store/src/log/sql/verify_snapshot.sql", NO_PLAN),
    ("crates/event-store/src/log/sql/verify_strangers.sql", WHOLE),
    ("crates/event-store/src/log/sql/verify_workspace.sql", WHOLE),
    ("crates/event-store/src/log/sql/workspaces.sql", "the list of workspaces is small"),
    ("crates/event-store/src/projection/sql/build_abort.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_activate.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_all.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_forget_checkpoints.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_forget_quarantine.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_insert.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_lock.sql", NO_PLAN),
    ("crates/event-store/src/projection/sql/build_move.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_newest.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_progress.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_replace.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_replace_older.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_retired.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_verified.sql", BUILDS),
    ("crates/event-store/src/projection/sql/checkpoint_fence_first.sql", BUILDS),
    ("crates/event-store/src/projection/sql/log_size.sql", BUILDS),
    ("crates/event-store/src/projection/sql/quarantine_copy.sql", BUILDS),
    ("crates/event-store/src/projection/sql/build_schemas.sql", RARE),
    ("crates/event-store/src/projection/sql/lease_release.sql", NO_PLAN),
    ("crates/event-store/src/projection/sql/lease_try.sql", NO_PLAN),
    ("crates/ops/src/sql/attempt_sweep.sql", RARE),
    ("crates/ops/src/sql/draft_save_sweep.sql", RARE),
    ("crates/ops/src/sql/drafts_on_tickets.sql", ERASURE_READS),
    ("crates/ops/src/sql/erasure_standing.sql", ERASURE_READS),
    ("crates/ops/src/sql/erasure_storage.sql", ERASURE_READS),
    ("crates/ops/src/sql/erasure_storage_note.sql", NO_PLAN),
    ("crates/ops/src/sql/node_any.sql", RARE),
    ("crates/ops/src/sql/node_prune.sql", ONCE),
    ("crates/ops/src/sql/refusal_sweep.sql", RARE),
    ("crates/ops/src/sql/session_sweep.sql", RARE),
    ("crates/ops/src/sql/setup_sweep.sql", RARE),
    ("crates/ops/src/sql/sign_in_failure_sweep.sql", RARE),
    (
        "crates/ops/src/sql/token_list.sql",
        "all tokens of a workspace, a bounded list that settings show",
    ),
    (
        "crates/ops/src/sql/token_revoke_user.sql",
        "when a user is deactivated; the tokens of a workspace are few",
    ),
    ("crates/ops/src/sql/upload_expired.sql", RARE),
    ("crates/server/src/cli/doctor/sql/ahead.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/clock.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/encoding.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/migrations.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/rights.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/try_delete.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/try_insert.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/try_update.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/views_ahead.sql", DOCTOR),
    ("crates/server/src/cli/doctor/sql/who.sql", DOCTOR),
    ("crates/server/src/cli/sql/projection_list.sql", RARE),
    ("crates/server/src/database/sql/open_workspace.sql", ONCE),
    ("crates/server/src/database/sql/prepare_lock.sql", NO_PLAN),
    ("crates/server/src/database/sql/role_membership.sql", ONCE),
    ("crates/server/src/database/sql/server_version.sql", NO_PLAN),
    ("crates/server/src/database/sql/set_look_up.sql", NO_PLAN),
    ("crates/server/src/database/sql/set_role.sql", NO_PLAN),
    ("crates/server/src/database/sql/set_search_path.sql", NO_PLAN),
    ("crates/server/src/database/sql/workspaces.sql", ONCE),
    ("crates/vault/src/sql/copy_*.sql", COPIED),
    ("crates/vault/src/sql/take_*.sql", TAKEN_IN),
    ("crates/vault/src/sql/keys_rewrite.sql", ERASURE),
    ("crates/vault/src/sql/subjects_of_keys.sql", ERASURE_READS),
    ("projections/src/lookup/lock_briefly.sql", NO_PLAN),
    ("projections/src/lookup/lock_tables.sql", NO_PLAN),
    ("projections/src/lookup/rewrite_*.sql", ERASURE),
];

/// Statements that may be planned badly until the table has its first statistics, and why that is no harm.
pub const UNTIL_ANALYZED: [(&str, &str); 1] = [(
    "crates/vault/src/sql/keys_destroy.sql",
    "sent when a draft ends or a person is erased; a session plans it for its values five times before it keeps a plan",
)];

/// The statements that are not cold, by their path.
pub fn hot() -> Vec<(String, String)> {
    let (root, mut found) = (root(), Vec::new());
    for folder in ["crates", "projections/src"] {
        collect(&root.join(folder), &mut found);
    }
    let paths: Vec<String> = found.iter().map(|path| name_of(&root, path)).collect();
    for (cold, _) in COLD {
        assert!(
            paths.iter().any(|path| matches(path, cold)),
            "{cold} is listed as cold and is gone"
        );
    }
    assert!(paths.len() > 80, "the statements are elsewhere: {paths:?}");
    let hot = found
        .iter()
        .zip(paths)
        .filter(|(_, path)| !COLD.iter().any(|(cold, _)| matches(path, cold)));
    hot.map(|(file, path)| (path, std::fs::read_to_string(file).unwrap())).collect()
}

fn matches(path: &str, listed: &str) -> bool {
    match listed.split_once('*') {
        Some((before, after)) => path.starts_with(before) && path.ends_with(after),
        None => path == listed,
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !["tests", "benches", "migrations", "schema", "target"].contains(&&*name)
        {
            collect(&path, found);
        } else if name.ends_with(".sql") && name != "schema.sql" {
            found.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn name_of(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
}
