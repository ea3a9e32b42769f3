"""Pictures and the page, from run folders only."""

from rekur.report.page import page, shelf_page

__all__ = ["page", "shelf_page"]
