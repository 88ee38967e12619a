import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, duration, fromTo, msOfText, naturalOrder, percent, percentages, rate, serviceName, shortName, shortenMiddle, visibleText } from '../../web/js/format.js';

/** The spaces that keep a number together, written as a plain one. */
const plain = (text) => text.replace(/[\u00a0\u2009\u202f]/g, ' ');

test('bytes have SI prefixes and three significant digits', () => {
  const cases = [
    [0, '0 B'], [1, '1 B'], [999, '999 B'], [1000, '1.00 kB'], [1234, '1.23 kB'], [12_345, '12.3 kB'], [123_456, '123 kB'],
    [999_499, '999 kB'], [999_500, '1.00 MB'], [1_840_000_000, '1.84 GB'], [2 ** 53, '9.01 PB'],
  ];
  for (const [value, text] of cases) assert.equal(bytes(value), text);
});

test('rates are bits', () => {
  assert.equal(rate(1_000_000, 8), '1.00 Mbit/s');
  assert.equal(rate(1000, 0), '–');
});

test('thousands are parted', () => {
  assert.equal(plain(count(22_812_466)), '22 812 466');
  assert.equal(count(999), '999');
});

test('a percentage never rounds something to nothing or most to all', () => {
  assert.equal(plain(percent(1, 3)), '33 %');
  assert.equal(plain(percent(1, 100_000)), '< 1 %');
  assert.equal(plain(percent(99_999, 100_000)), '> 99 %');
  assert.equal(plain(percent(0, 5)), '0 %');
  assert.equal(plain(percent(5, 5)), '100 %');
  assert.equal(plain(percent(0, 0)), '0 %');
});

test('percentages of one whole add up', () => {
  const sum = (parts) => percentages(parts).reduce((total, text) => total + Number.parseInt(text, 10), 0);
  // rounded one by one these would give 102, 99 and 101
  for (const parts of [[1, 1, 4], [1, 1, 1], [6000, 8000, 1500], [0, 0, 7], [12, 0, 1]]) assert.equal(sum(parts), 100, String(parts));
  assert.deepEqual(percentages([99_999, 1, 0]).map(plain), ['> 99 %', '< 1 %', '0 %']);
});

test('what cannot be seen is shown by its number', () => {
  assert.equal(visibleText('\u202egnp.exe'), '⟨202E⟩gnp.exe');
  assert.equal(visibleText('a\u0000\u001b[31m\u200b'), 'a⟨0000⟩⟨001B⟩[31m⟨200B⟩');
  assert.equal(visibleText('<b>日本語</b> ü'), '<b>日本語</b> ü');
  assert.equal(visibleText('half \ud800 pair'), 'half \ufffd pair');
});

test('three digits stay three where rounding carries over', () => {
  assert.equal(bytes(9_995_000), '10.0 MB');
  assert.equal(bytes(99.95e6), '100 MB');
  assert.equal(bytes(99.94e6), '99.9 MB');
  assert.equal(duration(59_999), '1 min 00 s');
  assert.equal(duration(59_900), '59.9 s');
  assert.equal(duration(60_000), '1 min 00 s');
});

test('names that are read from the right stand each for itself around an arrow', () => {
  assert.equal(fromTo('web-1', 'db-1'), 'web-1 → db-1');
  assert.equal(fromTo('שרת-1', 'خادم'), '\u2068שרת-1\u2069 → \u2068خادم\u2069');
  assert.equal(fromTo('a\u202eb', 'c'), 'a⟨202E⟩b → c', 'what the name itself holds is shown, not obeyed');
});

test('long texts keep both ends', () => {
  assert.equal(shortenMiddle('frontend-web-01', 9), 'fron…b-01');
  assert.equal(shortenMiddle('web-01', 9), 'web-01');
  assert.equal(Array.from(shortenMiddle('🙂'.repeat(20), 7)).length, 7);
});

test('services are named by application and port', () => {
  assert.equal(serviceName({ protocol: 'tcp', port: 443, application: 'tls' }), 'tls 443/tcp');
  assert.equal(serviceName({ protocol: 'udp', port: 4789, application: null }), 'udp 4789');
  assert.equal(serviceName({ protocol: 'icmp', port: null, application: null }), 'icmp');
});

test('times as text keep their milliseconds', () => {
  assert.equal(msOfText('1790000000123456789'), 1790000000123.456);
  assert.equal(msOfText(null), null);
  assert.equal(msOfText('soon'), null);
});

test('durations and natural order', () => {
  assert.equal(duration(456), '456 ms');
  assert.equal(duration(12_340), '12.3 s');
  assert.equal(duration(21_660_000), '6 h 01 min');
  assert.equal(duration(7 * 86_400_000), '7 days');
  assert.deepEqual(['web-10', 'web-2', 'Web-1'].sort(naturalOrder), ['Web-1', 'web-2', 'web-10']);
});

test('blanks in disguise are shown, and heaped marks are cut', () => {
  assert.equal(visibleText('a\u3164b\u{e0041}c'), 'a⟨3164⟩b⟨E0041⟩c');
  assert.equal(visibleText(`z${'\u0301'.repeat(200)}y`), `z${'\u0301'.repeat(4)}…y`);
  assert.equal(visibleText('e\u0301 नि 👩‍💻'.normalize('NFD')).startsWith('e\u0301 नि'), true);
});

test('a name of any length fits a line or two, with both ends and nothing hidden', () => {
  assert.equal(shortName('web-1'), 'web-1');
  assert.equal(shortName(`a\u202e${'n'.repeat(300)}z`, 12), 'a⟨202E…nnnnz');
  assert.equal(Array.from(shortName('n'.repeat(300))).length, 60);
});
