"""One report for all: what a probe or a study found, in the terminal and as a page."""

from kinema.reports.report import Picture, Report, Rows, Table, check_page, command_line

__all__ = ["Picture", "Report", "Rows", "Table", "check_page", "command_line"]
