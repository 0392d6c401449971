"""Pages for staff without code: a file a noun.  Spec: requirements NO-3, NO-8, NO-16; notify-api §20."""
