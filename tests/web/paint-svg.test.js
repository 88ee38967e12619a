import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INITIAL_STATE } from '../../web/js/app-state.js';
import { NO_FILTERS, showLane } from '../../web/js/model/filters.js';
import { buildModel } from '../../web/js/model/graph-model.js';
import { paintSvg } from '../../web/js/scene/paint-svg.js';
import { bitmapSize, composePicture } from '../../web/js/scene/picture.js';
import { streetPicture } from '../../web/js/scene/street-picture.js';
import { LANE_ORDER, LANES } from '../../web/js/verdicts.js';
import { threeHosts } from './three-hosts.js';

const COLOURS = {
  bg: 'rgb(1, 1, 1)', panel: 'rgb(255, 255, 255)', ink: 'rgb(22, 32, 43)', stay: 'rgb(0, 114, 178)', leave: 'rgb(194, 78, 0)', unk: 'rgb(102, 114, 127)', shadow: 'rgba(16, 32, 48, 0.12)',
};
const T0_MS = 1_790_000_000_000;
const page = { x: 0, y: 0, w: 100, h: 50 };
const svgOf = (items) => paintSvg({ items, bounds: page, title: 'a', description: 'b' }, COLOURS);

function picture({ change = () => {}, filters = NO_FILTERS } = {}) {
  const document = threeHosts();
  change(document);
  const model = buildModel(document);
  return composePicture(streetPicture({ ...INITIAL_STATE, filters }, model, model), { name: document.graph.name, model, filters, range: null, t0Ms: T0_MS, nowMs: T0_MS });
}

