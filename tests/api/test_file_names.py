"""Any text may be the name of an upload: it is data, and on the disk there is a random name."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.frames import pcap, two_talks

RANDOM_NAME = re.compile(r"[0-9a-f]{32}")
DECEIVING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NAMES = st.one_of(st.text(max_size=300), st.text("./\\\0-~%\u202e con", max_size=40))


def test_any_text_as_a_name_is_data(server):
    folder = server.state.settings.data_dir
    content = pcap(two_talks())
    map_id = server.new_map()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(NAMES)
    def upload(name):
        path = quote(name.encode("utf-8", "surrogatepass"), safe="")
        answer = server.client.put(f"/api/maps/{map_id}/captures/{path}", content=content)
        if name in (".", ".."):  # steps in an address, which the client walks before it sends anything (RFC 3986 5.2.4)
            assert answer.status_code == 405
        else:  # several lines are no address of an upload
            assert answer.status_code in ((201, 404) if "\n" in name else (201,))
        for row in server.status(map_id)["captures"]:
            assert 0 < len(row["name"]) <= 255
            assert not {unicodedata.category(sign) for sign in row["name"]} & {"Cc", "Cs"}
            assert not set(row["name"]) & set(DECEIVING)

    upload()
    files = list((folder / "maps" / map_id / "captures").iterdir())
    assert files and all(RANDOM_NAME.fullmatch(file.name) and file.read_bytes() == content for file in files)
    assert {path.name for path in (folder / "maps").iterdir()} == {map_id}
