-- Operational state that is not in the log. Instants are microseconds since the Unix epoch, as in the log. Look-ups by
-- login, session or token cannot know the workspace yet: they have an index of their own, and nothing there is unique
-- across workspaces.
create schema if not exists ops;

create table ops.credential (
    ws uuid not null,
    user_id uuid not null,
    login_mac bytea not null,
    password_hash text not null,
    set_at_us bigint not null,
    primary key (ws, user_id),
    unique (ws, login_mac)
);

create index credential_by_login on ops.credential (login_mac);

create table ops.login_attempt (
    ws uuid not null,
    bucket bytea not null,
    attempt_id uuid not null,
    at_us bigint not null,
    primary key (ws, bucket, attempt_id)
);

create index login_attempt_by_age on ops.login_attempt (at_us);

create table ops.setup_token (
    ws uuid not null,
    token_hash bytea not null,
    expires_at_us bigint not null,
    primary key (ws)
);

create table ops.session (
    ws uuid not null,
    token_hash bytea not null,
    user_id uuid not null,
    created_at_us bigint not null,
    seen_at_us bigint not null,
    primary key (ws, token_hash)
);

create index session_by_token on ops.session (token_hash);
create index session_by_user on ops.session (ws, user_id);

create table ops.api_token (
    ws uuid not null,
    token_id uuid not null,
    token_hash bytea not null,
    user_id uuid not null,
    label text not null,
    created_at_us bigint not null,
    used_at_us bigint,
    revoked_at_us bigint,
    primary key (ws, token_id)
);

create index api_token_by_token on ops.api_token (token_hash);

-- The body of a draft, sealed with the draft's own key. Which files it holds is clear, so that they are kept.
create table ops.draft_body (
    ws uuid not null,
    draft_id uuid not null,
    ticket_id uuid not null,
    user_id uuid not null,
    kind text not null,
    cipher bytea not null,
    attachment_ids uuid[] not null,
    updated_at_us bigint not null,
    primary key (ws, draft_id)
);

create index draft_body_by_attachment on ops.draft_body using gin (attachment_ids);

-- Saves that came with an idempotency key: a late repeat must not bring old words back (W02). Kept for two days.
create table ops.draft_save (
    ws uuid not null,
    user_id uuid not null,
    key_mac bytea not null,
    body_mac bytea not null,
    draft_id uuid not null,
    at_us bigint not null,
    primary key (ws, user_id, key_mac)
);
create index draft_save_by_age on ops.draft_save (at_us);

create table ops.upload (
    ws uuid not null,
    upload_id uuid not null,
    user_id uuid not null,
    cipher bytea not null,
    key_id uuid not null,
    object_hash text not null,
    size bigint not null,
    created_at_us bigint not null,
    used_at_us bigint,
    primary key (ws, upload_id)
);

create index upload_unused on ops.upload (created_at_us) where used_at_us is null;

create table ops.intake (
    ws uuid not null,
    raw_mac bytea not null,
    channel text not null,
    object bytea not null,
    message_id_mac bytea,
    at_us bigint not null,
    primary key (ws, raw_mac)
);

create index intake_by_message_id on ops.intake (ws, message_id_mac);

create table ops.refusal (
    ws uuid not null,
    refusal_id uuid not null,
    at_us bigint not null,
    actor text not null,
    code text not null,
    method text not null,
    path_template text not null,
    primary key (ws, refusal_id)
);

create index refusal_by_age on ops.refusal (ws, at_us);
