import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destinationsOf, hairpinsOf, servicesOfPairs, uplinksText, waysOf } from '../../web/js/model/host-facts.js';

const service = (port, wire_bytes, application = null) => ({ protocol: 'tcp', port, application, wire_bytes });
const pair = (placeA, placeB, out, back, lane = 'left', services = []) => ({
  placeA, placeB, lane, edge: { wire_bytes: out + back, source_to_target_bytes: out, target_to_source_bytes: back, services },
});

test('where the traffic of a host goes, whoever opened it, without what is its own', () => {
  const pairs = [pair('h', 'k', 10, 5), pair('m', 'h', 100, 0), pair('k', 'h', 1, 1), pair('h', 'h', 900, 0, 'stayed')];
  assert.deepEqual(destinationsOf('h', pairs), [{ place: 'm', pairs: 1, wire_bytes: 100 }, { place: 'k', pairs: 2, wire_bytes: 17 }]);
});

test('a trunk has bytes each way', () => {
  assert.deepEqual(waysOf((place) => place === 'h', [pair('h', 'k', 10, 5), pair('k', 'h', 100, 1)]), { there: 11, back: 105 });
});

test('a service over TCP and UDP is one, and its pair counts once', () => {
  const dns = [{ ...service(53, 5, 'dns'), protocol: 'udp' }, service(53, 7, 'dns')];
  assert.deepEqual(servicesOfPairs([pair('h', 'k', 0, 0, 'left', dns)]).map((row) => [row.service.port, row.pairs, row.wire_bytes]), [[53, 1, 12]]);
});

test('services of several pairs are summed by application and port', () => {
  const pairs = [pair('h', 'k', 0, 0, 'left', [service(443, 5, 'tls'), service(22, 1)]), pair('h', 'm', 0, 0, 'left', [service(443, 7, 'tls')])];
  assert.deepEqual(servicesOfPairs(pairs).map((row) => [row.service.port, row.pairs, row.wire_bytes]), [[443, 2, 12], [22, 1, 1]]);
});

test('hairpins, and what is known of uplinks', () => {
  assert.equal(hairpinsOf([pair('h', 'h', 1, 1, 'hairpin'), pair('h', 'h', 1, 1, 'stayed')]).length, 1);
  assert.equal(uplinksText(undefined), 'No uplink is listed; not known to be complete.');
  assert.equal(uplinksText({ uplinks: ['eno1', 'eno2'], uplinks_complete: true }), '2 uplinks: eno1, eno2; stated complete.');
});
