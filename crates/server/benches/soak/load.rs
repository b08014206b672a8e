//! Many people at once: as fast as it goes to measure the capacity, then at a rate that does not care how long answers take.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use decider::{Actor, CommandId, WorkspaceId};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;

use crate::act::{Act, Change, Kind};
use crate::desk::Desk;
use crate::http::{Answer, Ask, Client};
use crate::journal::{Ack, Journal};
use crate::world::World;

/// How many requests may be under way; more wait, and their time counts.
const UNDER_WAY_MAX: usize = 384;
/// So many callers without pause measure the capacity.
const CALLERS: [usize; 3] = [8, 32, 64];
const CONTACTS: usize = 300;

/// Everybody who asks.
#[derive(Clone)]
pub struct Load {
    shared: Arc<Shared>,
}

struct Shared {
    ws: WorkspaceId,
    address: String,
    journal: Arc<Journal>,
    world: Mutex<World>,
    idle: Mutex<Vec<Client>>,
    under_way: Semaphore,
}

impl Load {
    /// A desk with contacts and so many tickets.
    pub async fn prepare(desk: &Desk, journal: Arc<Journal>, tickets: usize) -> Self {
        let world = World::new(desk.people.agents.clone(), crate::number("SEED", 1));
        let load = Self {
            shared: Arc::new(Shared {
                ws: desk.people.ws,
                address: desk.address.clone(),
                journal,
                world: Mutex::new(world),
                idle: Mutex::default(),
                under_way: Semaphore::new(UNDER_WAY_MAX),
            }),
        };
        load.contacts_and_statuses(desk).await;
        let callers = (0..16).map(async |caller| {
            for _ in (caller..tickets).step_by(16) {
                let act = load.world().act(Kind::Create);
                load.perform(act, Instant::now()).await;
            }
        });
        join_all(callers).await;
        load
    }

    /// How many tickets there are.
    pub fn tickets(&self) -> u64 {
        self.world().made
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        let busy = UNDER_WAY_MAX - self.shared.under_way.available_permits();
        busy + self.shared.idle.lock().unwrap().len()
    }

    /// The most requests in a second, with any number of callers.
    pub async fn capacity(&self, each: Duration, stop: &Receiver<bool>) -> f64 {
        let mut best = 0.0_f64;
        for callers in CALLERS {
            let started = Instant::now();
            let caller = async || {
                let mut count = 0_u32;
                while started.elapsed() < each && !*stop.borrow() {
                    let act = self.world().next();
                    self.perform(act, Instant::now()).await;
                    count += 1;
                }
                count
            };
            let counts = join_all((0..callers).map(|_| caller())).await;
            let rate = f64::from(counts.iter().sum::<u32>()) / started.elapsed().as_secs_f64();
            eprintln!("{callers} callers without pause: {rate:.0} requests/s");
            best = best.max(rate);
        }
        best
    }

    /// Asks at a rate, whether or not earlier requests were answered; ends when the last one was.
    pub async fn paced(&self, rate: f64, within: Duration, mut stop: Receiver<bool>) {
        let started = Instant::now();
        let mut due = Duration::ZERO;
        let mut tasks = tokio::task::JoinSet::new();
        while due < within && !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep_until((started + due).into()) => {}
                _ = stop.changed() => break,
            }
            // The timer is coarse: everything that is due by now is sent at once, each with its own time.
            while due < started.elapsed() && due < within {
                let (load, at) = (self.clone(), started + due);
                tasks.spawn(async move {
                    let act = load.world().next();
                    load.perform(act, at).await;
                });
                due += Duration::from_secs_f64(self.world().pause(rate));
            }
            while tasks.try_join_next().is_some() {}
        }
        while tasks.join_next().await.is_some() {}
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap()
    }

    async fn contacts_and_statuses(&self, desk: &Desk) {
        let mut client = Client::connect(&desk.address).await.unwrap();
        for index in 0..CONTACTS {
            let mut ask = Ask::get("/api/v1/contacts", &desk.people.admin.token);
            ask.method = "POST";
            let email = format!("person{index}@customer.example.org");
            ask.body = json!({"name": format!("Person {index}"), "emails": [email]}).to_string();
            let made = client.send(&ask).await.unwrap().json().unwrap();
            let id = made["id"].as_str().unwrap().to_owned();
            self.world().contacts.push(id);
        }
        let pipelines = desk.ask("/api/v1/pipelines").await.unwrap();
        let all = pipelines["items"].as_array().unwrap();
        let default = all.iter().find(|pipeline| pipeline["default"] == true).unwrap();
        let statuses = default["statuses"].as_array().unwrap().iter();
        let place = |status: &Value| {
            (status["id"].as_str().unwrap().to_owned(), status["category"] == "closed")
        };
        self.world().statuses = statuses.map(place).collect();
    }

    /// Sends a request that was due at an instant, and notes what came of it.
    async fn perform(&self, act: Act, due: Instant) {
        let permit = self.shared.under_way.acquire().await.unwrap();
        let answer = self.send(&act.ask).await;
        let took = due.elapsed();
        let told = answer.and_then(|answer| answer.json().map(|body| (answer, body)));
        match told {
            Ok((answer, body)) => {
                self.shared.journal.answered(act.kind, took);
                if answer.stale {
                    self.shared.journal.stale();
                }
                self.accepted(act, &answer, &body).await;
            }
            Err(why) => {
                let (method, path) = (act.ask.method, &act.ask.path);
                self.shared.journal.failed(&format!("{method} {path}: {why}"));
                self.world().done(act, None);
            }
        }
        drop(permit);
    }

    async fn accepted(&self, act: Act, answer: &Answer, body: &Value) {
        if act.change == Change::Nothing {
            return;
        }
        let (Some(position), Some(key)) = (answer.position, &act.ask.key) else {
            return self
                .shared
                .journal
                .failed(&format!("{}: accepted without a position", act.ask.path));
        };
        let actor = Actor::user(self.world().agents[act.agent].id.0);
        let command = CommandId::from_key(self.shared.ws, actor, key).0;
        let exact = act.change != Change::DraftSaved;
        self.shared.journal.acknowledged(Ack { command, position, exact });
        let repeats = self.world().repeats(&act);
        if repeats {
            let again = self.send(&act.ask).await;
            match again.and_then(|again| again.json().map(|body| (again, body))) {
                Ok((again, said)) if again.position == answer.position && said == *body => {
                    self.shared.journal.repeated();
                }
                Ok((_, said)) => {
                    let what = format!("{}: a repeat answers {said} after {body}", act.ask.path);
                    self.shared.journal.failed(&what);
                }
                Err(why) => {
                    self.shared.journal.failed(&format!("{}: a repeat: {why}", act.ask.path));
                }
            }
        }
        self.world().done(act, Some((answer, body)));
    }

    async fn send(&self, ask: &Ask) -> Result<Answer, String> {
        let kept = {
            let mut idle = self.shared.idle.lock().unwrap();
            idle.retain(Client::is_fresh);
            idle.pop()
        };
        let mut client = match kept {
            Some(client) => client,
            None => Client::connect(&self.shared.address).await?,
        };
        let answer = client.send(ask).await?;
        self.shared.idle.lock().unwrap().push(client);
        Ok(answer)
    }
}
