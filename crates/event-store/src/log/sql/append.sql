select status, head_no, head_pos, head_number, head_directory, head_at, head_hash,
       dup_ord, dup_pos, dup_n, dup_same, bad_stream, bad_version, bad_claim, bad_seq, bad_holder
  from es.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26, $27, $28, $29, $30, $31)
