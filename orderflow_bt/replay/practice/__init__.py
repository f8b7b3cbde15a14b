"""Practice: where it begins, questions and their truths, the journal, scores, the review."""
