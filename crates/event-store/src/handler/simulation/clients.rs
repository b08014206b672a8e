//! Those who send commands, again and again until they are answered, and write down what they saw.

use std::sync::Arc;
use std::time::Duration;

use decider::{Actor, CommandId, EventContext, LogPosition};
use tokio::time::sleep;
use uuid::Uuid;

use super::bank::Bank;
use super::bank_model::random_command;
use super::nodes::Nodes;
use super::world::World;
use crate::handler::{Accepted, HandleError, Request};

/// A command and its answer, with the number of commits in the log when it was first sent, sent for the last time, and answered.
#[derive(Debug)]
pub struct Seen {
    pub id: CommandId,
    pub command: Bank,
    pub first_sent: u64,
    pub last_sent: u64,
    pub answered: u64,
    pub answer: Answer,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Accepted(LogPosition),
    Refused(&'static str),
}

/// One client: a number of commands, one after the other; now and then an old one again.
pub async fn run(world: Arc<World>, nodes: Arc<Nodes>, ids: Vec<Uuid>, count: usize) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for _ in 0..count {
        if !seen.is_empty() && world.below(10) == 0 {
            let again = usize::try_from(world.below(seen.len() as u64)).unwrap();
            let (id, command) = (seen[again].id, seen[again].command.clone());
            seen.push(ask(&world, &nodes, id, command).await);
            continue;
        }
        let mut command = world.with_random(|random| random_command(random, &ids));
        if let Bank::Open { owner, .. } = &mut command {
            *owner = None; // there are no keys here
        }
        seen.push(ask(&world, &nodes, CommandId(world.id()), command).await);
        if world.below(3) == 0 {
            sleep(Duration::from_millis(world.below(50))).await;
        }
    }
    seen
}

async fn ask(world: &Arc<World>, nodes: &Nodes, id: CommandId, command: Bank) -> Seen {
    let first_sent = world.log().head().commit;
    loop {
        let last_sent = world.log().head().commit;
        let request = Request {
            ws: world.ws,
            id,
            body: b"body".to_vec(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command.clone()),
        };
        let answer = match nodes.any(world).handler.handle(request).await {
            Ok(Accepted { position, .. }) => Answer::Accepted(position),
            Err(HandleError::Rejected(rejected)) => Answer::Refused(rejected.code),
            Err(HandleError::Unavailable | HandleError::Contended | HandleError::Busy) => {
                sleep(Duration::from_millis(20 + world.below(500))).await;
                continue;
            }
            Err(other) => panic!("not an answer for a client: {other:?}"),
        };
        let answered = world.log().head().commit;
        return Seen { id, command, first_sent, last_sent, answered, answer };
    }
}
