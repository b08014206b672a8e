insert into es.commit (ws, no, first_pos, last_pos, last_number, last_directory, at, node, content, hash)
select $1::uuid, u.no, u.first_pos, u.last_pos, u.last_number, u.last_directory,
       timestamptz 'epoch' + u.at * interval '1 microsecond', u.node, u.content, u.hash
  from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::uuid[], $9::bytea[],
              $10::bytea[]) as u(no, first_pos, last_pos, last_number, last_directory, at, node, content, hash)
