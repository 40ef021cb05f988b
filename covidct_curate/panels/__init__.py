"""One figure to panels: gutters, seams, panel labels, subcaptions."""
