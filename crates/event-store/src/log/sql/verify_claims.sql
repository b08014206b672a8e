declare claims_in_order no scroll cursor for
select no, ord, scope, key_mac, seq, stream from es.claim where ws = $1 order by no, ord
