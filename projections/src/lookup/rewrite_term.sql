alter table lookup_term alter column term type text using term || ''
