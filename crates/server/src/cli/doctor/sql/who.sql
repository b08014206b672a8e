-- As whom the application works, and whether that is a superuser.
select current_user::text as name, r.rolsuper as superuser
  from pg_catalog.pg_roles r
 where r.rolname = current_user
