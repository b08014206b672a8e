//! What tests of builds share: a log of some commits, and what the table of builds says.

use decider::LogPosition;
use event_store::log::LogReader;
use event_store::projection::rebuild::{Build, BuildState, Workshop, builds};
use event_store::projection::{ProjectionType, read_rows_of};
use uuid::Uuid;

use crate::database::{Database, Raw, raw};
use crate::toy::{Toy, ToyEvent, ToyRows};

pub type View = Toy<false>;

/// The note that [`Database::fill`] adds in a commit.
pub fn note(commit: u32) -> Uuid {
    Uuid::from_u128(0xA07E_0000 + u128::from(commit))
}

pub fn view() -> ProjectionType {
    ProjectionType::of::<View>()
}

impl Database {
    pub fn workshop(&self) -> Workshop {
        Workshop::new(LogReader::new(self.pool.clone()), self.pool.clone(), None).in_batches_of(7)
    }

    pub async fn rows_of(&self, build: u32) -> ToyRows {
        let mut connection = self.pool.acquire().await.unwrap();
        read_rows_of::<View>(&mut connection, self.ws, &view().at_build(build)).await.unwrap()
    }

    pub async fn builds(&self) -> Vec<Build> {
        let mut all = builds(&self.pool).await.unwrap();
        all.retain(|build| build.name == "toy");
        all
    }

    pub async fn states(&self) -> Vec<(u32, BuildState)> {
        self.builds().await.iter().map(|build| (build.build, build.state)).collect()
    }

    /// Streams that begin, go on and end in commits of different sizes; some rows are taken away and come again.
    pub async fn fill(&mut self, commits: u32) {
        for n in 0..commits {
            let (stream, by) = (u128::from(n % 5 + n / 20 * 5), Uuid::from_u128(u128::from(n % 3)));
            let mut events: Vec<Raw> = Vec::new();
            if n % 20 < 5 {
                events.push(raw(stream, &ToyEvent::Made { label: format!("é\0 {n}") }));
            }
            events.push(raw(stream, &ToyEvent::Put { count: i64::from(n) }));
            let tags = vec!["a \"b\"".to_owned(), String::new()];
            events.push(raw(stream, &ToyEvent::Marked { by, tags }));
            if n % 4 == 0 {
                events.push(raw(stream, &ToyEvent::Unmarked { by }));
            }
            if n % 3 == 0 {
                events.push(raw(stream, &ToyEvent::Noted { note: note(n) }));
            }
            self.commit_here(&events).await;
        }
    }

    pub async fn catch_up(&self) {
        self.projector().catch_up().await.unwrap();
    }
}

impl Database {
    pub async fn fill_more(&mut self, commits: &mut u32) {
        *commits += 1;
        let stream = u128::from(*commits) + 1_000;
        let made = ToyEvent::Made { label: "later".to_owned() };
        self.commit_here(&[raw(stream, &made), raw(1, &ToyEvent::Put { count: 1 })]).await;
    }

    pub async fn head(&self) -> LogPosition {
        LogReader::new(self.pool.clone()).head(self.ws).await.unwrap().position
    }
}
