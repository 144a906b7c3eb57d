export type Table = Record<string, unknown>;

/** JSON as Windows writes it, too: with a byte order mark. */
export function parseJson(text: string): Table | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : null;
  } catch {
    return null;
  }
}

export function asTable(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