const texts = (svg) => [...svg.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map((match) => match[1].replace(/<[^>]*>/g, ''));

test('names of strangers are text, whatever they hold', () => {
  const hostile = '"><script>alert(1)</script><image href="http://x.test/"/>&\'\u0000\u202e\ud800\uffff';
  const svg = paintSvg(picture({ change: (document) => {
    document.graph.name = hostile;
    for (const node of document.nodes) {
      node.label = hostile;
      if (node.host) node.host = `${node.host}${hostile}`;
      node.vswitch = hostile;
    }
  } }), COLOURS);
  const elements = new Set([...svg.matchAll(/<\/?([\w:?]+)/g)].map((match) => match[1]));
  assert.deepEqual([...elements].filter((name) => !['?xml', 'svg', 'title', 'desc', 'defs', 'clipPath', 'filter', 'feDropShadow', 'pattern', 'circle', 'g', 'rect', 'path', 'text', 'tspan'].includes(name)), []);
  assert.doesNotMatch(svg.replace(/>[^<]*</g, '><'), /href|http:(?!\/\/www.w3.org)| on\w+=/);
  assert.doesNotMatch(svg, /[\u0000-\u0008\u202e\uffff]|&(?!amp;|lt;|gt;|quot;|#39;)/);
  assert.ok(svg.isWellFormed());
  assert.ok(svg.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
});

test('nothing but the name of the vocabulary looks like an address', () => {
  assert.deepEqual(paintSvg(picture(), COLOURS).match(/\w+:\/\/[^"]*/g), ['http://www.w3.org/2000/svg']);
});

test('every endpoint with a tile has its name, and every element is closed', () => {
  const svg = paintSvg(picture(), COLOURS);
  for (const { label, kind, host } of threeHosts().nodes) if (kind === 'vm' && host && /^[\w-]+$/.test(label)) assert.ok(texts(svg).includes(label), label);
  const count = (pattern) => [...svg.matchAll(pattern)].length;
  assert.equal(count(/<text /g), count(/<\/text>/g));
  assert.equal(count(/<(path|rect|circle) [^>]*[^/]>/g), 0);
});

test('the footer says the sentence, every lane with its bytes, the time, the filters and where it is from', () => {
  const words = texts(paintSvg(picture({ filters: { ...showLane(NO_FILTERS, 'left', false), search: 'app' } }), COLOURS)).join('\n');
  assert.match(words, /of VM-to-VM bytes never left their host/);
  for (const lane of LANE_ORDER) assert.ok(words.includes(LANES[lane].label));
  assert.match(words, /of it .* pairs?, hidden/);
  assert.match(words, /2026-09-2\d .*\(UTC/);
  assert.match(words, /Hidden: Left the host\. Only: search &#39;app&#39;/);
  assert.match(words, /three hosts · drawn by FlowMap on 2026-09-2\d/);
});

test('title and description are there for those who do not see it', () => {
  const svg = paintSvg(picture(), COLOURS);
  assert.match(svg, /role="img" aria-labelledby="title" aria-describedby="description"/);
  assert.match(svg, /<title id="title">three hosts – Street map of FlowMap<\/title>/);
  assert.match(svg, /<desc id="description">.*never left their host/);
});

test('colours are those of the theme; what is partly clear is written so that old viewers read it', () => {
  assert.match(svgOf([{ kind: 'rect', x: 0, y: 0, w: 9, h: 9, fill: 'stay', alpha: 0.5 }]), /<rect x="0" y="0" width="9" height="9" fill="#0072b2" fill-opacity="0.5"\/>/);
  assert.match(svgOf([{ kind: 'rect', x: 0, y: 0, w: 9, h: 9, fill: 'panel', shadow: true }]), /flood-color="#102030" flood-opacity="0.12"/);
});

test('lines keep dash, cap, place and hairline width', () => {
  assert.match(svgOf([{ kind: 'path', d: 'M0 0H9', stroke: 'leave', lw: 3, dash: [9, 5], cap: 'round', at: [1, 2], scale: 0.8 }]),
    /<path d="M0 0H9" fill="none" stroke="#c24e00" stroke-width="3" stroke-dasharray="9 5" stroke-linecap="round" stroke-linejoin="round" transform="translate\(1 2\) scale\(0.8\)"\/>/);
  assert.match(svgOf([{ kind: 'path', d: 'M0 0H9', stroke: 'leave', lw: 0 }]), /vector-effect="non-scaling-stroke"/);
});

test('a texture is written once, and only when it is used', () => {
  const hatched = { kind: 'rect', x: 0, y: 0, w: 9, h: 9, fill: 'tex-leave' };
  assert.equal(svgOf([hatched, hatched]).match(/<pattern id="tex-leave"/g).length, 1);
  assert.doesNotMatch(svgOf([]), /<pattern|<filter/);
});

test('a long name stays inside its tile: shortened, on two lines, held to the width', () => {
  const tile = { kind: 'name', x: 0, y: 0, w: 60, h: 40, fill: 'ink' };
  const short = svgOf([{ ...tile, text: 'web-1' }]);
  assert.deepEqual(texts(short), ['web-1']);
  const long = svgOf([{ ...tile, text: `payment-gateway-${'x'.repeat(300)}` }]);
  assert.equal(texts(long).length, 2);
  for (const [, held] of long.matchAll(/textLength="([\d.]+)"/g)) assert.ok(Number(held) <= 56);
  assert.ok(texts(long).every((line) => line.length < 20));
  assert.equal(texts(svgOf([{ ...tile, single: true, text: 'payment-gateway-of-the-estate' }])).length, 1);
  assert.deepEqual(texts(svgOf([{ ...tile, text: 'payment-gateway' }])), ['payment-', 'gateway']);
});

test('right-to-left names and emoji are kept and not stretched', () => {
  const svg = svgOf([{ kind: 'name', x: 0, y: 0, w: 90, h: 40, fill: 'ink', text: 'שרת 🚀' }]);
  assert.deepEqual(texts(svg), ['שרת 🚀']);
  assert.doesNotMatch(svg, /textLength/);
});

test('a bitmap keeps the scale that is wanted while a canvas can be so large, and says when it cannot', () => {
  assert.deepEqual(bitmapSize({ x: 0, y: 0, w: 1000, h: 800 }, 4), { scale: 4, width: 4000, height: 3200, reduced: false });
  const wide = bitmapSize({ x: 0, y: 0, w: 10_000, h: 100 }, 4);
  assert.deepEqual([wide.width, wide.reduced], [16_384, true]);
  const large = bitmapSize({ x: 0, y: 0, w: 9000, h: 9000 }, 2);
  assert.ok(large.reduced && large.width * large.height <= 64_000_000 && large.width === 8000);
});
