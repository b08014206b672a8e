//! What the bank must answer, written down a second time without a log, and random commands for it.

use std::collections::HashMap;

use rand::RngExt;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::bank::Bank;

/// Accounts, names, limit: what the rules of the toy domain ask about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub accounts: HashMap<Uuid, (i64, String)>,
    pub names: HashMap<String, Uuid>,
    pub limit: i64,
    pub opened: u64,
}

impl Model {
    /// What the bank answers, written down a second time without the log.
    pub fn decide(&mut self, command: &Bank) -> (&'static str, usize) {
        match command {
            Bank::Open { id, name, .. } => {
                if self.accounts.contains_key(id) {
                    return ("exists", 0);
                }
                if self.names.contains_key(name) {
                    return ("name_taken", 0);
                }
                self.accounts.insert(*id, (0, String::new()));
                self.names.insert(name.clone(), *id);
                self.opened += 1;
                ("accepted", 1)
            }
            Bank::Deposit { id, amount } => match self.accounts.get_mut(id) {
                None => ("unknown", 0),
                Some(_) if self.limit > 0 && *amount > self.limit => ("over_limit", 0),
                Some(account) => {
                    account.0 += amount;
                    ("accepted", usize::from(*amount != 0))
                }
            },
            Bank::Withdraw { id, amount } => match self.accounts.get_mut(id) {
                None => ("unknown", 0),
                Some(account) if account.0 < *amount => ("overdrawn", 0),
                Some(account) => {
                    account.0 -= amount;
                    ("accepted", 1)
                }
            },
            Bank::Transfer { from, to, amount } => {
                match self.accounts.get(from) {
                    None => return ("unknown", 0),
                    Some(account) if account.0 < *amount => return ("overdrawn", 0),
                    Some(_) => {}
                }
                if !self.accounts.contains_key(to) {
                    return ("unknown", 0);
                }
                self.accounts.get_mut(from).unwrap().0 -= amount;
                self.accounts.get_mut(to).unwrap().0 += amount;
                ("accepted", 2)
            }
            Bank::Label { id, label } => match self.accounts.get_mut(id) {
                None => ("unknown", 0),
                Some(account) if account.1 == *label => ("accepted", 0),
                Some(account) => {
                    account.1.clone_from(label);
                    ("accepted", 1)
                }
            },
            Bank::GiveBackName { name } => {
                self.names.remove(name);
                ("accepted", 0)
            }
            Bank::SetLimit { limit } => {
                self.limit = *limit;
                ("accepted", 1)
            }
            Bank::CheckOwner { .. }
            | Bank::PeekRules { .. }
            | Bank::MakeRules { .. }
            | Bank::Rename { .. }
            | Bank::Collect { .. }
            | Bank::Panic => unreachable!("not generated"),
        }
    }
}

pub fn random_command(random: &mut StdRng, ids: &[Uuid]) -> Bank {
    let id = ids[random.random_range(0..ids.len())];
    let other = ids[random.random_range(0..ids.len())];
    let name = format!("name {}", random.random_range(0..ids.len() * 2));
    match random.random_range(0..100) {
        0..20 => Bank::open(id, &name),
        20..50 => Bank::Deposit { id, amount: random.random_range(0..20) },
        50..75 => Bank::Withdraw { id, amount: random.random_range(1..20) },
        75..87 if id != other => {
            Bank::Transfer { from: id, to: other, amount: random.random_range(1..10) }
        }
        75..94 => Bank::Label { id, label: format!("{}", random.random_range(0..3)) },
        94..98 => Bank::GiveBackName { name },
        _ => Bank::SetLimit { limit: random.random_range(0..25) },
    }
}
