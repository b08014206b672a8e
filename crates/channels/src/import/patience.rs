//! Trying again when the database or the object store is away for a moment: slower each time, and not for ever.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// After so long it is given up.
const TOTAL_MAX: Duration = Duration::from_secs(120);

/// Repeats an attempt as long as its failure may pass.
pub async fn patiently<T, E, F>(
    mut attempt: impl FnMut() -> F,
    may_pass: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) && started.elapsed() + pause < TOTAL_MAX => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_what_may_not_is_not() {
        let tries = Cell::new(0);
        let third_time = || async {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err("busy") } else { Ok(tries.get()) }
        };
        assert_eq!(patiently(third_time, |error| *error == "busy").await, Ok(3));
        tries.set(0);
        assert_eq!(patiently(third_time, |error| *error == "away").await, Err("busy"));
        assert_eq!(tries.get(), 1);
    }
}
