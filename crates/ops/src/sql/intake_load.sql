select i.raw_mac, i.channel, i.object, i.message_id_mac, i.at_us
from ops.intake i
where i.ws = $1 and i.raw_mac = any($2::bytea[])
