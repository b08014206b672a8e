alter table lookup_email alter column address type text using address || ''
