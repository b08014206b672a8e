select extract(epoch from es.oldest_snapshot())::float8 as seconds
