"""pay: one interface over many payment providers, compatible with the published v1 API.

Nouns: gateway account, API key, payment, attempt (one call to a gateway), refund, page token, ledger posting, webhook message.

Invariants (each held by a test):
- a payment moves only along the table of `pay/standards/payment_states.py`; each move writes its event and its audit row;
- a gateway is never called inside a transaction, and never twice for one reference;
- every ledger posting balances in each layer and never changes; balances are the sums of its lines;
- refunds never exceed what was taken; a card number is never written anywhere;
- an account sees its own objects only.
"""
