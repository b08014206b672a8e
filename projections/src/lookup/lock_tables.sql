lock table lookup_person, lookup_email, lookup_term in access exclusive mode
