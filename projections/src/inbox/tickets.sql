select t.ticket, t.number, t.name::text as name, t.pipeline, t.status, t.priority, t.category, t.source, t.owner_user,
       t.owner_team, t.tags, t.contacts, t.primary_contact, t.has_conversation, t.imported, t.created_at,
       t.last_activity_at, t.last_message, t.last_message_at, t.last_direction, t.last_preview::text as last_preview,
       t.version
  from unnest($2::uuid[]) with ordinality as u(ticket, ord)
 cross join lateral (select i.* from inbox_ticket as i where i.ws = $1 and i.ticket = u.ticket offset 0) as t
 order by u.ord
