"""Pictures and the page, from run folders only."""

from rekur.report.page import findings_page, page, shelf_page

__all__ = ["findings_page", "page", "shelf_page"]
