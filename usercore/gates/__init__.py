"""Gates: what the host plugs in to refuse registrations, emails and new passwords."""
