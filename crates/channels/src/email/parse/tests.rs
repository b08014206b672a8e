//! What must hold for any mail, on invented samples of the hard kinds.

use proptest::prelude::*;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/", $name)).as_slice()
    };
}

fn now() -> Timestamp {
    "2026-03-20T12:00:00Z".parse().unwrap()
}

fn read_mail(raw: impl AsRef<[u8]>) -> ParsedMail {
    parse(raw.as_ref(), now())
}

fn with_header(line: &str) -> ParsedMail {
    read_mail(format!("From: anna@example.org\n{line}\n\nHello\n"))
}

fn names(mail: &ParsedMail) -> Vec<&str> {
    mail.attachments.iter().map(|attachment| attachment.name.as_str()).collect()
}

#[test]
fn bytes_that_are_not_of_the_declared_charset_are_still_read() {
    let mail = read_mail(fixture!("broken-charset.eml"));
    assert_eq!(mail.subject.as_deref(), Some("Ärger mit der Rechnung"));
    assert_eq!(mail.from.unwrap().name.as_deref(), Some("Jürgen Weber"));
    assert_eq!(mail.text.as_deref(), Some("Die Rechnung für März ist falsch.\n"));
    assert_eq!(mail.problems, ["bad_charset"]);
}

#[test]
fn a_file_name_in_segments_is_put_together_though_a_character_is_cut_in_two() {
    let mail = read_mail(fixture!("rfc2231-name.eml"));
    assert_eq!(names(&mail), ["Übersicht – Strasse.pdf"]);
    assert_eq!(mail.attachments[0].bytes, b"%PDF-1.4 not really");
    assert_eq!(mail.text.as_deref(), Some("Here it is."));
}

#[test]
fn encoded_words_are_read_in_names_and_subjects() {
    let mail = read_mail(fixture!("encoded-words.eml"));
    assert_eq!(mail.from.unwrap().name.as_deref(), Some("Jørgen Ås"));
    assert_eq!(mail.to[0].name.as_deref(), Some("Kundenservice für Köln"));
    assert_eq!(
        mail.to[1],
        Address { name: Some("Berg, Mia".into()), email: "mia@example.org".into() }
    );
    assert_eq!(mail.subject.as_deref(), Some("予約の変更について"));
    assert_eq!(mail.text.as_deref(), Some("変更をお願いします。\n"));
    assert_eq!(mail.date.unwrap().to_string(), "2026-03-02T23:00:00Z");
}

#[test]
fn a_mail_inside_a_mail_is_an_attachment_with_its_bytes_intact() {
    let raw = fixture!("nested.eml");
    let mail = read_mail(raw);
    assert_eq!(names(&mail), ["Delivery is late.eml"]);
    assert_eq!(mail.text.as_deref(), Some("See the attached mail.\n"));
    let inner = &mail.attachments[0].bytes;
    assert!(raw.windows(inner.len()).any(|window| window == inner));
    let inner = read_mail(inner);
    assert_eq!(inner.message_id.as_deref(), Some("inner@example.net"));
    assert_eq!(inner.attachments[0].bytes, [0, 1, 2, 3, 4]);
}

#[test]
fn a_missing_id_and_a_bad_date_are_named() {
    let mail = read_mail(fixture!("no-message-id.eml"));
    assert_eq!((mail.message_id, mail.date), (None, None));
    assert_eq!(mail.problems, ["no_message_id", "bad_date"]);
    assert!(mail.parsed);
}

#[test]
fn the_first_of_several_ids_counts_and_references_are_unfolded() {
    let mail = read_mail(fixture!("several-message-ids.eml"));
    assert_eq!(mail.message_id.as_deref(), Some("first@example.org"));
    assert_eq!(mail.in_reply_to, ["asked@example.com"]);
    assert_eq!(mail.references, ["start@example.com", "asked@example.com"]);
    assert_eq!(mail.problems, ["several_message_ids"]);
}

#[test]
fn an_invitation_is_text_and_an_attachment() {
    let mail = read_mail(fixture!("calendar.eml"));
    assert_eq!(mail.text.as_deref(), Some("Shall we talk on Monday?"));
    assert_eq!(names(&mail), ["invite.ics"]);
    assert!(mail.attachments[0].bytes.starts_with(b"BEGIN:VCALENDAR\r\n"));
}

#[test]
fn a_signature_is_kept_byte_for_byte() {
    let mail = read_mail(fixture!("smime.eml"));
    let text = "Ten boxes, 120 € each, this is a long line that is broken by the encoding.";
    assert_eq!(mail.text.as_deref(), Some(text));
    assert_eq!(names(&mail), ["smime.p7s"]);
    assert_eq!(mail.attachments[0].bytes, (0..48).collect::<Vec<u8>>());
    assert_eq!(mail.problems, [""; 0]);
}

