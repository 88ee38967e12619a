"""A script or style that something on the way has changed is not used: the page says what it has to be."""

from __future__ import annotations

import pytest

from tests.browser.conftest import NOTE_VIOLATIONS, WITHIN_MS


@pytest.fixture
def altered_page(browser, server):
    """Opens the page with one file changed on its way; gives the page and what it complained about."""
    contexts = []

    def open_altered(path, addition):
        context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
        contexts.append(context)

        def alter(route):
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text() + addition)

        context.route(f"**/{path}", alter)
        context.add_init_script(NOTE_VIOLATIONS)
        page = context.new_page()
        with page.expect_console_message(lambda message: "integrity" in message.text, timeout=WITHIN_MS) as complaint:
            page.goto("/")
        assert complaint.value.type == "error" and path in complaint.value.text
        return page

    yield open_altered
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    "path",
    ["vendor/d3.min.js", "js/main.js", "js/views/stage.js", "js/model/filters.js"],
    ids=["a library", "the script", "a module", "a module of modules"],
)
def test_a_script_that_was_changed_on_its_way_is_not_run(altered_page, path):
    page = altered_page(path, "\nglobalThis.altered = true;\n")
    page.wait_for_load_state("load")
    assert page.evaluate("[globalThis.altered ?? null, document.documentElement.dataset.started ?? null]") == [None] * 2


def test_a_module_of_what_comes_later_that_was_changed_on_its_way_is_not_run(altered_page):
    page = altered_page("js/views/pair-table.js", "\nglobalThis.altered = true;\n")
    page.wait_for_selector("html[data-started]", state="attached", timeout=WITHIN_MS)
    # The complaint is about the preload: who imports the module afterwards must not get another copy of it.
    came = "import(document.querySelector('link[href$=\"pair-table.js\"]').href).then(() => true, () => false)"
    assert page.evaluate(came) is False
    assert page.evaluate("globalThis.altered ?? null") is None


def test_a_style_that_was_changed_on_its_way_is_not_applied(altered_page):
    page = altered_page("css/header.css", "\n:root { --altered: 1 }\n")
    page.wait_for_selector("html[data-started]", state="attached", timeout=WITHIN_MS)
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--altered')") == ""


def test_an_unchanged_answer_of_the_same_detour_is_used(browser, server):
    context = browser.new_context(base_url=server.url, storage_state=server.storage_state)
    context.route("**/vendor/d3.min.js", lambda route: route.fulfill(response=route.fetch()))
    page = context.new_page()
    page.goto("/")
    page.wait_for_selector("html[data-started]", state="attached", timeout=WITHIN_MS)
    context.close()
