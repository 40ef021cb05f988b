"""Text, and what pixels looked like, to facts: modality, finding and patient of every panel, with evidence."""
