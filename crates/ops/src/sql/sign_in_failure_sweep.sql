delete from ops.sign_in_failure where window_us < $1
