//! Which key seals what: the assigned one of a person or ticket, a new one from the stock for everything else.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use decider::{KeyKind, KeyScope, WorkspaceId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::VaultError;
use crate::key_ring::{Known, SealingKey, SealingKeys, subjects_of};
use crate::pool::{Stock, make};
use crate::vault::Vault;

/// For each scope: known already, to be taken from the stock, or to be looked up.
struct Plan {
    keys: SealingKeys,
    take: Vec<(KeyKind, Uuid)>,
    look_up: Vec<(KeyKind, Uuid)>,
}

impl Vault {
    /// Keys to seal with: the assigned one of a person or ticket, a new one for a content, a draft, and whatever `fresh` says
    /// has none yet. A new key counts as assigned only after [`Self::confirm`]; until then each call gives another one.
    ///
    /// # Errors
    /// When the database is needed and does not answer.
    pub async fn keys_for(
        &self,
        ws: WorkspaceId,
        scopes: &[KeyScope],
        fresh: &(dyn Fn(&KeyScope) -> bool + Sync),
    ) -> Result<SealingKeys, VaultError> {
        let mut plan = self.plan(ws, scopes, fresh);
        self.look_up(ws, &mut plan).await?;
        if plan.take.is_empty() {
            return Ok(plan.keys);
        }
        let stock = self.shared.pool.stock(ws);
        let taken = stock.take(plan.take.len(), ws, &self.shared.master, &self.shared.db).await?;
        self.refill_in_background(ws, stock);
        Ok(self.complete(ws, plan, taken))
    }

    /// The same without any IO; none when the database would be needed.
    #[must_use]
    pub fn try_keys_for(
        &self,
        ws: WorkspaceId,
        scopes: &[KeyScope],
        fresh: &dyn Fn(&KeyScope) -> bool,
    ) -> Option<SealingKeys> {
        let plan = self.plan(ws, scopes, fresh);
        if !plan.look_up.is_empty() {
            return None;
        }
        if plan.take.is_empty() {
            return Some(plan.keys);
        }
        let stock = self.shared.pool.stock(ws);
        let taken = stock.try_take(plan.take.len());
        self.refill_in_background(ws, stock);
        Some(self.complete(ws, plan, taken?))
    }

    /// The append that carried the assignments of these keys succeeded: from now on they are the keys of their scopes.
    pub fn confirm(&self, ws: WorkspaceId, keys: &SealingKeys) {
        for (kind, id, key) in keys.iter() {
            if key.newly_assigned && is_kept(kind) {
                self.shared.ring.scopes.insert((ws, kind, id), key.id);
            }
        }
    }

    /// A new key that belongs to nothing yet. Whoever seals with it sees to its assignment.
    ///
    /// # Errors
    /// When the database is needed and does not answer.
    pub async fn take_key(&self, ws: WorkspaceId) -> Result<SealingKey, VaultError> {
        let stock = self.shared.pool.stock(ws);
        let taken = stock.take(1, ws, &self.shared.master, &self.shared.db).await?;
        self.refill_in_background(ws, stock);
        let key = taken.into_iter().next().ok_or(VaultError::Contended)?;
        self.shared.ring.keys.insert((ws, key.id), Known::Alive(Arc::clone(&key.bytes)));
        Ok(key)
    }

