// Numbers, times and untrusted text as people read them: the only place that does so.

const THIN = '\u2009';
const FIXED = '\u00a0'; // keeps a number and its sign on one line

/** Three significant digits: 1.84, 12.3, 412. What would be written 10.00 or 100.0 has them already. @param {number} value */
function threeDigits(value) {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

/**
 * A number with an SI prefix and three significant digits; whole below 1000.
 * @param {number} value
 * @param {string} unit
 * @returns {string}
 */
function si(value, unit) {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let scaled = value;
  let step = 0;
  // 999.5 would be written 1000: it belongs to the next prefix
  while (scaled >= (step === 0 ? 1000 : 999.5) && step < prefixes.length - 1) {
    scaled /= 1000;
    step += 1;
  }
  const digits = step === 0 ? String(Math.round(scaled)) : threeDigits(scaled);
  return `${digits} ${prefixes[step]}${unit}`;
}

/** @param {number} bytes @returns {string} "1.84 GB" */
export function bytes(bytes) {
  return si(bytes, 'B');
}

/** @param {number} bytes @param {number} seconds @returns {string} "3.40 Mbit/s", "–" without a duration */
export function rate(bytes, seconds) {
  return seconds > 0 ? si((bytes * 8) / seconds, 'bit/s') : '–';
}

/** @param {number} value a second @param {string} unit @returns {string} "1.20 M packets/s" */
export function perSecond(value, unit) {
  return `${si(value, unit)}/s`.replace(/ {2,}/, ' ');
}

/**
 * One unit for all numbers of an axis.
 * @param {number} top bit/s at its end
 * @returns {{unit: string, text: (bitsPerSecond: number) => string}} "Mbit/s", and what the numbers are in it
 */
export function rateAxis(top) {
  const step = Math.min(6, Math.max(0, Math.floor(Math.log10(Math.max(top, 1)) / 3 + 1e-9)));
  return { unit: `${['', 'k', 'M', 'G', 'T', 'P', 'E'][step]}bit/s`, text: (value) => String(Number((value / 1000 ** step).toPrecision(3))) };
}

/** @param {number} value @returns {string} whole number, thousands parted by a thin space */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, THIN);
}

/** @param {number} n @param {string} one @param {string} [many] */
export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/**
 * A share as a whole percentage that never rounds something to nothing or most to all.
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  return whole <= 0 ? percentText(0, 0, 1) : percentText(Math.round((100 * part) / whole), part, whole);
}

/**
 * Parts of one whole as percentages whose whole numbers add up to 100 (largest remainders are rounded up).
 * @param {number[]} parts
 * @returns {string[]}
 */
export function percentages(parts) {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  if (whole <= 0) return parts.map(() => percent(0, 1));
  const exact = parts.map((part) => (100 * part) / whole);
  const rounded = exact.map(Math.floor);
  const missing = 100 - rounded.reduce((sum, part) => sum + part, 0);
  exact.map((part, index) => ({ index, rest: part - Math.floor(part) }))
    .sort((p, q) => q.rest - p.rest || p.index - q.index)
    .slice(0, missing)
    .forEach(({ index }) => { rounded[index] = (rounded[index] ?? 0) + 1; });
  return parts.map((part, index) => percentText(rounded[index] ?? 0, part, whole));
}

/** @param {number} rounded @param {number} part @param {number} whole */
function percentText(rounded, part, whole) {
  if (part > 0 && rounded === 0) return `<${FIXED}1${FIXED}%`;
  if (part < whole && rounded === 100) return `>${FIXED}99${FIXED}%`;
  return `${rounded}${FIXED}%`;
}

/**
 * Nanoseconds of a document as milliseconds since 1970. The document's integers exceed what a JavaScript number
 * holds exactly; what is lost is under a microsecond, and only times of day are shown.
 * @param {number|null|undefined} ns
 */
export function msOfNs(ns) {
  return ns === null || ns === undefined ? null : ns / 1e6;
}

/** @param {string|null} t0Ns nanoseconds as text @returns {number|null} milliseconds since 1970 */
export function msOfText(t0Ns) {
  return t0Ns === null || !/^\d+$/.test(t0Ns) ? null : Number(BigInt(t0Ns) / 1000n) / 1000;
}

/** @param {number} value @param {number} width */
function pad(value, width = 2) {
  return String(value).padStart(width, '0');
}

/** Local time of day. @param {number|null} ms @param {'minutes'|'seconds'|'millis'} [precision] */
export function timeOfDay(ms, precision = 'seconds') {
  if (ms === null) return 'no time';
  const at = new Date(ms);
  const minutes = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  if (precision === 'minutes') return minutes;
  const seconds = `${minutes}:${pad(at.getSeconds())}`;
  return precision === 'seconds' ? seconds : `${seconds}.${pad(at.getMilliseconds(), 3)}`;
}

