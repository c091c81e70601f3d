"""Figures for the HTML report: plain SVG that uses the page's colours and fonts, and so its light and dark modes."""
