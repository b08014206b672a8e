-- Where unqualified names are looked for, for the rest of the session.
select set_config('search_path', $1, false)
