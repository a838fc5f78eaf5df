/**
 * @file Reads JSON value by value from its bytes, without building what nobody asks for: the headers of safetensors
 * files, which come from anywhere and may have 100 MB. As strict as the reference reader (Rust's serde_json): numbers
 * keep their spelling, so that `1.0` is no integer; lone surrogates, numbers beyond float64 and deep nesting are
 * errors, also in values that are skipped.
 */
import { isUtf8 } from "node:buffer";

/** How deep arrays and objects may lie in each other, the outermost included (serde_json: `remaining_depth`). */
export const maxJsonDepth = 127;

/** What is wrong with a JSON text, e.g. "is not valid JSON (byte 12)". */
export class JsonFault extends Error {}

/** What kind of value comes next. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

const [quoteByte, backslash, comma, colon, minus, zero, nine] = Buffer.from('"\\,:-09');
const [braceOpen, braceClose, bracketOpen, bracketClose] = Buffer.from("{}[]");

/** A place in a JSON text that moves forward as values are read. */
export class JsonCursor {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;

  /** @throws JsonFault if the bytes are not UTF-8. */
  constructor(bytes: Uint8Array) {
    if (!isUtf8(bytes)) throw new JsonFault("is not UTF-8 text");
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The kind of the next value. @throws JsonFault if there is none */
  kind(): JsonKind {
    const byte = this.#peek();
    if (byte === braceOpen) return "object";
    if (byte === bracketOpen) return "array";
    if (byte === quoteByte) return "string";
    if (byte === minus || (byte >= zero && byte <= nine)) return "number";
    if (byte === 0x74 || byte === 0x66) return "boolean";
    if (byte === 0x6e) return "null";
    throw this.#invalid();
  }

  /**
   * Reads an object.
   * @param visit is told each key, in order, and must read or skip its value.
   */
  object(visit: (key: string) => void): void {
    this.#enter(braceOpen);
    this.#items(braceClose, () => {
      const key = this.string();
      this.#expect(colon);
      visit(key);
    });
  }

  /** Reads an array. @param visit must read or skip one item. */
  array(visit: () => void): void {
    this.#enter(bracketOpen);
    this.#items(bracketClose, visit);
  }

  string(): string {
    this.#expect(quoteByte);
    const start = this.#at;
    let escaped = false;
    for (let byte = this.#bytes[this.#at]; byte !== quoteByte; byte = this.#bytes[this.#at]) {
      if (byte === undefined || byte < 0x20) throw this.#invalid();
      if (byte === backslash) {
        escaped = true;
        this.#at += 1;
      }
      this.#at += 1;
    }
    this.#at += 1;
    if (!escaped) return this.#bytes.toString("utf8", start, this.#at - 1);
    let text: string;
    try {
      text = String(JSON.parse(this.#bytes.toString("utf8", start - 1, this.#at)));
    } catch {
      throw this.#invalid();
    }
    if (/\p{Surrogate}/u.test(text)) throw new JsonFault("holds half of a surrogate pair, which is no character");
    return text;
  }

  /**
   * Reads a number. @returns It, if it is a whole number >= 0, written as one and at most 2^53 - 1; otherwise undefined
   */
  count(): number | undefined {
    this.#skipBlanks();
    const start = this.#at;
    let value = 0;
    let at = start;
    for (let byte = this.#bytes[at]; byte >= zero && byte <= nine; byte = this.#bytes[at]) {
      value = value * 10 + (byte - zero);
      at += 1;
    }
    // Digits and nothing else, without a zero before them: the usual case, and there may be millions of numbers.
    if (at > start && !isNumberByte(this.#bytes[at]) && (this.#bytes[start] !== zero || at === start + 1)) {
      this.#at = at;
      if (value === Infinity) throw outOfRange();
      return Number.isSafeInteger(value) ? value : undefined;
    }
    this.#number();
    return undefined;
  }

  /** Passes over the next value, whatever it is. */
  skip(): void {
    switch (this.kind()) {
      case "object":
        this.object(() => {
          this.skip();
        });
        return;
      case "array":
        this.array(() => {
          this.skip();
        });
        return;
      case "string":
        this.string();
        return;
      case "number":
        this.#number();
        return;
      case "boolean":
      case "null":
        this.#word();
    }
  }

  /** @throws JsonFault unless only blanks follow. */
  end(): void {
    this.#skipBlanks();
    if (this.#at < this.#bytes.length) throw this.#invalid();
  }

  #items(close: number, visit: () => void): void {
    if (this.#peek() === close) this.#at += 1;
    else {
      for (;;) {
        visit();
        const byte = this.#peek();
        this.#at += 1;
        if (byte === close) break;
        if (byte !== comma) throw this.#invalid();
      }
    }
    this.#depth -= 1;
  }

  #enter(open: number): void {
    this.#expect(open);
    this.#depth += 1;
    if (this.#depth > maxJsonDepth) throw new JsonFault(`is nested more than ${maxJsonDepth} levels deep`);
  }

  #number(): string {
    this.#skipBlanks();
    const start = this.#at;
    while (isNumberByte(this.#bytes[this.#at])) this.#at += 1;
    const text = this.#bytes.toString("latin1", start, this.#at);
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) throw this.#invalid();
    if (!Number.isFinite(Number(text))) throw outOfRange();
    return text;
  }

  #word(): void {
    for (const word of ["true", "false", "null"]) {
      if (this.#bytes.toString("latin1", this.#at, this.#at + word.length) !== word) continue;
      this.#at += word.length;
      return;
    }
    throw this.#invalid();
  }

  #expect(byte: number): void {
    if (this.#peek() !== byte) throw this.#invalid();
    this.#at += 1;
  }

  #peek(): number {
    this.#skipBlanks();
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#invalid();
    return byte;
  }

  #skipBlanks(): void {
    for (let byte = this.#bytes[this.#at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;) {
      this.#at += 1;
      byte = this.#bytes[this.#at];
    }
  }

  #invalid(): JsonFault {
    return new JsonFault(`is not valid JSON (byte ${Math.min(this.#at, this.#bytes.length)})`);
  }
}

function outOfRange(): JsonFault {
  return new JsonFault("holds a number that is out of range");
}

/** Digits, `+`, `-`, `.`, `e` and `E`. */
function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= zero && byte <= nine) || byte === 0x2b || byte === minus || byte === 0x2e || (byte | 0x20) === 0x65;
}
