// A live capture: when it ends by itself, in the units that people type, how much of that is left, and what it lost. Pure.

import { bytes, count, duration, plural, visibleText } from '../format.js';

/** @typedef {import('../document-types.js').LiveLimits} LiveLimits */
/** @typedef {import('../document-types.js').Live} Live */
/** @typedef {Pick<import('../document-types.js').MapStatus, 'state'|'live'|'progress'>} LiveMap */

/** So much waits only when frames arrive faster than they can be read; the server holds four times as much. */
const BEHIND_BYTES = 64e6;
const NAMES_SHOWN = 2;

/** @type {{key: keyof LiveLimits, unit: string, each: number}[]} */
export const LIMITS = [
  { key: 'seconds', unit: 'minutes', each: 60 },
  { key: 'bytes', unit: 'MB captured', each: 1e6 },
  { key: 'packets', unit: 'packets', each: 1 },
];

/**
 * @param {(key: string) => string} typed what stands in a field
 * @returns {Partial<LiveLimits>} fields that are empty, or no number, are left to the server
 */
export function limitsOf(typed) {
  return Object.fromEntries(LIMITS.flatMap(({ key, each }) => {
    const value = Math.round(Number(typed(key)) * each);
    return value >= 1 ? [[key, value]] : [];
  }));
}

/** The interfaces, short enough for the header. @param {Live} live @returns {string} "vnet0, vnet1 + 2 more" */
export function interfaceText(live) {
  const names = live.interface.split(', ');
  const more = names.length - NAMES_SHOWN;
  return visibleText(names.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` + ${more} more` : ''));
}

/**
 * What is left until the limit that comes first, as far as that can be told.
 * @param {LiveMap} map
 * @returns {string} "4 min 12 s left", "" when nothing is captured any more
 */
export function leftText({ state, live, progress }) {
  if (state !== 'live' || !live) return '';
  if (progress?.stage === 'names') return 'looking up names';
  const packets = progress?.packets ?? 0;
  const left = [
    { share: live.elapsed_s / live.seconds, text: duration(Math.max(0, Math.round(live.seconds - live.elapsed_s)) * 1000) },
    { share: live.captured_bytes / live.bytes, text: bytes(Math.max(0, live.bytes - live.captured_bytes)) },
    { share: packets / live.packets, text: plural(Math.max(0, live.packets - packets), 'packet') },
  ];
  const nearest = left.reduce((most, one) => (one.share > most.share ? one : most));
  return `${nearest.text} left`;
}

/**
 * What is to be known of a live capture beside its figures: while it runs when drops are told, then why it ended.
 * @param {LiveMap} map
 * @returns {string} one sentence, "" where there is nothing to say
 */
export function liveSentence({ state, live }) {
  if (!live) return '';
  if (live.end) return `Live capture: ${live.end.charAt(0).toLowerCase()}${visibleText(live.end.slice(1))}`;
  return state === 'live' && live.dropped_packets === null ? 'Live capture: how many packets are dropped is known at its end only.' : '';
}

/**
 * What a map must say because silence on it is not absence: packets that were lost, or are about to be.
 * @param {LiveMap} map
 * @returns {string[]} sentences
 */
export function lossSentences({ state, live }) {
  if (!live) return [];
  const said = [];
  if (live.dropped_packets) {
    const each = Object.entries(live.dropped_by_interface).filter(([, drops]) => drops);
    const where = each.length > 1 || Object.keys(live.dropped_by_interface).length > 1 ? ` (${each.map(([name, drops]) => `${visibleText(name)} ${count(drops ?? 0)}`).join(', ')})` : '';
    said.push(`${plural(live.dropped_packets, 'packet was', 'packets were')} dropped while capturing${where}: what this map does not show may have happened all the same.`);
  }
  if (live.dropped_packets === null) said.push(...earlyLossSentences(live, state === 'live' ? 'is told at the end' : 'nobody has told'));
  if (state === 'live' && live.behind_bytes >= BEHIND_BYTES) {
    said.push(`Packets arrive faster than they are read, ${bytes(live.behind_bytes)} are waiting: a filter would keep them from being dropped. The map is drawn again when it has caught up.`);
  }
  if (live.problem) said.push(visibleText(live.problem));
  return said;
}

/** What is known of losses before dumpcap tells its counters. @param {Live} live @param {string} rest what is said of the number @returns {string[]} */
function earlyLossSentences(live, rest) {
  const said = [];
  const missed = Object.entries(live.missed_by_interface ?? {}).filter(([, frames]) => frames);
  if (missed.length) {
    said.push(`By its own counters, ${missed.map(([name, frames]) => `${visibleText(name)} has missed ${plural(frames ?? 0, 'frame')}`).join(', ')} since the start; what was dropped behind it ${rest}.`);
  }
  if (live.held_up_s > 0) {
    said.push(`For ${duration(live.held_up_s * 1000)} nothing more could be read because too much was waiting: what dumpcap could not hold meanwhile is lost, how much ${rest}.`);
  }
  return said;
}

/** Whether anything was dropped, in a word or two. @param {Live} live @param {boolean} running */
export function droppedText(live, running) {
  if (live.dropped_packets !== null) return `${count(live.dropped_packets)} dropped`;
  return running ? 'drops told at the end' : 'drops unknown';
}
