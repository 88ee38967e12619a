// The part of YAML that points files use: block and flow maps and lists, plain and quoted scalars, comments.
// Anything else (anchors, tags, multi-line scalars, several documents) is refused by its line, never guessed. Pure.

/** @typedef {{indent: number, text: string, number: number}} Line */

/**
 * @param {string} source
 * @returns {unknown}
 */
export function parseYaml(source) {
  const lines = contentLines(source);
  if (lines.length === 0) return null;
  const reader = new BlockReader(lines);
  const value = reader.block(lines[0]?.indent ?? 0);
  reader.expectEnd();
  return value;
}

/** @param {string} source @returns {Line[]} without comments and empty lines; open flow brackets join lines */
function contentLines(source) {
  /** @type {Line[]} */
  const lines = [];
  let open = 0;
  source.split(/\r\n|\r|\n/).forEach((raw, index) => {
    const text = withoutComment(raw).trimEnd();
    if (text.trim() === '' || (text === '---' && lines.length === 0)) return;
    if (text === '---' || text === '...') throw new Error(`line ${index + 1} begins a second document`);
    if (/^\s*\t/.test(text)) throw new Error(`line ${index + 1} is indented with a tab`);
    const last = lines.at(-1);
    if (open > 0 && last) last.text += ` ${text.trim()}`;
    else lines.push({ indent: text.length - text.trimStart().length, text: text.trim(), number: index + 1 });
    open += bracketBalance(text);
  });
  return lines;
}

/** @param {string} line @returns {{char: string, at: number}[]} characters that stand outside quotes */
function bare(line) {
  const signs = [];
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (quote) {
      if (quote === '"' && char === '\\') at += 1;
      else if (char === quote) quote = '';
    } else if ((char === '"' || char === "'") && /(^|[\s[{,:])$/.test(line.slice(0, at))) quote = char;
    else signs.push({ char, at });
  }
  return signs;
}

/** @param {string} line */
function withoutComment(line) {
  const hash = bare(line).find(({ char, at }) => char === '#' && (at === 0 || /\s/.test(line[at - 1] ?? '')));
  return hash ? line.slice(0, hash.at) : line;
}

/** @param {string} line */
function bracketBalance(line) {
  return bare(line).reduce((sum, { char }) => sum + ('[{'.includes(char) ? 1 : ']}'.includes(char) ? -1 : 0), 0);
}

/** @param {string} text @returns {number} where the colon stands that ends a key, or −1 */
function keyEnd(text) {
  if ('[{'.includes(text[0] ?? '')) return -1;
  return bare(text).find(({ char, at }) => char === ':' && (at === text.length - 1 || text[at + 1] === ' '))?.at ?? -1;
}

class BlockReader {
  #lines;

  #next = 0;

  /** @param {Line[]} lines */
  constructor(lines) {
    this.#lines = lines;
  }

  /** @returns {Line|undefined} */
  #peek() {
    return this.#lines[this.#next];
  }

  expectEnd() {
    const line = this.#peek();
    if (line) throw new Error(`line ${line.number} does not fit the indentation above it`);
  }

  /** @param {number} indent @returns {unknown} */
  block(indent) {
    const line = this.#peek();
    if (!line) return null;
    if (/^-( |$)/.test(line.text)) return this.#list(indent);
    if (keyEnd(line.text) >= 0) return this.#map(indent);
    this.#next += 1;
    return parseFlow(line.text, line.number);
  }

  /** @param {number} indent */
  #list(indent) {
    const items = [];
    for (let line = this.#peek(); line && line.indent === indent && /^-( |$)/.test(line.text); line = this.#peek()) {
      const rest = line.text.slice(1).trimStart();
      if (rest === '') {
        this.#next += 1;
        items.push(this.#nested(indent + 1));
      } else if (/^-( |$)/.test(rest)) {
        throw new Error(`line ${line.number} begins a list within a list, which is not read here`);
      } else if (keyEnd(rest) >= 0) {
        line.indent = indent + line.text.length - rest.length;
        line.text = rest;
        items.push(this.#map(line.indent));
      } else {
        this.#next += 1;
        items.push(parseFlow(rest, line.number));
      }
    }
    return items;
  }

  /** @param {number} indent */
  #map(indent) {
    /** @type {[string, unknown][]} */
    const entries = [];
    for (let line = this.#peek(); line && line.indent === indent && !/^-( |$)/.test(line.text); line = this.#peek()) {
      const { number, text } = line;
      const end = keyEnd(text);
      if (end < 0) throw new Error(`line ${number} has no "key: value"`);
      const key = String(parseFlow(text.slice(0, end), number));
      const rest = text.slice(end + 1).trim();
      if (entries.some(([known]) => known === key)) throw new Error(`line ${number} gives "${key}" a second time`);
      this.#next += 1;
      entries.push([key, rest === '' ? this.#value(indent) : parseFlow(rest, number)]);
    }
    return Object.fromEntries(entries);
  }

  /** Lists may stand at the indentation of their key. @param {number} indent */
  #value(indent) {
    const line = this.#peek();
    return line && line.indent === indent && /^-( |$)/.test(line.text) ? this.#list(indent) : this.#nested(indent + 1);
  }

  /** @param {number} least */
  #nested(least) {
    const line = this.#peek();
    return line && line.indent >= least ? this.block(line.indent) : null;
  }
}

