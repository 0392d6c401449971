"""notify: sends what a public service has to say, by email, text message, letter and mailbox, and knows what became of it.

Nouns: service, API key, template (with versions), sender, guest list, notification, receipt, callback, letter file, mailbox message.

Invariants
- Accepted means kept: a 201 is given after the notification and its delivery job are committed together.
- A notification is handed over under its own id, so a provider that knows the id drops a repeat; only its claim holder hands it over.
- A status moves only along the table in models/notification.py; a receipt that comes late or twice changes nothing.
- Recipients and values are stored encrypted under the service's data key and are found by blind index; a test key never sends.
Spec: docs/notify/README.md; departures in docs/divergences-notify.md.
"""
