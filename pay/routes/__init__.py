"""HTTP in, HTTP out: a file a resource."""

from pay.routes import pages, payments, refunds, start

ALL = [payments.bp, refunds.bp, pages.bp, start.bp]
