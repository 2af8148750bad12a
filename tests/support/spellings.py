"""Spellings in which a server can send back what it was sent."""

import base64
import json
import quopri
from urllib.parse import quote, quote_plus


def _in_lines(text, ending, length=8):
    return ending.join(text[start : start + length] for start in range(0, len(text), length))


SPELLINGS = {
    "as it is": lambda text: text,
    "in capitals": str.upper,
    "JSON, slashes": lambda text: text.replace("/", "\\/"),
    "JSON, some characters": lambda text: text.replace("/", "\\u002f").replace("A", "\\u0041"),
    "JSON, all characters, capitals": lambda text: "".join(f"\\u{ord(c):04X}" for c in text),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text).replace("/", "\\u002F"))[1:-1],
    "JavaScript": lambda text: "".join(f"\\x{ord(c):02x}" for c in text),
    "JavaScript, braces": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "Python, eight digits": lambda text: "".join(f"\\U{ord(c):08x}" for c in text),
    "octal": lambda text: "".join(f"\\{ord(c):03o}" for c in text),
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case, all": lambda text: "".join(f"%{ord(c):02x}" for c in text),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, old JavaScript": lambda text: "".join(f"%u{ord(c):04x}" for c in text),
    "a form": quote_plus,
    "HTML, names": lambda text: text.replace("/", "&sol;").replace("+", "&plus;").replace("=", "&equals;").replace("A", "&#65;"),
    "HTML, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#X{ord(c):X};" for c in text),
    "HTML, lower case, zeros": lambda text: "".join(f"&#x00{ord(c):x};" for c in text),
    "HTML in JSON": lambda text: "".join(f"\\u0026#{ord(c)};" for c in text),
    "HTML, breaks": lambda text: _in_lines(text, "<br/>"),
    "quoted-printable": lambda text: "".join(f"={ord(c):02X}" for c in text),
    "quoted-printable, broken": lambda text: quopri.encodestring(b"x" * 60 + text.encode()).decode(),
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64 for URLs, without padding": lambda text: base64.urlsafe_b64encode(text.encode() + b"?").decode().rstrip("="),
    "Base64 for URLs of what is around it": lambda text: base64.urlsafe_b64encode(f"??>>{text}>>?".encode()).decode(),
    "Base64 behind a path": lambda text: "/api/v1/" + base64.b64encode(text.encode()).decode(),
    "Base64, twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "Base64 in lines": lambda text: base64.encodebytes(f"authorization: {text}, {text}".encode()).decode(),
    "Base64 of JSON": lambda text: base64.b64encode(json.dumps({"a": text}).replace("/", "\\/").encode()).decode(),
    "Base64, percent": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "percent, Base64": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, capitals, colons": lambda text: text.encode().hex(":").upper(),
    "hexadecimal, behind a digit": lambda text: "f" + text.encode().hex(),
    "an array of numbers": lambda text: json.dumps(list(text.encode())),
    "lines": lambda text: _in_lines(text, "\r\n "),
    "lines, escaped": lambda text: _in_lines(text, "\\n"),
    "words": lambda text: _in_lines(text, " ", 4),
    "strings of an array": lambda text: _in_lines(text, '", "', 5),
    "hyphens": lambda text: _in_lines(text, "-", 4),
    "UTF-16": lambda text: text.encode("utf-16-le").decode(),
    "cut off": lambda text: text[:20],
    "the end": lambda text: text[-22:],
}
"""Each with a function from a text of printable ASCII to its spelling, to be put into a JSON string, or anywhere in another text."""

AROUND = {
    name: SPELLINGS[name]
    for name in (
        "JSON in JSON",
        "percent",
        "percent, lower case, all",
        "a form",
        "HTML, decimal",
        "quoted-printable",
        "Base64",
        "Base64 behind a path",
        "Base64 in lines",
        "hexadecimal",
        "an array of numbers",
        "lines",
    )
}
"""Those of any text, such as one that has a spelling already."""
