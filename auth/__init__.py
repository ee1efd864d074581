"""Who is asking: accounts, credentials and the one authenticator that makes a principal."""
