select es.open_workspace($1)
