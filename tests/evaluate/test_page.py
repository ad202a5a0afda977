"""The report page stands on its own: everything embedded, everything escaped."""

from lookhear.evaluate.draw import page


def test_a_page_embeds_its_pictures_and_escapes_its_text(tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n")
    parts = [
        page.heading("A & B"),
        page.table(["x"], [["<1>"]], strong=[0]),
        page.picture(tmp_path / "dot.png", "a <dot>"),
    ]
    document = page.page("Is <violin> louder?", parts)
    assert "<violin>" not in document and "<1>" not in document and "<dot>" not in document
    assert "A &amp; B" in document and 'tr class="strong"' in document
    assert "data:image/png;base64,iVBORw0K" in document
    assert "http" not in document  # nothing is loaded from elsewhere


def test_an_answer_shows_its_confidence():
    assert "<b>violin</b>" in page.question("Which?", "violin", 0.71) and "71%" in page.question(
        "Which?", "violin", 0.71
    )
