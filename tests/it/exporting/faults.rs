//! What goes wrong with copies: cut, altered, in the wrong place, with nobody who reads them. A clear answer, and nothing is lost.

use std::io::Read;
use std::process::Stdio;

use testkit::Program;

use super::desk::{Original, proven};

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cut_or_altered_says_where_and_the_next_one_goes_on() {
    let original = Original::start().await;
    let copy = std::fs::read(original.copy("copy.ndjson")).unwrap();
    let replica = original.empty_replica();
    let path = original.path("broken.ndjson");
    let mut reached = 0;
    for share in [3, 5, 8] {
        std::fs::write(&path, &copy[..copy.len() * share / 10]).unwrap();
        let told = replica.run(&["import", "ndjson", &path]).failed(1);
        assert!(told.contains("it was cut off") && told.contains("stopped at line"), "{told}");
        let now = proven(&replica)["commits"].as_u64().unwrap();
        assert!(now >= reached, "nothing is lost");
        reached = now;
    }
    assert!(reached > 0, "what was proven is kept");
    let events: Vec<usize> = copy
        .windows(10)
        .enumerate()
        .filter(|(_, window)| window.starts_with(b"{\"event\":"))
        .map(|(place, _)| place)
        .collect();
    let place = events[events.len() - 1] + 200;
    let mut altered = copy.clone();
    altered[place] ^= 2;
    std::fs::write(&path, &altered).unwrap();
    let line = copy[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
    let told = replica.run(&["import", "ndjson", &path]).failed(1);
    assert!(told.contains(&format!("stopped at line {line}")), "{told}");
    std::fs::write(&path, &copy).unwrap();
    replica.run(&["import", "ndjson", &path]).ok();
    assert_eq!(proven(&replica), proven(&original.program));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_key_file_nothing_is_begun() {
    let original = Original::start().await;
    let copy = original.copy("copy.ndjson");
    let bare = Program::fresh();
    let told = bare.run(&["import", "ndjson", &copy]).failed(1);
    assert!(told.contains("is not the key file of the installation"), "{told}");
    assert_eq!(std::fs::read_dir(bare.data()).unwrap().count(), 0, "nothing was made");
    let other = Program::fresh();
    other.run(&["log", "tail"]).ok();
    let told = other.run(&["import", "ndjson", &copy]).failed(1);
    assert!(told.contains("is not the key file of the installation"), "{told}");
    let nothing = original.path("nothing");
    std::fs::write(&nothing, "").unwrap();
    assert!(bare.run(&["import", "ndjson", &nothing]).failed(1).contains("nothing was changed"));
    std::fs::write(&nothing, "From somebody\nSubject: hello\n").unwrap();
    let told = bare.run(&["import", "ndjson", &nothing]).failed(1);
    assert!(told.contains("no line of a sealed copy"), "{told}");
    bare.run(&["import", "ndjson", &original.path("missing")]).failed(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copy_is_taken_in_beneath_a_running_server() {
    let original = Original::start().await;
    let copy = original.copy("copy.ndjson");
    let replica = original.empty_replica();
    replica.run(&["import", "ndjson", &copy]).ok();
    let serving = replica.serve();
    let told = replica.run(&["import", "ndjson", &copy]).failed(1);
    assert!(told.contains("stop it first"), "{told}");
    drop(serving);
    let told = replica.run(&["import", "ndjson", &copy]).ok();
    assert!(told.contains("0 events in 0 commits taken in"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_makes_a_failure_and_no_file_is_left_that_looks_whole() {
    let original = Original::start().await;
    for arguments in [&["export", "--sealed"][..], &["export"]] {
        let mut command = original.program.command(arguments);
        let mut export = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(export.stdout.take());
        let mut complaint = String::new();
        export.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!(export.wait().unwrap().code(), Some(1), "{complaint}");
        assert!(complaint.contains("could not be written"), "{complaint}");
        assert!(!complaint.contains("panicked"), "{complaint}");
    }
    let path = original.path("there.ndjson");
    std::fs::write(&path, "something else").unwrap();
    let told = original.program.run(&["export", "--out", &path]).failed(1);
    assert!(told.contains("is there already"), "{told}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "something else");
    let beyond = ["export", "--sealed", "--from", "99999"];
    let told = original.program.run(&beyond).failed(1);
    assert!(told.contains("there is no position 99999"), "{told}");
    original.program.run(&["export", "--sealed", "--ticket", "1"]).failed(2);
    original.program.run(&["export", "--with-keys"]).failed(2);
    original.program.run(&["export", "--type", "TicketBurnt"]).failed(1);
}
