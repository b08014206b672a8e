//! A whole import: store, plan, write; and plan again what others got in the way of.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::Directory;
use decider::WorkspaceId;
use events::ChannelId;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::content::Contents;
use super::known::Claims;
use super::plan::{Chunk, plan};
use super::raw_store::RawStore;
use super::scan::{Scanned, scan};
use super::write::Writer;
use super::{ImportError, ImportRequest, Importer, Phase, Progress, Report};

/// Conversations that are written at the same time.
const CONVERSATIONS_MAX: usize = 8;
/// How often is planned again before the rest counts as failed.
const ROUNDS_MAX: usize = 5;

type Tell<'a> = &'a (dyn Fn(Progress) + Send + Sync);

impl Importer {
    /// Imports files. Importing them again, or going on after a crash, adds what is missing and nothing else.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn run(
        &self,
        request: ImportRequest,
        progress: Tell<'_>,
    ) -> Result<Report, ImportError> {
        self.handler.ready(request.ws).await.map_err(ImportError::Handle)?;
        let directory = self.handler.directory::<Directory>(request.ws);
        if request.channel.is_some_and(|channel| directory.channel(channel).is_none()) {
            return Err(ImportError::UnknownChannel);
        }
        let mut report = Report::default();
        let store = self.store(request.ws, request.channel);
        let files: Vec<PathBuf> = request.files.clone();
        let scanned = scan(&store, (request.format, files), &mut report, progress).await?;
        let contents = Contents {
            claims: Claims {
                ws: request.ws,
                vault: self.handler.vault().clone(),
                reader: self.handler.reader().clone(),
            },
            objects: self.objects.clone(),
            directory,
            proposed: Arc::default(),
        };
        self.write(&request, &contents, &scanned, (&mut report, progress)).await?;
        Ok(report)
    }

    fn store(&self, ws: WorkspaceId, channel: Option<ChannelId>) -> RawStore {
        RawStore {
            ws,
            vault: self.handler.vault().clone(),
            objects: self.objects.clone(),
            intake: self.intake.clone(),
            origin: channel.map_or_else(|| "import".to_owned(), |channel| channel.to_string()),
        }
    }

    async fn write(
        &self,
        request: &ImportRequest,
        contents: &Contents,
        scanned: &[Scanned],
        (report, progress): (&mut Report, Tell<'_>),
    ) -> Result<(), ImportError> {
        let (total, unread) = (scanned.len() as u64, report.failed);
        let done = Arc::new(AtomicU64::new(0));
        for round in 0..ROUNDS_MAX {
            let known = contents.claims.known(request.channel, scanned).await?;
            let plan = plan(scanned, &known);
            if round == 0 {
                report.distinct = plan.distinct as u64;
                report.already_there = plan.already_there as u64;
                done.store(report.already_there, Ordering::Relaxed);
            }
            let left = |chunks: &[Chunk]| chunks.iter().map(Chunk::len).sum::<usize>() as u64;
            let planned: u64 = plan.conversations.iter().map(|one| left(&one.chunks)).sum();
            progress(Progress { phase: Phase::Writing, done: total - planned, total });
            let advance = |messages: usize| {
                let before = done.fetch_add(messages as u64, Ordering::Relaxed);
                let done = (before + messages as u64).min(total);
                progress(Progress { phase: Phase::Writing, done, total });
            };
            let writer = Writer {
                handler: &self.handler,
                contents,
                actor: request.actor,
                channel: request.channel,
                status: request.status,
                scanned,
                advance: &advance,
            };
            let written: Vec<_> = stream::iter(plan.conversations)
                .map(|conversation| writer.conversation(conversation))
                .buffer_unordered(CONVERSATIONS_MAX)
                .try_collect()
                .await?;
            let again = written.iter().any(|one| one.again);
            // What was refused is refused again in the next round: it counts once.
            let refused: u64 = written.iter().map(|one| one.report.failed).sum();
            written.iter().for_each(|one| report.add(&one.report));
            report.failed = unread + refused;
            if !again {
                return Ok(());
            }
            if round + 1 == ROUNDS_MAX {
                report.failed += total.saturating_sub(done.load(Ordering::Relaxed));
            }
        }
        Ok(())
    }
}

impl Report {
    fn add(&mut self, other: &Self) {
        self.tickets_created += other.tickets_created;
        self.tickets_joined += other.tickets_joined;
        self.copies_kept += other.copies_kept;
        self.already_there += other.already_there;
        self.unreadable += other.unreadable;
        self.attachments += other.attachments;
        self.links += other.links;
    }
}
