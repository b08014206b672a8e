//! Proving the log from the command line: against heads kept elsewhere, over all workspaces, with exit codes.

use sqlx::AssertSqlSafe;
use testkit::Program;

const ADD: [&str; 8] =
    ["user", "add", "--email", "ben@desk.example.org", "--name", "Ben", "--role", "agent"];

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_shows_against_a_head_kept_elsewhere() {
    let program = Program::fresh();
    let _serving = program.serve();
    program.run(&ADD).ok();
    let told = program.run(&["log", "head"]).ok();
    let json = program.run(&["log", "head", "--json"]).ok();
    let heads = program.data().join("heads");
    std::fs::write(&heads, format!("# kept\n{told}\n{json}\n")).unwrap();
    let path = heads.to_str().unwrap();
    let report = program.run(&["log", "verify", "--expect-heads", path, "--json"]).json();
    assert_eq!(
        (&report["findings"], &report["heads_compared"]),
        (&serde_json::json!([]), &2.into())
    );
    let head = told.split_whitespace().nth(1).unwrap();
    program.run(&["log", "verify", "--expect-head", head]).ok();

    let mut owner = program.owner().await;
    for table in ["event", "command", "claim", "commit"] {
        let newest = "(select max(no) from es.commit)";
        let rows = match table {
            "event" => format!("pos >= (select first_pos from es.commit where no = {newest})"),
            _ => format!("no = {newest}"),
        };
        let statement = AssertSqlSafe(format!("delete from es.{table} where {rows}"));
        sqlx::query(statement).execute(&mut owner).await.unwrap();
    }
    let alone = program.run(&["log", "verify"]);
    assert_eq!(alone.code, 0, "a chain by itself cannot tell: {}", alone.stdout);
    for arguments in [["--expect-head", head], ["--expect-heads", path]] {
        let output = program.run(&[&["log", "verify"], &arguments[..]].concat());
        assert_eq!(output.code, 3, "{}", output.stdout);
        assert!(output.stdout.contains("its end was cut off"), "{}", output.stdout);
    }
    std::fs::write(&heads, "nonsense\n").unwrap();
    program.run(&["log", "verify", "--expect-heads", path]).failed(2);
    program.run(&["log", "verify", "--expect-head", "12"]).failed(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_workspace_that_is_not_there_any_more_are_a_difference() {
    let program = Program::fresh();
    let _serving = program.serve();
    let before = program.run(&["log", "verify", "--json"]).json();
    let mut owner = program.owner().await;
    let other = "01a20000-0000-7000-8000-000000000001";
    let open = AssertSqlSafe(format!("select es.open_workspace('{other}')"));
    sqlx::query(open).execute(&mut owner).await.unwrap();
    let lines = program.run(&["log", "verify", "--json"]).ok();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let only = program.run(&["log", "verify", "--workspace", other, "--json"]).json();
    assert_eq!((&only["workspace"], &only["events"]), (&other.into(), &0.into()));
    let head = format!("1:{}", "0".repeat(64));
    program.run(&["log", "verify", "--expect-head", &head]).failed(2);
    let workspace = before["workspace"].as_str().unwrap();
    let delete = AssertSqlSafe(format!("delete from es.workspace where ws = '{workspace}'"));
    sqlx::query(delete).execute(&mut owner).await.unwrap();
    let output = program.run(&["log", "verify"]);
    assert_eq!(output.code, 3, "{}", output.stdout);
    assert!(output.stdout.contains(workspace), "{}", output.stdout);
    assert!(output.stdout.contains("own row is missing"), "{}", output.stdout);
}
