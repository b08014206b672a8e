-- The schemas that hold a view. A table that was dropped by hand holds nothing any more.
select b.schema_name
  from proj.build as b
 where b.name = $1 and b.state <> 'retired' and to_regnamespace(quote_ident(b.schema_name)) is not null
 order by b.version, b.build
