"""Who may do what: the authoriser, what each API asks of it, and how the answers look. Pure."""
