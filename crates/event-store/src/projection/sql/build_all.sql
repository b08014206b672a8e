-- The builds of all views that still have tables.
select b.name, b.version, b.build, b.schema_name, b.state, b.events_done, b.events_total, b.events_per_second, b.problem,
       b.verified, extract(epoch from b.verified_at)::bigint as verified_at,
       extract(epoch from b.replaced_at)::bigint as replaced_at,
       extract(epoch from clock_timestamp() - b.replaced_at)::bigint as replaced_for
  from proj.build b
 where b.state <> 'retired'
 order by b.name, b.version, b.build
