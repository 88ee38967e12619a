// The hand-made document of three hosts that the tests of the page's pure modules share.

import { readFileSync } from 'node:fs';
import { buildModel } from '../../web/js/model/graph-model.js';

/** A fresh copy at each call, so that a test may change it. */
export function threeHosts() {
  return JSON.parse(readFileSync(new URL('fixtures/three-hosts.json', import.meta.url), 'utf8'));
}

export function threeHostsModel() {
  return buildModel(threeHosts());
}

/** A VM that nobody has seen before, for maps that grow. */
export function newVm(id, host) {
  return {
    id: `vm:${id}`, label: id, kind: 'vm', host, vswitch: null, segments: [], macs: [], ips: [], names: [], wire_bytes: 0, packets: 0,
  };
}
