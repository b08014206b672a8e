create table lookup_person (
    ws uuid not null,
    person uuid not null,
    kind text not null,
    name text,
    sort_name text not null,
    emails jsonb not null,
    phones jsonb not null,
    primary_email integer,
    active boolean not null,
    primary key (ws, person)
);
create index lookup_person_order on lookup_person (ws, kind, sort_name, person);

create table lookup_email (
    ws uuid not null,
    person uuid not null,
    no integer not null,
    address text not null,
    primary key (ws, person, no)
);
create index lookup_email_address on lookup_email (ws, address, person);

create table lookup_term (
    ws uuid not null,
    person uuid not null,
    slot smallint not null,
    term text not null,
    primary key (ws, person, slot)
);
-- Beginnings of words, compared byte by byte.
create index lookup_term_prefix on lookup_term (ws, term text_pattern_ops, person);

-- Statistics would keep names and addresses in the catalogue, where nobody can take them out.
alter table lookup_person alter column name set statistics 0, alter column sort_name set statistics 0,
    alter column emails set statistics 0, alter column phones set statistics 0;
alter table lookup_email alter column address set statistics 0;
alter table lookup_term alter column term set statistics 0;
