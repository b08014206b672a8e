select ticket, number, pipeline, status, priority, category, source, owner_user, owner_team, tags, created_at,
       last_activity_at, version
  from inbox_ticket where ws = $1 and ticket > $2 order by ticket limit $3
