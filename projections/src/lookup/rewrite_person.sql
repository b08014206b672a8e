alter table lookup_person alter column kind type text using kind || ''
