"""HTML reports of fitted models: one self-contained page per report, of sections that each kind of component lists.

``sheets`` has the sections by kind, ``document`` makes a report of them, ``blocks`` are what sections consist of, and
``page`` holds the template, the style and the script. Sections return data; only the template writes HTML, and it
escapes everything.
"""