/** @param {string} text @param {number} number of the line @returns {unknown} */
function parseFlow(text, number) {
  const reader = new FlowReader(text, number);
  const value = reader.value('');
  reader.expectEnd();
  return value;
}

class FlowReader {
  #text;

  #number;

  #at = 0;

  /** @param {string} text @param {number} number */
  constructor(text, number) {
    this.#text = text;
    this.#number = number;
  }

  /** @param {string} what @returns {never} */
  #fail(what) {
    throw new Error(`line ${this.#number} ${what}`);
  }

  #skip() {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  expectEnd() {
    this.#skip();
    if (this.#at < this.#text.length) this.#fail(`has "${this.#text.slice(this.#at, this.#at + 12)}" after its value`);
  }

  /** @param {string} stops characters that end a plain scalar @returns {unknown} */
  value(stops) {
    this.#skip();
    const sign = this.#text[this.#at] ?? '';
    if (sign === '[') return this.#list();
    if (sign === '{') return this.#map();
    if (sign === '"' || sign === "'") return this.#quoted(sign);
    if (sign !== '' && '&*!|>%@`'.includes(sign)) this.#fail(`begins a value with "${sign}", which is not read here`);
    const text = this.#plainText(stops);
    if (/: |:$/.test(text)) this.#fail(`has a second "key: value" in its value`);
    return plain(text);
  }

  /** @param {string} stops */
  #plainText(stops) {
    const from = this.#at;
    while (this.#at < this.#text.length) {
      const sign = this.#text[this.#at] ?? '';
      if (stops.includes(sign) && (sign !== ':' || /[ ,}\]]|^$/.test(this.#text[this.#at + 1] ?? ''))) break;
      this.#at += 1;
    }
    return this.#text.slice(from, this.#at).trim();
  }

  /** @param {string} quote */
  #quoted(quote) {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote) end += quote === '"' && this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) this.#fail('has a quote that does not end');
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    if (quote === "'") return inner;
    try {
      return JSON.parse(`"${inner}"`);
    } catch {
      return this.#fail('has an escape in quotes that is not read here');
    }
  }

  #list() {
    const items = [];
    this.#at += 1;
    for (;;) {
      this.#skip();
      if (this.#take(']')) return items;
      items.push(this.value(',]'));
      this.#skip();
      if (!this.#take(',') && this.#text[this.#at] !== ']') this.#fail('has a list that does not end');
    }
  }

  #map() {
    /** @type {[string, unknown][]} */
    const entries = [];
    this.#at += 1;
    for (;;) {
      this.#skip();
      if (this.#take('}')) return Object.fromEntries(entries);
      const key = String(this.value(':,}'));
      this.#skip();
      if (!this.#take(':')) this.#fail('has a map without "key: value"');
      entries.push([key, this.value(',}')]);
      this.#skip();
      if (!this.#take(',') && this.#text[this.#at] !== '}') this.#fail('has a map that does not end');
    }
  }

  /** @param {string} sign */
  #take(sign) {
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }
}

/** @param {string} text @returns {unknown} */
function plain(text) {
  if (text === '' || text === '~' || text === 'null') return null;
  if (/^(true|yes|on)$/i.test(text)) return true;
  if (/^(false|no|off)$/i.test(text)) return false;
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : text;
}
