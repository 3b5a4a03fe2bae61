from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hooke.report.markup import Markup, element, join


def test_texts_are_escaped_and_markup_is_not() -> None:
    assert element("p", "a<b", element("b", "c&d"), None, "") == "<p>a&lt;b<b>c&amp;d</b></p>"
    assert element("p", [Markup("<i></i>"), ["x", None]]) == "<p><i></i>x</p>"
    assert join(["<", Markup("<br>")]) == "&lt;<br>"


def test_attributes() -> None:
    made = element("input", class_="a", aria_label='"q"', hidden=True, disabled=False, title=None, data_x=0)
    assert made == '<input class="a" aria-label="&quot;q&quot;" hidden data-x="0">'
    assert element("circle", cx=1.5) == '<circle cx="1.5"/>'


@given(st.text())
def test_no_text_can_leave_its_place(tree_text: str) -> None:
    made = element("p", tree_text, title=tree_text)
    assert made.count("<") == 2
    assert made.count('"') == 2
