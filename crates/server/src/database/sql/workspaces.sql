select w.ws from es.workspace w order by w.made_at, w.ws