/** @param {number} ms @returns {string} local date, 2026-01-31 */
export function dateOf(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

/** @param {number} ms @returns {string} "UTC", "UTC+1", "UTC−3:30" of the local zone at that time */
export function zoneOf(ms) {
  const offset = -new Date(ms).getTimezoneOffset();
  if (offset === 0) return 'UTC';
  const size = Math.abs(offset);
  const minutes = size % 60 === 0 ? '' : `:${pad(size % 60)}`;
  return `UTC${offset > 0 ? '+' : '−'}${Math.floor(size / 60)}${minutes}`;
}

/**
 * A span with its date and zone: "2026-01-31 12:04 – 15:16 (UTC+1)".
 * @param {number|null} from
 * @param {number|null} to
 */
export function timeSpan(from, to) {
  if (from === null || to === null) return 'no times in the capture';
  const precision = to - from < 600_000 ? 'seconds' : 'minutes';
  const sameDay = dateOf(from) === dateOf(to);
  const end = sameDay ? timeOfDay(to, precision) : `${dateOf(to)} ${timeOfDay(to, precision)}`;
  return `${dateOf(from)} ${timeOfDay(from, precision)} – ${end} (${zoneOf(from)})`;
}

/**
 * The two ends of a range as a clock shows them, as exactly as they are: "12:04 – 15:16", "12:04:10 – 12:04:12".
 * When the dates differ they stand there instead of the seconds.
 * @param {number} from milliseconds since 1970
 * @param {number} to
 */
export function clockSpan(from, to) {
  const ends = [Math.round(from), Math.round(to)];
  const dated = dateOf(from) !== dateOf(to - 1);
  const precision = dated ? 'minutes' : ends.some((ms) => ms % 1000) ? 'millis' : ends.some((ms) => ms % 60_000) ? 'seconds' : 'minutes';
  return ends.map((ms) => `${dated ? `${dateOf(ms).slice(5)} ` : ''}${timeOfDay(ms, precision)}`).join(' – ');
}

/** @param {number} ms @returns {string} "6 h 01 min", "12.3 s" */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`; // above it would be written 60.0
  if (ms < 60_000) return '1 min 00 s';
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${pad(Math.floor((ms % 60_000) / 1000))} s`;
  if (minutes >= 2880) return plural(Math.round(minutes / 1440), 'day');
  return `${count(Math.floor(minutes / 60))} h ${pad(minutes % 60)} min`;
}

/** A length that is mostly a round one. @param {number} ms @returns {string} "1 s", "5 min", "2 h", else as duration says */
export function roundDuration(ms) {
  /** @type {[number, string][]} */
  const units = [[3_600_000, 'h'], [60_000, 'min'], [1000, 's'], [1, 'ms']];
  const [size, unit] = units.find(([one]) => ms >= one && ms < 100 * one && ms % one === 0) ?? [0, ''];
  return size > 0 ? `${count(ms / size)} ${unit}` : duration(ms);
}

// Controls, direction overrides, blanks that are no spaces and characters without a width: in a name they only deceive.
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Default_Ignorable_Code_Point}]/gu;
// Marks that are heaped on one sign would be drawn over the lines above; no script needs more than a few.
const HEAPED = /(\p{M}{4})\p{M}+/gu;

/**
 * Text of a packet or file, made safe to look at: what cannot be seen is shown by its number.
 * @param {string} text
 */
export function visibleText(text) {
  return text
    .replace(INVISIBLE, (sign) => `⟨${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
    .replace(HEAPED, '$1…')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

// Letters that are read from the right: Hebrew, Arabic and their neighbours.
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/**
 * A visible text that is one unit among others: two names that are read from the right would change places around an arrow.
 * @param {string} text
 */
export function isolated(text) {
  return FROM_THE_RIGHT.test(text) ? `\u2068${text}\u2069` : text;
}

/** Two names and an arrow, safe to look at. @param {string} from @param {string} to */
export function fromTo(from, to) {
  return `${isolated(visibleText(from))} → ${isolated(visibleText(to))}`;
}

/**
 * Keeps both ends of a long text, because names differ there.
 * @param {string} text
 * @param {number} most characters kept
 */
export function shortenMiddle(text, most) {
  const signs = Array.from(text);
  if (signs.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  const tail = Math.max(0, most - 1 - head);
  return `${signs.slice(0, head).join('')}…${tail ? signs.slice(-tail).join('') : ''}`;
}

/** A name from a capture where there is room for a line or two; the whole name belongs into a title. @param {string} text @param {number} [most] */
export function shortName(text, most = 60) {
  return shortenMiddle(visibleText(text), most);
}

/** @param {{protocol: string, port: number|null, application: string|null}} service */
export function serviceName(service) {
  const port = service.port === null ? '' : ` ${service.port}`;
  const name = service.application ?? service.protocol;
  const protocol = service.application && service.port !== null ? `/${service.protocol}` : '';
  return visibleText(`${name}${port}${protocol}`);
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** web-2 before web-10. @param {string} a @param {string} b */
export function naturalOrder(a, b) {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
