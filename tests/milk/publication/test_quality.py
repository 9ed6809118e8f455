"""The quality of the data in the store: a further revision only where something else is said."""

from typing import Any

import pytest
import sqlalchemy as sa

from milk.publication.engine import writing
from milk.publication.quality import data_quality
from milk.publication.rows import QualityDocument
from tests.milk.publication.issues import OCTOBER, SERIES, issue, published


def _document(part: Any = "drift", **content: Any) -> QualityDocument:  # noqa: ANN401  # because JSON holds anything
    return QualityDocument(series_id=SERIES, part=part, content={"rows": []} | content)


def test_the_same_again_adds_nothing(store: sa.Engine) -> None:
    first = published(store, issue(OCTOBER), quality=[_document(a=1.0), _document("repairs", a=1)])
    again = published(store, issue(OCTOBER), quality=[_document(a=1.0 + 1e-12), _document("repairs", a=1)])
    assert (first.publication_id, again.publication_id) == (1, None)


def test_other_content_is_a_revision_and_the_one_before_stays(store: sa.Engine) -> None:
    for number in (1, 2):
        published(store, issue(OCTOBER), quality=[_document(a=number), _document("repairs", a=1)])
    assert data_quality(store, SERIES, upto=1) == {"drift": {"rows": [], "a": 1}, "repairs": {"rows": [], "a": 1}}
    assert data_quality(store, SERIES, upto=2)["drift"] == {"rows": [], "a": 2}
    assert data_quality(store, "other", upto=2) == {}
    with store.connect() as connection:
        revisions = connection.exec_driver_sql("SELECT part, revision FROM data_quality ORDER BY part, revision").all()
    assert [tuple(row) for row in revisions] == [("drift", 1), ("drift", 2), ("repairs", 1)]


@pytest.mark.parametrize("statement", ["DELETE FROM data_quality", "UPDATE data_quality SET revision = 2"])
def test_what_was_published_stays(store: sa.Engine, statement: str) -> None:
    published(store, issue(OCTOBER), quality=[_document()])
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(store) as connection:
        connection.exec_driver_sql(statement)


def test_no_part_that_nobody_knows(store: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        published(store, issue(OCTOBER), quality=[_document("beauty")])
