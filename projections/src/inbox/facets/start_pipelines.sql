select pipeline, name, statuses, archived from inbox_pipeline where ws = $1
