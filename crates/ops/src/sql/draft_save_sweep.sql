delete from ops.draft_save where at_us < $1
