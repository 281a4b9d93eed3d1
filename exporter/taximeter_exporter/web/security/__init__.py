"""Who may connect, ask and write: TLS, passwords and the token of the writing calls."""
