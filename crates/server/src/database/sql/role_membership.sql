-- Whether the present user may work as a role.
select current_user <> r.rolname and pg_has_role(current_user, r.oid, 'MEMBER') as member
  from pg_catalog.pg_roles r
 where r.rolname = $1
