-- The commits that changed the directory: whoever starts reads those alone, not the whole log.
create index commit_directory on es.commit (ws, last_directory, no);
