"""HTTP in, HTTP out: a file a resource."""

from pay.routes import agreements, disputes, notice_pages, notices, pages, payments, receipts, refunds, start, telephone

_API = [payments.bp, refunds.bp, refunds.search_bp, agreements.bp, disputes.bp, telephone.bp, notices.bp]
_PAGES = [pages.bp, notice_pages.bp, receipts.bp, start.bp]
ALL = [*_API, *_PAGES]
