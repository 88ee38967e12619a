import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wiresharkFilter } from '../../web/js/model/wireshark-filter.js';

const node = (ips, macs = []) => ({ ips, macs });

test('one address each, several, both families', () => {
  assert.equal(wiresharkFilter(node(['10.0.0.1']), node(['10.0.0.2'])), '(ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2)');
  assert.equal(wiresharkFilter(node(['10.0.0.1', '10.0.0.9']), node(['10.0.0.2'])), '(ip.addr in {10.0.0.1, 10.0.0.9} && ip.addr == 10.0.0.2)');
  assert.equal(wiresharkFilter(node(['10.0.0.1', 'fe80::1%eth0']), node(['10.0.0.2', 'fe80::2'])),
    '(ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2) || (ipv6.addr == fe80::1 && ipv6.addr == fe80::2)');
});

test('MACs only where there is no common address', () => {
  const [a, b] = [node([], ['52:54:00:00:00:01']), node(['10.0.0.2'], ['52:54:00:00:00:02'])];
  assert.equal(wiresharkFilter(a, b), '(eth.addr == 52:54:00:00:00:01 && eth.addr == 52:54:00:00:00:02)');
  assert.equal(wiresharkFilter(node([]), b), null);
});
