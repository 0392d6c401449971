"""What may come in and what goes out.

The published contract fixes the order of the checks and the words of each refusal, one refusal at a time, so bodies of `/v1/`
are read by tables of rules here and not by marshmallow, which collects all faults and words them itself.
"""
