"""Review: decisions, and the spreadsheet that carries them out and in."""