#[test]
fn winmail_dat_is_kept_and_named() {
    let mail = read_mail(fixture!("winmail.eml"));
    assert_eq!(mail.text.as_deref(), Some("Протокол во вложении."));
    assert_eq!(names(&mail), ["winmail.dat"]);
    assert_eq!(mail.problems, ["winmail_dat"]);
}

#[test]
fn of_alternatives_text_and_html_are_kept_and_the_shown_picture_is_inline() {
    let mail = read_mail(fixture!("alternative.eml"));
    assert_eq!(mail.text.as_deref(), Some("This is what I see: [picture]"));
    assert!(
        mail.html.unwrap().starts_with("<p>This is what I see: <img src=\"cid:shot@example.org\"")
    );
    assert_eq!(mail.attachments[0].content_id.as_deref(), Some("shot@example.org"));
    assert!(mail.attachments[0].inline);
    assert_eq!(mail.attachments[0].name, "image.png");
}

#[test]
fn html_alone_gives_a_text() {
    let mail = read_mail(fixture!("html-only.eml"));
    let text = "Hello support,\n\norder 4711 costs 12 €.\nPlease check.\n\n> What did you order?";
    assert_eq!(mail.text.as_deref(), Some(text));
    assert!(mail.html.unwrap().contains("<script>alert(1)</script>"));
    assert_eq!(mail.from.unwrap().name.as_deref(), Some("Shop, Example"));
}

#[test]
fn the_footer_of_a_list_is_joined_and_its_mail_is_not_automatic() {
    let mail = read_mail(fixture!("list-footer.eml"));
    let text = mail.text.unwrap();
    assert!(text.starts_with("The export fails.\n\n____"));
    let html = mail.html.unwrap();
    assert!(
        html.starts_with("<p>The export fails.</p>")
            && html.contains("users mailing list &lt;users@")
    );
    assert_eq!(mail.automatic, None);
}

#[test]
fn a_bounce_is_a_delivery_report() {
    let mail = read_mail(fixture!("bounce.eml"));
    assert_eq!(mail.automatic, Some(AutomaticReason::DeliveryReport));
    assert_eq!(names(&mail), ["delivery-status.txt", "headers.txt"]);
}

#[test]
fn machines_are_told_from_people() {
    let reason = |line: &str| with_header(line).automatic.map(AutomaticReason::code);
    assert_eq!(reason("Auto-Submitted: auto-replied; owner=x"), Some("auto_submitted"));
    assert_eq!(reason("Auto-Submitted: no"), None);
    assert_eq!(reason("Precedence: bulk"), Some("precedence"));
    assert_eq!(reason("Precedence: auto_reply\nList-Id: <x.example.org>"), Some("precedence"));
    assert_eq!(reason("Precedence: list"), None);
    assert_eq!(reason("List-Id: <x.example.org>"), None);
    assert_eq!(
        reason("X-Auto-Response-Suppress: DR, OOF, AutoReply"),
        Some("auto_response_suppress")
    );
    assert_eq!(reason("X-Auto-Response-Suppress: DR, RN"), None);
    assert_eq!(reason("Return-Path: <>"), Some("empty_return_path"));
    assert_eq!(reason("Return-Path: <anna@example.org>"), None);
}

#[test]
fn nul_never_reaches_the_text() {
    let mail = read_mail(fixture!("nul.eml"));
    assert_eq!(mail.text.as_deref(), Some("Toner\u{FFFD} is low.\n"));
    assert_eq!(mail.subject.as_deref(), Some("Toner low"));
}

#[test]
fn what_is_not_a_mail_is_unparsable() {
    for raw in
        [fixture!("not-a-mail.eml"), b"", b"\r\n\r\n", b"Dear all,\nnote: this is a letter\n"]
    {
        let mail = read_mail(raw);
        assert!(!mail.parsed);
        assert_eq!(mail.problems, ["unparsable"]);
    }
}

#[test]
fn a_date_far_from_now_is_left_out() {
    let date = |value: &str| {
        let mail = with_header(&format!("Date: {value}"));
        (mail.date.map(|date| date.to_string()), mail.problems.contains(&"implausible_date"))
    };
    assert_eq!(date("Sun, 31 Dec 1989 23:59:59 +0000"), (None, true));
    assert_eq!(
        date("Sun, 22 Mar 2026 12:00:00 +0000"),
        (Some("2026-03-22T12:00:00Z".into()), false)
    );
    assert_eq!(date("Sun, 22 Mar 2026 12:00:01 +0000"), (None, true));
    assert_eq!(date("20 Mar 26 07:00 EST"), (Some("2026-03-20T12:00:00Z".into()), false));
    assert_eq!(date("99 Foo 2026 30:00:00"), (None, false));
}

