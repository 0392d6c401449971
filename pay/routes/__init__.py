"""HTTP in, HTTP out: a file a resource."""

from pay.routes import notice_pages, notices, pages, payments, refunds, start

ALL = [payments.bp, refunds.bp, notices.bp, pages.bp, notice_pages.bp, start.bp]
