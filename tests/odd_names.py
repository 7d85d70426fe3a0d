"""Names of image files that something on their way may take for something else."""

MARKUP = (
    '"><script>alert(1)<script>.png',
    "<img src=x onerror=alert(1)>.png",
    "' onmouseover='alert(1).png",
    "javascript:alert(1).png",
    "&lt;b&gt;&amp;.png",
    "{{ 7 * 7 }}.png",
    "{% include 'x' %}{# x #}.png",
    "<!-- --> ]]>.png",
    "`|[link](http:x)*_#.png",
)
FORMULAS = ("=1+1.png", "+1.png", "-1.png", "@SUM(A1).png", '=HYPERLINK("x","y").png')
LINES = (
    "two\nlines.png",
    "two\r\nlines.png",
    "tab\t.png",
    "\u2028\u2029\x85.png",
    "\x1b[31mred.png",
)
UNICODE = (
    "\u202egnp.exe.png",
    "e\u0301.png",
    "\N{LATIN SMALL LETTER E WITH ACUTE}.png",
    "a" + "\u0336" * 40 + ".png",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "\ufeffbom.png",
    "\u3000 \N{NO-BREAK SPACE}.png",
)
PLAIN_LOOKING = ("NA", "nan", "None", "1e999", "%00.png", "'; DROP TABLE runs;--.png", " .png ")
LONG = ("x" * 251 + ".png", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 125 + "x.png")

ODD_NAMES = MARKUP + FORMULAS + LINES + UNICODE + PLAIN_LOOKING + LONG
"""Each 255 bytes long at most, without a slash, and fit for folders and zip files."""

RETURN = "carriage\rreturn.png"
