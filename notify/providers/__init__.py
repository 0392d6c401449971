"""The outside world: mail relay, SMS gateway, print, mailbox; each behind a Protocol with a real and an in-memory form."""
