// The words, marks and line styles of every verdict: the only place where they stand.

/**
 * A lane is how a pair is drawn and filtered. Hairpins are a part of "left" with a lane of their own,
 * because an administrator can act on them at once.
 * @typedef {'stayed'|'left'|'hairpin'|'mixed'|'undetermined'|'flood'} Lane
 */

/**
 * @typedef {object} LaneStyle
 * @property {Lane} lane
 * @property {string} label the word that people read
 * @property {string} token colour token of css/tokens.css
 * @property {number[]} dash canvas line dash; empty is solid
 * @property {string} glyph a second cue beside the colour
 */

/** @type {Record<Lane, LaneStyle>} */
export const LANES = {
  stayed: { lane: 'stayed', label: 'Stayed on host', token: 'stay', dash: [], glyph: '⌂' },
  left: { lane: 'left', label: 'Left the host', token: 'leave', dash: [9, 5], glyph: '↗' },
  hairpin: { lane: 'hairpin', label: 'Hairpin', token: 'leave', dash: [9, 5], glyph: '↩' },
  mixed: { lane: 'mixed', label: 'Mixed', token: 'stay', dash: [10, 10], glyph: '◐' },
  undetermined: { lane: 'undetermined', label: 'Undetermined', token: 'unk', dash: [1.5, 5], glyph: '?' },
  flood: { lane: 'flood', label: 'Flood', token: 'unk', dash: [1.5, 5], glyph: '≋' },
};

/** Order of legend, bars and sorting. @type {Lane[]} */
export const LANE_ORDER = ['stayed', 'left', 'hairpin', 'mixed', 'undetermined'];

const HAIRPINS = new Set(['hairpin_routed', 'hairpin_reflected']);

/**
 * @param {{left_host: string|null, verdict: string}} edge
 * @returns {Lane}
 */
export function laneOf(edge) {
  if (edge.left_host === null) return 'flood';
  if (edge.left_host === 'left' && HAIRPINS.has(edge.verdict)) return 'hairpin';
  return /** @type {Lane} */ (edge.left_host);
}

/** @param {Lane} lane @returns {string} the sentence head of a verdict, "Left the host · hairpin" */
export function laneTitle(lane) {
  return lane === 'hairpin' ? 'Left the host · hairpin' : LANES[lane].label;
}

/** What each verdict name of the document means. @type {Record<string, string>} */
const MEANINGS = {
  intra_host_switched: 'Switched inside one vSwitch: no uplink ever carried it.',
  intra_host_routed_distributed: 'Routed inside the host by a distributed router.',
  intra_host_routed_vm: 'Routed inside the host by a router or firewall VM.',
  host_local: 'Between a VM and its own hypervisor.',
  hairpin_routed: 'Same host at both ends, yet it went out to a router and came back.',
  hairpin_reflected: 'Same host at both ends, yet the physical switch reflected it back.',
  inter_host: 'Between two hosts, through the physical network.',
  inter_host_overlay: 'Between two hosts, inside an overlay tunnel.',
  north_south: 'The other end is no VM of this estate.',
  flooded: 'Sent to many: a copy left the host.',
  mixed: 'Some of it stayed and some of it left.',
  routed_unlocated: 'It was routed, but where the router stands is not known.',
  undetermined: 'These captures do not tell whether it left the host.',
};

/** @param {string} verdict */
export function meaningOf(verdict) {
  return MEANINGS[verdict] ?? 'A verdict that this page does not know yet.';
}

/** What a grade stands for. @type {Record<string, string>} */
const GRADES = {
  proven: 'packets seen at identified capture points',
  strong: 'fresh, complete inventory and what packets show',
  likely: 'a part of it is inferred',
  weak: 'a single hint',
  conflict: 'the evidence disagrees',
};

/** @param {string|null} grade */
export function gradeMeaning(grade) {
  return grade === null ? 'no evidence' : GRADES[grade] ?? '';
}

/** Grades from best to none, for sorting. */
export const GRADE_ORDER = ['proven', 'strong', 'likely', 'weak', 'conflict'];

/** Role of a capture point, in words. @type {Record<string, string>} */
export const ROLES = {
  vnic: 'vNIC', uplink: 'uplink', mirror: 'mirror', underlay: 'underlay', unknown: 'role unknown',
};
