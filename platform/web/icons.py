"""Icons of 16 × 16 units, drawn with one stroke width; names are for what they mean on a page."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

PATHS = {
    "dot": "M8 7.5v1",
    "home": "M2.5 7.5 8 3l5.5 4.5M4 6.5V13h8V6.5",
    "list": "M6 4h7.5M6 8h7.5M6 12h7.5M2.5 4h.01M2.5 8h.01M2.5 12h.01",
    "person": "M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3 13.5c.5-2.5 2.5-3.5 5-3.5s4.5 1 5 3.5",
    "people": "M6 7.5a2.2 2.2 0 1 0 0-4.5 2.2 2.2 0 0 0 0 4.5ZM1.5 13c.4-2.4 2-3.5 4.5-3.5"
    "s4.1 1.1 4.5 3.5M10.5 3.3a2.2 2.2 0 0 1 0 4M12 9.8c1.5.5 2.3 1.5 2.5 3.2",
    "car": "M2.5 11V8.5l1.5-4h8l1.5 4V11ZM2.5 8.5h11M4 11v1.5M12 11v1.5",
    "wrench": "M10 2.5a3.5 3.5 0 0 0-3.3 4.7L2.5 11.4l2.1 2.1 4.2-4.2A3.5 3.5 0 0 0 13.5 6l-2 2"
    "-2.5-.5-.5-2.5Z",
    "phone": "M3 3.5 5.5 3l1.3 3-1.5 1.2a8 8 0 0 0 3.5 3.5L10 9.2l3 1.3-.5 2.5C7 13.5 2.5 9 3 3.5Z",
    "calendar": "M2.5 4h11v9.5h-11ZM2.5 7h11M5.5 2.5v3M10.5 2.5v3",
    "clock": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.5V8l2.5 1.5",
    "chart": "M2.5 2.5v11h11M5.5 11V8M8.5 11V5M11.5 11V7",
    "trend": "M2.5 11.5 6.5 7l2.5 2.5 4.5-5M10 4.5h3.5V8",
    "pie": "M8 2.5V8l4.2 3.6A5.6 5.6 0 1 1 8 2.5ZM10.5 2.6a5.6 5.6 0 0 1 3.4 6.5L10.5 7Z",
    "sliders": "M2.5 4.5h5M11 4.5h2.5M2.5 11.5H5M8.5 11.5h5M9.2 2.8v3.4M6.8 9.8v3.4",
    "grid": "M2.5 2.5h4.5V7H2.5ZM9 2.5h4.5V7H9ZM2.5 9h4.5v4.5H2.5ZM9 9h4.5v4.5H9Z",
    "layers": "M8 2 2 5.5 8 9l6-3.5ZM2 8.5 8 12l6-3.5M2 11.3 8 14.8l6-3.5",
    "coins": "M6.5 7.5c2.2 0 4-.9 4-2s-1.8-2-4-2-4 .9-4 2 1.8 2 4 2ZM2.5 5.5v5c0 1.1 1.8 2 4 2"
    "M10.5 5.5V7M10 13c2 0 3.5-.7 3.5-1.7S12 9.5 10 9.5s-3.5.8-3.5 1.8S8 13 10 13Z",
    "file": "M4 2h5l3 3v9H4ZM9 2v3h3",
    "upload": "M8 10.5V3M5 5.5 8 2.5l3 3M2.5 10v3.5h11V10",
    "download": "M8 2.5V10M5 7.5l3 3 3-3M2.5 10.5v3h11v-3",
    "check": "m3 8.5 3.5 3.5L13 4.5",
    "cross": "m4 4 8 8M12 4l-8 8",
    "plus": "M8 3v10M3 8h10",
    "alert": "M8 2 1.5 13.5h13ZM8 6.5v3M8 11.5v.01",
    "info": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.5V11M8 5v.01",
    "star": "m8 2 1.8 3.9 4.2.5-3.1 2.9.8 4.2L8 11.4l-3.7 2.1.8-4.2L2 6.4l4.2-.5Z",
    "chat": "M2.5 3h11v8H7l-3 2.5V11H2.5Z",
    "tag": "M2.5 2.5H8l5.5 5.5L8 13.5 2.5 8ZM5.5 5.5v.01",
    "target": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z",
    "shield": "M8 2 3 4v4c0 3 2 5 5 6 3-1 5-3 5-6V4Z",
    "gear": "M8 10.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2"
    "M3.6 3.6 5 5M11 11l1.4 1.4M3.6 12.4 5 11M11 5l1.4-1.4",
    "search": "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5l3 3",
    "menu": "M2.5 4.5h11M2.5 8h11M2.5 11.5h11",
    "theme": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M8 5l4.5-1M8 8h6M8 11l4.5 1",
    "language": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c-2 2-2.5 4-2.5 6"
    "s.5 4 2.5 6c2-2 2.5-4 2.5-6S10 4 8 2Z",
    "up": "m4 10 4-4 4 4",
    "down": "m4 6 4 4 4-4",
    "left": "m10 4-4 4 4 4",
    "right": "m6 4 4 4-4 4",
    "eye": "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6"
    " 1.8 1.8 0 0 0 0 3.6Z",
    "history": "M3 5.5A5.7 5.7 0 1 1 2.3 9M2.5 2.5V6H6M8 5v3.2l2.2 1.3",
    "refresh": "M13 8a5 5 0 1 1-1.5-3.6L13 6M13 2.5V6H9.5",
    "edit": "M3 13l.5-2.5 7.5-7.5 2 2-7.5 7.5ZM9.5 4.5l2 2",
    "lock": "M3.5 7.5h9v6h-9ZM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
    "flag": "M3.5 14V2.5M3.5 3h8.5l-2 3 2 3H3.5",
    "bell": "M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3ZM7 14.5h2",
    "filter": "M2.5 3h11L9.5 8v5l-3-1.5V8Z",
    "link": "M9 3h4v4M13 3 7.5 8.5M11 9.5V13H3V5h3.5",
    "play": "M4.5 3v10L13 8Z",
    "store": "M2.5 6.5 3.5 3h9l1 3.5M3.5 7.5v6h9v-6M2.5 6.5a1.8 1.8 0 0 0 3.6 0 1.8 1.8 0 0 0 3.7 0"
    " 1.8 1.8 0 0 0 3.7 0M6.5 13.5v-3h3v3",
    "inbox": "M2.5 9 4 3h8l1.5 6v4h-11ZM2.5 9H6c0 1.2.8 2 2 2s2-.8 2-2h3.5",
}


def icon(name: str) -> SafeString:
    """The icon as inline SVG, hidden from screen readers; ``KeyError`` names an unknown one."""
    if name not in PATHS:
        raise KeyError(f"No icon {name!r}; there are: {', '.join(sorted(PATHS))}")
    return format_html(
        '<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>',
        PATHS[name],
    )
