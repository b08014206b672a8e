//! An installation with something in it, and what another one needs to become its replica.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Client, Program, Serving, Ticket};

use crate::people::{conversation, text, upload};

/// An installation at work.
pub struct Original {
    pub program: Program,
    _serving: Serving,
    pub client: Client,
    pub ticket: Ticket,
    /// The contact of the ticket.
    pub contact: String,
    folder: tempfile::TempDir,
}

/// What its attachment holds.
pub const ATTACHED: &[u8] = b"a list of spare parts";

impl Original {
    /// With a conversation, an attachment, a comment and a draft.
    pub async fn start() -> Self {
        let program = Program::fresh();
        let serving = program.serve();
        let client = super_admin(&program, &serving);
        let ticket = conversation(&client, "Maria's printer", "maria@planted.example").await;
        let contact = text(&client.ticket(&ticket).await["contacts"][0]["id"]);
        let file = upload(&client, "parts.txt", "text/plain", ATTACHED).await;
        let reply = json!({ "text": "Dear Maria", "attachment_ids": [file] });
        client.post(&ticket.at("/replies"), reply).await.ok();
        client.comment(&ticket, "Maria called").await;
        let draft = json!({ "text": "words nobody has sent" });
        client.put(&ticket.at("/drafts/reply"), draft).await.ok();
        let folder = tempfile::tempdir().unwrap();
        Self { program, _serving: serving, client, ticket, contact, folder }
    }

    /// A path for a file.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// A sealed copy with keys.
    pub fn copy(&self, name: &str) -> String {
        let path = self.path(name);
        self.program.run(&["export", "--sealed", "--with-keys", "--out", &path]).ok();
        path
    }

    /// A data folder with nothing but its key file and its objects.
    pub fn empty_replica(&self) -> Program {
        let replica = Program::fresh();
        copy_folder(&self.program.data().join("keys"), &replica.data().join("keys"));
        copy_folder(&self.program.data().join("objects"), &replica.data().join("objects"));
        replica
    }
}

/// A client of somebody who may do everything.
pub fn super_admin(program: &Program, serving: &Serving) -> Client {
    let add =
        ["user", "add", "--email", "ada@desk.example", "--name", "Ada", "--role", "super-admin"];
    program.run(&add).ok();
    serving.client(Some(&token(program)))
}

/// Another token of theirs.
pub fn token(program: &Program) -> String {
    program.run(&["token", "create", "--email", "ada@desk.example"]).ok()
}

/// Where the log ends, as the proof of it says.
pub fn proven(program: &Program) -> Value {
    let report = program.run(&["log", "verify", "--json"]).json();
    assert_eq!(report["findings"], json!([]), "{report}");
    report
}

/// Copies what is in a folder, with its modes.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
            let mode = std::fs::metadata(&path).unwrap().permissions();
            std::fs::set_permissions(&target, mode).unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
