delete from ops.refusal where at_us < $1
