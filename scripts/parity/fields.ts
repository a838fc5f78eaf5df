/** @file Reads the JSON of a fixture field by field; every error names the file and the field. */

/** One JSON object. */
export class Fields {
  readonly #label: string;
  readonly #values: ReadonlyMap<string, unknown>;

  /** @param label how errors call the object, e.g. the path of its file. */
  constructor(label: string, json: unknown) {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new Error(`${label}: expected a JSON object`);
    }
    this.#label = label;
    this.#values = new Map(Object.entries(json));
  }

  get names(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Whether the field is there and not null. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#missing(name, "text");
  }

  optionalString(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "string") return value;
    return this.#missing(name, "text");
  }

  /** The number, or `fallback` where the field is missing. */
  number(name: string, fallback?: number): number {
    const value = this.#value(name) ?? fallback;
    return typeof value === "number" ? value : this.#missing(name, "a number");
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.#value(name) ?? fallback;
    return typeof value === "boolean" ? value : this.#missing(name, "true or false");
  }

  numbers(name: string): readonly number[] {
    const value = this.#value(name);
    const numbers = Array.isArray(value) ? value.filter((item): item is number => typeof item === "number") : [];
    if (!Array.isArray(value) || numbers.length !== value.length) return this.#missing(name, "a list of numbers");
    return numbers;
  }

  strings(name: string): readonly string[] {
    const value = this.#value(name);
    const strings = Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
    if (!Array.isArray(value) || strings.length !== value.length) return this.#missing(name, "a list of texts");
    return strings;
  }

  /** The object; an empty one where the field is missing. */
  object(name: string): Fields {
    return new Fields(`${this.#label}: ${name}`, this.#value(name) ?? {});
  }

  objects(name: string): readonly Fields[] {
    const value = this.#value(name);
    if (!Array.isArray(value)) return this.#missing(name, "a list of objects");
    return value.map((item, i) => new Fields(`${this.#label}: ${name}[${i}]`, item));
  }

  /** All fields as they are. */
  toJson(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#values);
  }

  #value(name: string): unknown {
    return this.#values.get(name) ?? undefined;
  }

  #missing(name: string, expected: string): never {
    const found = JSON.stringify(this.#value(name)) ?? "missing";
    throw new Error(`${this.#label}: "${name}" is ${found.slice(0, 60)}, expected ${expected}`);
  }
}
