// Names of files that the page saves. Pure.

import { visibleText } from '../format.js';

const LONGEST = 80;
/** Names that Windows keeps for devices, with any suffix. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * A name that every system takes, from the map's: letters, digits, dot, dash and underscore.
 * @param {string} name
 * @param {string} suffix with its dot
 */
export function fileName(name, suffix) {
  const plain = Array.from(visibleText(name).replace(/[^\p{L}\p{N}._-]+/gu, '-')).slice(0, LONGEST).join('').replace(/^[-.]+|[-.]+$/g, '');
  return `${plain === '' ? 'map' : DEVICE.test(plain) ? `map-${plain}` : plain}${suffix}`;
}
