select c.sealed_check
from vault.check c
where c.ws = $1
