"""People vote on sheets: what goes out comes back, and what is no vote on it is refused with its line."""

import csv
import io

import pytest

from lookhear.curate.robust import sheets, ways
from lookhear.errors import DatasetError

TEMPLATES = ["Is there a <Object> sound?", "Is there a voiceover?"]


@pytest.fixture
def sheet(tmp_path):
    sheets.write(ways.by_grammar(TEMPLATES, 4), tmp_path)
    return tmp_path / "votes.csv"


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


def filled(sheet, name, votes, **dialect):
    head, *rows = rows_of(sheet)
    path = sheet.with_name(name)
    out = io.StringIO()
    csv.writer(out, **dialect).writerows([head, *([*row[:3], vote] for row, vote in zip(rows, votes, strict=True))])
    path.write_text(out.getvalue(), "utf-8")
    return path


def test_three_voters(sheet):
    voters = [
        filled(sheet, "a.csv", ["yes", "Yes ", "no", "1", "y", "yes", "0", ""]),
        filled(sheet, "b.csv", ["yes", "no", "no", "1", "y", "yes", "0", "yes"], delimiter=";"),
        filled(sheet, "c.csv", ["yes", "yes", "yes", "1", "n", "yes", "0", "yes"]),
    ]
    found = sheets.of_people(voters, TEMPLATES)
    assert [sum(way.votes) for way in found] == [3, 2, 1, 3, 2, 3, 0, 2]
    assert len(found[-1].votes) == 2, "an empty cell is no vote"
    told = ways.agreement(found)
    assert told["ways"] == 8 and told["votes"] == 23 and told["kept"] == 75.0
    assert told["unanimous"] == pytest.approx(100 * 4 / 7, abs=0.01), "of the seven that all three voted on"
    assert "{A}" in found[0].text and ways.lettered(TEMPLATES[0])[0] == "Is there a {A} sound?"


def test_no_vote(sheet, tmp_path):
    good = filled(sheet, "a.csv", ["yes"] * 8)
    for change, says in [
        (("yes\r\n", "perhaps\r\n"), r"a\.csv:2: vote 'perhaps' is neither yes nor no"),
        (("same meaning", "meaning"), "its columns are id, question, rephrasing, meaning"),
        (("Is there a voiceover", "Is there a ghost"), "'Is there a ghost\\?' is not asked in this dataset"),
        ((rows_of(sheet)[1][2], "Something else"), "was it edited"),
    ]:
        bad = tmp_path / "bad" / "a.csv"
        bad.parent.mkdir(exist_ok=True)
        bad.write_bytes(good.read_bytes().replace(change[0].encode(), change[1].encode(), 1))
        with pytest.raises(DatasetError, match=says):
            sheets.read(bad, TEMPLATES)
    short = tmp_path / "short.csv"
    short.write_text("\n".join(good.read_text().splitlines()[:4]))
    with pytest.raises(DatasetError, match="not about the same rephrasings"):
        sheets.of_people([good, short], TEMPLATES)
    with pytest.raises(DatasetError, match="holds no rephrasing"):
        sheets.read(filled_empty(tmp_path), TEMPLATES)


def filled_empty(folder):
    path = folder / "empty.csv"
    path.write_text(",".join(sheets.COLUMNS) + "\n")
    return path


def test_the_page_has_every_way_and_escapes_it(tmp_path):
    found = [ways.Rephrasing('Is <b>"it"</b> a & b?', 'Tell me: is {A}"it"{B} a & b?')]
    sheets.write(found, tmp_path)
    page = (tmp_path / "votes.html").read_text()
    assert "{A}&quot;it&quot;{B} a &amp; b?" in page and page.count('type="radio"') == 2 and "http" not in page


def test_kappa_of_full_agreement_by_hand():
    some = [ways.Rephrasing("t", str(n), votes=(n < 5,) * 3) for n in range(10)]
    assert ways.agreement(some)["kappa"] == 1.0
    assert ways.agreement([ways.Rephrasing("t", "a", votes=(True, True, True))])["kappa"] is None
    assert ways.agreement([ways.Rephrasing("t", "a")])["kept"] is None
