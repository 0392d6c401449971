"""HTTP in, HTTP out: a file a resource."""

from pay.routes import notice_pages, notices, pages, payments, receipts, refunds, start

ALL = [payments.bp, refunds.bp, notices.bp, pages.bp, notice_pages.bp, receipts.bp, start.bp]