#[test]
fn an_endless_subject_is_cut() {
    for filler in ["x", "=?", "=?a?q?", "é", "=?utf-8?Q?=C3=A9?= "] {
        let mail = with_header(&format!("Subject: {}", filler.repeat(1_000_000 / filler.len())));
        assert!(mail.problems.contains(&"long_subject"));
        assert_eq!(mail.subject.unwrap().chars().count(), 2_000);
    }
}

#[test]
fn ten_thousand_recipients_are_read() {
    let list: Vec<String> =
        (0..10_000).map(|n| format!("\"=?utf-8?Q?N=C3=B6?=, {n}\" <n{n}@example.org>")).collect();
    let mail = with_header(&format!("To: {}\nCc: {}", list.join(",\n "), "=?a?q?".repeat(100_000)));
    assert_eq!(mail.to.len(), 10_000);
    assert_eq!(
        mail.to[9_999],
        Address { name: Some("Nö, 9999".into()), email: "n9999@example.org".into() }
    );
}

#[test]
fn parts_within_parts_are_bounded() {
    let open: String = (0..5_000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"))
        .collect();
    let mail =
        read_mail(format!("From: anna@example.org\n{open}Content-Type: text/plain\n\ndeep\n"));
    assert!(mail.problems.contains(&"too_deep"));
    assert!(mail.text.unwrap().contains("deep"));
    let nested = "Content-Type: message/rfc822\n\n".repeat(100_000);
    assert_eq!(read_mail(format!("From: anna@example.org\n{nested}")).attachments.len(), 1);
    let wide = "--b\n\nx\n".repeat(10_000);
    let mail = read_mail(format!(
        "From: anna@example.org\nContent-Type: multipart/mixed; boundary=b\n\n{wide}"
    ));
    assert!(mail.problems.contains(&"too_many_parts"));
}

#[test]
fn damaged_base64_gives_what_can_be_saved() {
    let mail = read_mail(
        "From: anna@example.org\nContent-Type: application/pdf; name=a.pdf\n\
         Content-Transfer-Encoding: base64\n\nSGVs!!bG8=\nIQ==\nA",
    );
    assert_eq!(mail.attachments[0].bytes, b"Hello!");
    assert!(mail.problems.contains(&"bad_encoding"));
}

#[test]
fn a_multipart_without_its_boundary_is_read_as_text() {
    let mail = with_header("Content-Type: multipart/mixed; boundary=never");
    assert_eq!(mail.text.as_deref(), Some("Hello\n"));
    assert_eq!(mail.problems.last(), Some(&"bad_multipart"));
}

#[test]
fn mails_within_mails_up_to_the_limit_are_dropped_without_harm() {
    let nested = "Content-Type: message/rfc822\n\n".repeat(500);
    let mail = read_mail(format!("From: anna@example.org\n{nested}Subject: inmost\n\nHello\n"));
    assert_eq!(mail.attachments.len(), 1);
    assert!(mail.attachments[0].bytes.ends_with(b"Subject: inmost\n\nHello\n"));
    assert!(!mail.problems.contains(&"too_deep"));
}

#[test]
fn of_a_mail_that_breaks_off_everything_that_came_is_read() {
    let start = "From: anna@example.org\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
    let mail = read_mail(format!(
        "{start}Content-Type: text/html\n\n<p>Hi</p>\n--b\nContent-Type: image/png\n\
         Content-Transfer-Encoding: base64 (sic)\n\nSGVsbG8h"
    ));
    assert_eq!(mail.html.as_deref(), Some("<p>Hi</p>"));
    assert_eq!(mail.attachments[0].bytes, b"Hello!");
    let mail = read_mail(format!(
        "{start}Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\n5 =E2=82=AC"
    ));
    assert_eq!(mail.text.as_deref(), Some("5 \u{20ac}"));
    assert!(mail.attachments.is_empty());
}

#[test]
fn text_of_an_old_or_wrong_kind_is_read() {
    for kind in ["text", "text/markdown", "text/plain; charset=us-ascii"] {
        let mail = with_header(&format!("Content-Type: {kind}\n\nGr\u{fc}\u{df}e"));
        assert_eq!(mail.text.as_deref(), Some("Gr\u{fc}\u{df}e\n\nHello\n"), "{kind}");
    }
}

#[test]
fn names_cannot_disguise_themselves() {
    let mail = read_mail(
        "From: \"Anna\u{202E}gro.elpmaxe\" <anna@example.org>\nTo: an\u{200B}na@example.org\n\
         Subject: a\u{2066}b \u{200D}c\nContent-Type: application/x; name=\"..\\\\..\\\\bad\u{202E}fdp.exe\"\n\n.",
    );
    assert_eq!(mail.from.clone().unwrap().name.as_deref(), Some("Annagro.elpmaxe"));
    assert_eq!(mail.subject.as_deref(), Some("ab \u{200D}c"));
    assert_eq!(names(&mail), ["badfdp.exe"]);
    assert!(mail.to.is_empty() && mail.problems.contains(&"bad_address"));
}

#[test]
fn senders_are_read_in_the_forms_they_come_in() {
    let from = |value: &str| {
        read_mail(format!("From: {value}\n\n.")).from.map(|a| (a.name.unwrap_or_default(), a.email))
    };
    let anna = |name: &str| Some((name.to_owned(), "anna@example.org".to_owned()));
    assert_eq!(from("anna@example.org"), anna(""));
    assert_eq!(from("anna@example.org (Anna)"), anna("Anna"));
    assert_eq!(from("=?utf-8?Q?Anna_<anna@example.org>?="), anna("Anna"));
    assert_eq!(from("\"anna@example.com\" <anna@example.org>"), anna("anna@example.com"));
    assert_eq!(from("root"), None);
    assert_eq!(from("undisclosed-recipients:;"), None);
}

#[test]
fn a_header_folded_without_indenting_and_a_missing_empty_line_are_forgiven() {
    let mail = read_mail(
        "From: anna@example.org\nSubject: one\ntwo\nTo: b@example.org\nHello there\nyou\n",
    );
    assert_eq!(mail.subject.as_deref(), Some("one two"));
    assert_eq!(mail.text.as_deref(), Some("Hello there\nyou\n"));
}

#[test]
fn an_attached_text_is_not_read_out() {
    let mail = with_header(
        "Content-Type: text/plain; charset=iso-8859-1\nContent-Disposition: attachment; filename=\"a/b.txt\"\n\n\u{fc}",
    );
    assert_eq!(mail.text, None);
    assert_eq!(names(&mail), ["b.txt"]);
    assert!(mail.attachments[0].bytes.starts_with("\u{fc}".as_bytes()));
}

fn no_nul(mail: &ParsedMail) -> bool {
    let texts = [&mail.subject, &mail.text, &mail.html, &mail.message_id];
    let addresses = mail.from.iter().chain(&mail.to);
    texts.into_iter().flatten().all(|text| !text.contains('\0'))
        && addresses.flat_map(|a| a.name.iter().chain([&a.email])).all(|text| !text.contains('\0'))
        && mail.attachments.iter().all(|a| !a.name.contains('\0') && !a.media_type.contains('\0'))
        && mail.in_reply_to.iter().chain(&mail.references).all(|id| !id.contains('\0'))
}

proptest! {
    #[test]
    fn any_bytes_are_read(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(no_nul(&read_mail(raw)));
    }

    #[test]
    fn any_bytes_in_every_field_are_read(
        value in proptest::collection::vec(prop_oneof![any::<u8>(), proptest::sample::select(b"<>@\"=?;:,()\\*'%\n \0".as_slice())], 0..80),
        body in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut raw = Vec::new();
        for name in ["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Disposition", "Content-ID", "Content-Type"] {
            raw.extend_from_slice(name.as_bytes());
            raw.extend_from_slice(b": ");
            raw.extend_from_slice(&value);
            raw.push(b'\n');
        }
        raw.push(b'\n');
        raw.extend_from_slice(&body);
        let mail = read_mail(raw);
        prop_assert!(mail.parsed && no_nul(&mail));
    }

    #[test]
    fn damage_anywhere_in_a_mail_is_survived(at in 0_usize..600, byte in any::<u8>()) {
        for raw in [fixture!("nested.eml"), fixture!("rfc2231-name.eml"), fixture!("encoded-words.eml"), fixture!("bounce.eml")] {
            let mut raw = raw.to_vec();
            let at = at.min(raw.len() - 1);
            raw[at] = byte;
            prop_assert!(no_nul(&read_mail(&raw)));
            prop_assert!(no_nul(&read_mail(&raw[..at])));
        }
    }

    #[test]
    fn an_attachment_survives_its_journey(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
        let mail = with_header(&format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHi\n--b\nContent-Type: image/png\n\
             Content-Transfer-Encoding: base64\n\n{}\n--b--\n", lines.join("\r\n")));
        prop_assert_eq!(&mail.attachments[0].bytes, &bytes);
    }
}
