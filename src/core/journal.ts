import { appendFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { redact } from "../lib/errors.ts";
import type { Event } from "./target.ts";

/**
 * What a run did, one JSON object a line, for people to read afterwards. Never needed to go on:
 * refs and registries are the state.
 */
export interface Journal {
  readonly file: string;
  write(event: Event | { type: "run"; [key: string]: unknown }): void;
}

/** Opens the journal of a release for appending; written line by line so that a killed run leaves all it did. */
export function openJournal(folder: string, tag: string, now: () => Date): Journal {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${tag.replace(/[^A-Za-z0-9._@-]/g, "_")}.ndjson`);
  return {
    file,
    write(event) {
      if (event.type === "progress" || event.type === "output") return;
      appendFileSync(file, `${redact(JSON.stringify({ time: now().toISOString(), ...event }))}\n`);
    },
  };
}
