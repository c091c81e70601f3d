"""Drawings for the HTML report: plain SVG whose colours and fonts are the page's, so that it follows light and dark."""
