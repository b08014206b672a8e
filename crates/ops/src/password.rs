//! Argon2id with the parameters OWASP recommends, a few at a time, so that signing in cannot exhaust memory.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::OpsError;

/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const AT_ONCE: usize = 2;
const WAITING_MAX: usize = 64;

/// A hash no password has, of the same cost: compared when there is no account, so that both answers take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    pub fn new() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING_MAX)),
        }
    }

    /// The hash to store, with its parameters and salt.
    pub async fn hash(&self, password: &str) -> Result<String, OpsError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(OpsError::PasswordTooLong);
        }
        let password = Zeroizing::new(password.to_owned());
        self.in_turn(move || {
            let hash =
                argon2()?.hash_password(password.as_bytes()).map_err(|_| OpsError::PasswordHash)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Which of the stored hashes the password fits. With none stored it takes the time of one.
    pub async fn find(
        &self,
        password: &str,
        stored: Vec<String>,
    ) -> Result<Option<usize>, OpsError> {
        let too_long = password.len() > PASSWORD_BYTES_MAX;
        let password = Zeroizing::new(if too_long { String::new() } else { password.to_owned() });
        self.in_turn(move || {
            let argon2 = argon2()?;
            if stored.is_empty() || too_long {
                fits(&argon2, &password, NOBODY)?;
                return Ok(None);
            }
            for (index, hash) in stored.iter().enumerate() {
                if fits(&argon2, &password, hash)? {
                    return Ok(Some(index));
                }
            }
            Ok(None)
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, OpsError> + Send + 'static,
    ) -> Result<T, OpsError> {
        let _place = self.places.try_acquire().map_err(|_| OpsError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| OpsError::Stopping)?;
        // The turn goes with the work: a caller who gives up does not let another one in early.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|_| OpsError::Stopping)?
    }
}

fn argon2() -> Result<Argon2<'static>, OpsError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| OpsError::PasswordHash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn fits(argon2: &Argon2<'_>, password: &str, stored: &str) -> Result<bool, OpsError> {
    let stored = PasswordHash::new(stored).map_err(|_| OpsError::PasswordHash)?;
    match argon2.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(OpsError::PasswordHash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::new();
        let one = passwords.hash("correct horse").await.unwrap();
        let two = passwords.hash("correct horse").await.unwrap();
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two);
        let other = passwords.hash("battery staple").await.unwrap();
        let stored = vec![other, one];
        assert_eq!(passwords.find("correct horse", stored.clone()).await.unwrap(), Some(1));
        assert_eq!(passwords.find("correct Horse", stored).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_unknown_account_costs_one_comparison_and_never_fits() {
        assert_eq!(Passwords::new().find("", Vec::new()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_endless_password_is_refused() {
        let passwords = Passwords::new();
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert!(matches!(passwords.hash(&long).await, Err(OpsError::PasswordTooLong)));
        let stored = vec![passwords.hash("").await.unwrap()];
        assert_eq!(passwords.find(&long, stored).await.unwrap(), None);
    }
}
