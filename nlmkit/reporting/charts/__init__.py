"""Charts as plain SVG, without matplotlib: a few kilobytes each, in the colors of the page in both themes.

A chart has 380 units of width and about as many pixels on a phone; on a wide page two or three are beside each other.
Colors, dashes and marks are classes of the page's style (``c0`` to ``c7``), so that a series is recognized without its
color, too. Values that are not finite are left out.
"""