    /// Many new keys for somebody who seals in bulk and assigns them in the append. They bypass stock and cache.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn make_keys(
        &self,
        ws: WorkspaceId,
        count: usize,
    ) -> Result<Vec<SealingKey>, VaultError> {
        make(count, ws, &self.shared.master, &self.shared.db).await
    }

    /// Assigns a key to a scope and adds its subjects, for what is sealed outside an append: files, raw messages, drafts.
    /// Repeating it changes nothing, and later calls may add subjects.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assign(
        &self,
        ws: WorkspaceId,
        key_id: Uuid,
        scope: &KeyScope,
    ) -> Result<(), VaultError> {
        let mut tx = self.shared.db.begin().await?;
        self.assign_in(&mut tx, ws, key_id, scope).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The same inside the caller's transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assign_in(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
        key_id: Uuid,
        scope: &KeyScope,
    ) -> Result<(), VaultError> {
        let subjects: BTreeSet<Uuid> = subjects_of(scope).collect();
        let subjects = Vec::from_iter(subjects);
        insert_assignment(connection, ws, key_id, scope).await?;
        if !subjects.is_empty() {
            sqlx::query(include_str!("sql/subjects_insert.sql"))
                .bind(ws.0)
                .bind(subjects)
                .bind(key_id)
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    /// Records that a scope had a key and has none any more, for a scope that never got one: nothing can be sealed for it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assign_destroyed_in(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
        scope: &KeyScope,
    ) -> Result<(), VaultError> {
        insert_assignment(connection, ws, Uuid::now_v7(), scope).await
    }

    /// All keys ever assigned to a scope, and whether each still exists.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assigned_in(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
        scope: &KeyScope,
    ) -> Result<Vec<(Uuid, bool)>, VaultError> {
        let rows = sqlx::query(include_str!("sql/assignments_of_scope.sql"))
            .bind(ws.0)
            .bind(scope.kind.as_str())
            .bind(scope.id)
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("key_id")?, row.try_get("alive")?))).collect()
    }

    fn plan(
        &self,
        ws: WorkspaceId,
        scopes: &[KeyScope],
        fresh: &dyn Fn(&KeyScope) -> bool,
    ) -> Plan {
        let mut plan = Plan { keys: SealingKeys::default(), take: Vec::new(), look_up: Vec::new() };
        let mut seen = HashSet::with_capacity(scopes.len());
        for scope in scopes {
            let name = (scope.kind, scope.id);
            plan.keys.add_subjects(scope);
            if !seen.insert(name) {
                continue;
            }
            if !is_kept(scope.kind) {
                plan.take.push(name);
            } else if let Some(key) = self.shared.ring.of_scope(ws, scope.kind, scope.id) {
                plan.keys.insert(name, key);
            } else if fresh(scope) {
                plan.take.push(name);
            } else {
                plan.look_up.push(name);
            }
        }
        plan
    }

    /// One query for all; a scope whose keys were all destroyed gets a new one.
    async fn look_up(&self, ws: WorkspaceId, plan: &mut Plan) -> Result<(), VaultError> {
        if plan.look_up.is_empty() {
            return Ok(());
        }
        let wanted: HashSet<_> = plan.look_up.drain(..).collect();
        let kinds: HashSet<KeyKind> = wanted.iter().map(|(kind, _)| *kind).collect();
        let ring = &self.shared.ring;
        let epoch = ring.keys.epoch();
        let rows = sqlx::query(include_str!("sql/keys_by_scope.sql"))
            .bind(ws.0)
            .bind(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
            .bind(wanted.iter().map(|(_, id)| *id).collect::<Vec<_>>())
            .fetch_all(&self.shared.db)
            .await?;
        for row in rows {
            let (kind, id): (&str, Uuid) = (row.try_get("kind")?, row.try_get("scope_id")?);
            let Some(name) =
                kinds.iter().map(|k| (*k, id)).find(|n| n.0.as_str() == kind && wanted.contains(n))
            else {
                continue;
            };
            let key_id: Uuid = row.try_get("key_id")?;
            let key = self.shared.master.unwrap(ws, key_id, row.try_get("wrapped")?)?;
            let bytes = Arc::new(key);
            let known = Known::Alive(Arc::clone(&bytes));
            ring.keys.insert_since(epoch, [((ws, key_id), known)]);
            ring.scopes.insert((ws, name.0, id), key_id);
            plan.keys.insert(name, SealingKey { id: key_id, newly_assigned: false, bytes });
        }
        plan.take.extend(wanted.into_iter().filter(|name| !plan.keys.contains(name)));
        Ok(())
    }

    fn complete(&self, ws: WorkspaceId, plan: Plan, taken: Vec<SealingKey>) -> SealingKeys {
        let Plan { mut keys, take, .. } = plan;
        for (name, key) in take.into_iter().zip(taken) {
            let known = Known::Alive(Arc::clone(&key.bytes));
            self.shared.ring.keys.insert((ws, key.id), known);
            keys.insert(name, key);
        }
        keys
    }

    fn refill_in_background(&self, ws: WorkspaceId, stock: Arc<Stock>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !stock.wants_refill() {
            return;
        }
        let vault = self.clone();
        runtime.spawn(async move {
            let shared = &vault.shared;
            if let Err(error) = stock.refill(ws, &shared.master, &shared.db).await {
                tracing::warn!(ws = %ws.0, error = &error as &dyn std::error::Error, "no keys could be made ahead");
            }
        });
    }
}

/// Whether a scope keeps its key for later events.
const fn is_kept(kind: KeyKind) -> bool {
    match kind {
        KeyKind::Person | KeyKind::Ticket => true,
        KeyKind::Content | KeyKind::Draft => false,
    }
}

async fn insert_assignment(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    key_id: Uuid,
    scope: &KeyScope,
) -> Result<(), VaultError> {
    sqlx::query(include_str!("sql/assignment_insert.sql"))
        .bind(ws.0)
        .bind(key_id)
        .bind(scope.kind.as_str())
        .bind(scope.id)
        .execute(connection)
        .await?;
    Ok(())
}
