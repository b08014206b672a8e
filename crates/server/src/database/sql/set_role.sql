-- Works as a role for the rest of the session.
select set_config('role', $1, false)
