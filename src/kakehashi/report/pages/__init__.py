"""What each page says: values in, a document out."""

from kakehashi.report.pages.assessment import assessment_document

__all__ = ["assessment_document"]
