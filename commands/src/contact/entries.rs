//! E-mail addresses and phone numbers of a contact as they come in: sound, and each once.

use decider::Personal;

use crate::address::{checked, normalised};
use crate::limits::{ENTRIES_MAX, PHONE_CHARS_MAX};
use crate::refusal::{Checks, Fault};
use crate::text;

const INVALID_PHONE: Fault = Fault { code: "invalid_phone", message: "is not a phone number" };

pub fn checked_emails(emails: &[Personal<String>], checks: &mut Checks) -> Vec<String> {
    bound("emails", emails.len(), checks);
    let mut sound: Vec<String> = Vec::new();
    for (index, email) in emails.iter().take(ENTRIES_MAX).enumerate() {
        let email = checks.take(&format!("emails.{index}"), checked(&email.0));
        if sound.iter().all(|other| normalised(other) != normalised(&email)) {
            sound.push(email);
        }
    }
    sound
}

pub fn checked_phones(phones: &[Personal<String>], checks: &mut Checks) -> Vec<String> {
    bound("phones", phones.len(), checks);
    let mut sound: Vec<String> = Vec::new();
    for (index, phone) in phones.iter().take(ENTRIES_MAX).enumerate() {
        let phone = checks.take(&format!("phones.{index}"), checked_phone(&phone.0));
        if !sound.contains(&phone) {
            sound.push(phone);
        }
    }
    sound
}

fn checked_phone(phone: &str) -> Result<String, Fault> {
    let phone = text::line(phone, PHONE_CHARS_MAX)?;
    if phone.chars().any(|c| c.is_ascii_digit()) { Ok(phone) } else { Err(INVALID_PHONE) }
}

fn bound(field: &str, count: usize, checks: &mut Checks) {
    if count > ENTRIES_MAX {
        checks.fault(field, "too_many", "there are too many");
    }
}
