select vault.rewrite_keys()
