-- How far the newest commit of any workspace lies ahead of the database's clock.
select extract(epoch from max(newest.at) - clock_timestamp())::bigint as seconds
  from es.workspace w
  cross join lateral (select c.at from es.commit c where c.ws = w.ws order by c.no desc limit 1) as newest
