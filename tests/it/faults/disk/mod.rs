//! The disk is full: writes are told to come again, what was acknowledged stays, and everything goes on by itself once there is
//! room.

mod small;

use reqwest::Method;
use sqlx::{Connection, PgConnection};
use testkit::{Answer, Client, Program, eventually};

use super::chance::Chance;
use super::desk::Desk;
use super::load::{Load, writers};
use super::postgres_away::nothing_is_lost;
use small::{Disk, with_own_mounts};

const WRITERS: usize = 4;
/// Enough for a fresh cluster with its write-ahead log, and a little work.
const DATABASE_MIB: usize = 256;
const OBJECTS_MIB: usize = 4;
/// Each begins a new file of the write-ahead log, of which a few may be there already.
const SEGMENTS_MAX: usize = 40;
/// How often Postgres is started at most until somebody notices: the pauses between the attempts grow.
const STARTS_MAX: usize = 12;

fn with_all(program: Program, disk: &Disk) -> Program {
    disk.environment().iter().fold(program, |program, (name, value)| program.with(name, value))
}

#[test]
fn a_full_disk_loses_nothing_and_heals_by_itself() {
    let name = "faults::disk::a_full_disk_loses_nothing_and_heals_by_itself";
    with_own_mounts(name, async {
        let program = Program::fresh();
        let disk = Disk::at(program.data(), DATABASE_MIB);
        let mut chance = Chance::seeded(20_330);
        let desk = Desk::with(with_all(program, &disk)).await;
        let (client, server) = (desk.client(), desk.serving().pid());
        let load = Load::start(writers(WRITERS, &mut chance), &client);
        load.gauge.wait_for_accepted(60).await;
        let mut owner = desk.program.owner().await;

        // No table grows any more.
        disk.fill();
        load.gauge.wait_for_away(2 * WRITERS as u64).await;
        client.get("/healthz").await.status(200);
        desk.run(&["log", "verify"]).ok();

        // Nor does the write-ahead log, which ends Postgres.
        use_up_the_log(&mut owner).await;
        eventually("the server tells that its database is away", || async {
            (client.get("/readyz").await.json["log_reachable"] == false).then_some(())
        })
        .await;
        eventually("the log says why Postgres does not start", || async {
            said(&desk).contains("the disk of the private Postgres is full").then_some(())
        })
        .await;
        load.gauge.wait_for_away(2 * WRITERS as u64).await;
        let starts = said(&desk).matches("starting it again").count();
        assert!(starts <= STARTS_MAX, "{starts} starts");

        disk.clear();
        load.gauge.wait_for_accepted(40).await;
        assert_eq!(desk.serving().pid(), server);
        let writers = load.stop().await;
        nothing_is_lost(&desk, writers).await;
        eventually("the server is ready again", || async {
            client.get("/readyz").await.status.is_success().then_some(())
        })
        .await;
    });
}

#[test]
fn a_full_disk_ends_a_rebuild_which_goes_on_when_there_is_room_and_lists_stay_z05() {
    let name = "faults::disk::a_full_disk_ends_a_rebuild_which_goes_on_when_there_is_room_and_lists_stay_z05";
    with_own_mounts(name, async {
        let program = Program::fresh();
        let disk = Disk::at(program.data(), DATABASE_MIB);
        let desk = Desk::with(with_all(program, &disk)).await;
        let client = desk.client();
        client.post("/api/v1/tickets", serde_json::json!({ "name": "Printer on fire" })).await.ok();
        let listed = "/api/v1/views/open/tickets";
        let shows = || async {
            let items = client.get(listed).await.ok()["items"].as_array().map_or(0, Vec::len);
            (items == 1).then_some(())
        };
        eventually("the list shows the ticket", shows).await;
        disk.fill();
        let full = desk.run(&["projection", "rebuild", "inbox"]).failed(1);
        assert!(full.contains("the disk of the database is full"), "{full}");
        shows().await.expect("the list is as before");
        disk.clear();
        desk.run(&["projection", "rebuild", "inbox", "--switch"]).ok();
        eventually("the list shows the ticket", shows).await;
    });
}

/// What the server has written to its log.
fn said(desk: &Desk) -> String {
    std::fs::read_to_string(desk.program.data().with_extension("log")).unwrap()
}

/// Begins file after file of the write-ahead log until there is no room for another.
async fn use_up_the_log(owner: &mut PgConnection) {
    for _ in 0..SEGMENTS_MAX {
        for statement in [
            "select pg_switch_wal()",
            "select pg_logical_emit_message(true, 'test', repeat('x', 10000))",
        ] {
            if sqlx::query(statement).execute(&mut *owner).await.is_err()
                && owner.ping().await.is_err()
            {
                return;
            }
        }
    }
    panic!("there is still room for the write-ahead log");
}

#[test]
fn a_full_disk_takes_no_files_and_keeps_no_halves() {
    let name = "faults::disk::a_full_disk_takes_no_files_and_keeps_no_halves";
    with_own_mounts(name, async {
        let objects = tempfile::tempdir().unwrap();
        let disk = Disk::at(objects.path(), OBJECTS_MIB);
        let program = Program::fresh().with("LEDGERDESK_OBJECTS", objects.path().to_str().unwrap());
        let desk = Desk::with(with_all(program, &disk)).await;
        let client = desk.client();
        let first = upload(&client, 1).await.ok();
        disk.fill();
        let before = bytes_in(objects.path());
        for _ in 0..3 {
            let answer = upload(&client, 2).await;
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            assert_eq!(answer.refused(503), "unavailable");
        }
        assert_eq!(bytes_in(objects.path()), before, "halves of files take up room");
        client.open_ticket("Only files need that disk").await;
        disk.clear();
        let second = upload(&client, 2).await.ok();
        for (file, mib) in [(first, 1), (second, 2)] {
            assert_eq!(file["size"], content(mib).len(), "{file}");
        }
    });
}

async fn upload(client: &Client, mib: usize) -> Answer {
    let part = reqwest::multipart::Part::bytes(content(mib)).file_name("noise.bin");
    let form = reqwest::multipart::Form::new().part("file", part);
    client.send(client.request(Method::POST, "/api/v1/uploads").multipart(form)).await
}

/// So many MiB that cannot be made smaller.
fn content(mib: usize) -> Vec<u8> {
    let mut chance = Chance::seeded(mib as u64);
    (0..mib << 20).map(|_| u8::try_from(chance.below(256)).unwrap()).collect()
}

/// Bytes of all files in a folder, those of the test itself left out.
fn bytes_in(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => bytes_in(&entry.path()),
        false if entry.file_name() == "ballast" => 0,
        false => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}
