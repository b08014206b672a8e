//! Commits as many callers at once make them, for the live path.

use std::sync::Arc;

use commands::ticket::{AddComment, ChangeStatus, CreateTicket, PropertyInputs};
use decider::{Actor, Command, CommandId, EventContext, Personal};
use event_store::handler::Request;
use events::value::{Priority, TicketSource};
use events::{CommentId, PipelineId, StatusId, TicketId};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::setup::Setup;

impl Setup {
    /// Opens tickets, comments on them and closes them, so many by each of some callers.
    pub async fn write(&self, callers: u64, tickets_each: u64) {
        let directory = self.service.handler.directory::<commands::Directory>(self.ws);
        let (pipeline, known) = directory.pipelines().next().unwrap();
        let (pipeline, closed) = (pipeline, known.statuses.last().unwrap().id);
        join_all((0..callers).map(|_| async move {
            for _ in 0..tickets_each {
                self.ticket(pipeline, closed).await;
            }
        }))
        .await;
    }

    async fn ticket(&self, pipeline: PipelineId, closed: StatusId) {
        let ticket_id = TicketId(Uuid::now_v7());
        self.send(CreateTicket {
            ticket_id,
            name: Personal("The printer on the third floor is on fire again".to_owned()),
            pipeline_id: Some(pipeline),
            status_id: None,
            source: TicketSource::Api,
            priority: Priority::Medium,
            category: Some("hardware".to_owned()),
            owner: None,
            contact_ids: Vec::new(),
            tags: vec!["printer".to_owned()],
            properties: PropertyInputs::default(),
        })
        .await;
        for _ in 0..3 {
            self.send(AddComment {
                ticket_id,
                comment_id: CommentId(Uuid::now_v7()),
                text: Personal("I have called the fire brigade; they know the way.".to_owned()),
                html: None,
                mentions: Vec::new(),
                attachments: Vec::new(),
                draft_id: None,
            })
            .await;
        }
        let properties = PropertyInputs::default();
        self.send(ChangeStatus { ticket_id, status_id: closed, properties }).await;
    }

    async fn send(&self, command: impl Command) {
        let request = Request {
            ws: self.ws,
            id: CommandId(Uuid::now_v7()),
            body: b"bench".to_vec(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        self.service.handler.handle(request).await.unwrap();
    }
}
