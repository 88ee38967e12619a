"""Imports are found where they are code, and nowhere else."""

from __future__ import annotations

import pytest

from flowmap.export.js_modules import UnknownJavaScript, imports, imports_at_once, skeleton, with_imports

MODULE = r"""
// import a from './comment.js';
/* import b from './comment.js'; */
import './effect.js';
import one, { two as three,
  four } from "./names.js";
import * as all from './all.js';
export { five } from './passed.js';
export * from './rest.js';
export * as six from './six.js';
/** @type {import('./types.js').T} */
const text = 'import x from "./string.js"';
const template = `import y from './template.js' ${call({ a: `}` }, '`')} export * from './z.js'`;
const later = async () => (await import('./later.js')).default;
const inside = `${import( "./inside.js" )} import('./template.js')`;
const pattern = /import '[/]pattern.js'`/g.test(text) ? 4 / 2 : '/';
export { template };
export default class {}
export const important = { import: 1, export: 2 }.import;
"""
AT_ONCE = ["./effect.js", "./names.js", "./all.js", "./passed.js", "./rest.js", "./six.js"]
FOUND = [*AT_ONCE, "./later.js", "./inside.js"]


def test_every_form_of_import_is_found_in_order():
    assert imports(MODULE) == FOUND
    assert imports_at_once(MODULE) == AT_ONCE


def test_only_the_specifiers_are_exchanged():
    renamed = with_imports(MODULE, lambda specifier: f"x/{specifier[2:]}")
    assert imports(renamed) == [f"x/{specifier[2:]}" for specifier in FOUND]
    for specifier in FOUND:
        renamed = renamed.replace(f"x/{specifier[2:]}", specifier)
    assert renamed == MODULE


def test_the_skeleton_keeps_every_line_and_column():
    blank = skeleton(MODULE)
    assert len(blank) == len(MODULE)
    assert [len(line) for line in blank.splitlines()] == [len(line) for line in MODULE.splitlines()]


@pytest.mark.parametrize(
    "source",
    [
        "import(name)",
        "import('./x' + '.js')",
        "import(`./x.js`)",
        "import('./x.js', { with: { type: 'json' } })",
        "`${import(name)}`",
        "import.meta.resolve('./x.js')",
        "import x from `./x.js`",
        "export * from x",
        "new Worker('x.js')",
        "importScripts('x.js')",
        "`never ends",
        "}",
    ],
)
def test_what_is_not_known_is_refused(source):
    with pytest.raises(UnknownJavaScript):
        imports(source)


def test_a_division_is_no_pattern():
    assert imports("const half = width / 2; import './x.js'; const third = (a) / 3;") == ["./x.js"]
    assert imports("const a = b[0] / 2;\nimport './y.js';\nconst c = d / 2;") == ["./y.js"]
